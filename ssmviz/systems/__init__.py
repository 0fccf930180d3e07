"""Mathematics of fixed state space models. numpy and scipy only, float64, no run and no screen.

Everywhere x is the input, h the state and y the output. S4 papers write u for the input and x for the state.
"""
