"""One generator that trains: `train(settings, checkpoint)`. Pages, command line and tests use the same one."""

from ssmviz.training.loop import train

__all__ = ["train"]
