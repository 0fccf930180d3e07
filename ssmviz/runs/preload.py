"""Imported once by the fork server: every worker is a copy of a process that has torch and the kernels ready.

Starts no thread and touches no GPU, since neither would survive the fork. So networks are built and looked at,
but not trained: the first backward pass makes torch count the GPUs.
"""

from __future__ import annotations

import os
from contextlib import suppress

from ssmviz.runs.driver import probe_tokens
from ssmviz.runs.entry import TRAINER
from ssmviz.runs.worker import NICE, load
from ssmviz.settings import ModelSettings, TaskSettings, TrainSettings
from ssmviz.traces import Probe

LAYERS = ("s6", "s4d")


def warm() -> None:
    """Load what workers need. What fails here fails again in the worker, where it is reported."""
    with suppress(AttributeError, OSError):  # meanwhile somebody opens the page for the first time
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    with suppress(Exception):
        import torch

        torch.set_num_threads(1)
    with suppress(Exception):
        import kernels

        kernels.warm_up()
    for layer in LAYERS:
        with suppress(Exception):
            _look_at(layer)


def _look_at(layer: str) -> None:
    model = ModelSettings(layer=layer, d_model=8, N=4)
    settings = TrainSettings(task=TaskSettings(L=16, n_data=4), model=model, device="cpu", eval_batch=2)
    trainer = load(TRAINER)(settings, None)
    next(trainer)
    trainer.send(Probe(probe_tokens(settings, None)))


warm()
