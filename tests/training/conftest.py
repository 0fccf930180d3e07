"""A run small enough for tests, and helpers to drive it."""

import dataclasses

import pytest
import torch

from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings
from ssmviz.traces import Evaluation, Step


@pytest.fixture(autouse=True)
def _threads():
    """`train` sets torch's threads for the whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_settings():
    def make(*, layer="s6", task=None, model=None, optim=None, **rest):
        return TrainSettings(
            task=TaskSettings(**({"L": 16, "n_data": 2, "vocab": 6} | (task or {}))),
            model=ModelSettings(**({"layer": layer, "d_model": 16, "N": 4, "dt_rank": 2} | (model or {}))),
            optim=OptimSettings(**({"steps": 12, "batch": 8} | (optim or {}))),
            **({"eval_every": 5, "eval_batch": 16, "checkpoint_every": 6, "device": "cpu"} | rest),
        )

    return make


@pytest.fixture
def curve():
    def of(events):
        """Losses and evaluations without the clock."""
        kept = [e for e in events if isinstance(e, Step | Evaluation)]
        return [dataclasses.replace(e, seconds=0.0) if isinstance(e, Evaluation) else e for e in kept]

    return of
