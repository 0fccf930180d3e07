"""A class on one server: who somebody is, whose a run is, and how much one person may use.

Everything is switched on by one file (`config`); without it there is one person, who may do everything.
"""
