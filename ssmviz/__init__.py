"""ssmviz: see, touch and train state space models."""

__version__ = "0.1.0"
