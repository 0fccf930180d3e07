"""Imported once by the fork server: every worker is a copy of a process that has torch and the kernels ready.

Starts no thread and touches no GPU; neither would survive the fork.
"""

from __future__ import annotations

import importlib
from contextlib import suppress


def warm() -> None:
    """Load what workers need. What fails here fails again in the worker, where it is reported."""
    with suppress(Exception):
        import torch

        torch.set_num_threads(1)
    for name in ("ssmviz.runs.worker", "ssmviz.training.loop"):
        with suppress(Exception):
            importlib.import_module(name)
    with suppress(Exception):
        import kernels

        warm_up = getattr(kernels, "warm_up", None)
        if warm_up is not None:
            warm_up()


warm()
