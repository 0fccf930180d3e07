"""Made-up experiments in the wire format: the record around whatever numbers a test wants. Nothing was trained."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from ssmviz.settings import TaskSettings


class Experiment(ABC):
    """Runs and all their frames, of a task and with scores that a subclass makes up.

    Args:
        steps: of the whole training.
        frames: how many are kept, evenly, the first step among them.
        state: of all runs.
        recorded: a recording, or an experiment of this server.
    """

    title = "made up"
    task: TaskSettings
    chance: float | None = None

    def __init__(self, *, steps: int, frames: int, state: str, recorded: bool) -> None:
        self.steps, self.state, self.recorded = steps, state, recorded
        self.kept = [round(i * steps / (frames - 1)) for i in range(frames)]
        self.rungs: dict[str, list[dict[str, Any]]] = {}  # by name of the run

    @property
    @abstractmethod
    def names(self) -> Iterable[str]:
        """Of the runs."""

    @abstractmethod
    def vocabulary(self) -> list[dict[str, str]]:
        """Labels and kinds of tokens or classes."""

    @abstractmethod
    def model(self, name: str) -> dict[str, Any]:
        """What the page must know of a run's model."""

    @abstractmethod
    def loss(self, name: str, step: int) -> float:
        """After `step` steps."""

    @abstractmethod
    def scores(self, name: str, steps: list[int]) -> dict[str, list[Any]]:
        """Columns of an evaluation beside the loss."""

    @abstractmethod
    def frame(self, name: str, step: int, read: np.ndarray | None = None) -> bytes:
        """The packed frame of one run after `step` steps, on what it reads, else on the first probe."""

    def more(self) -> dict[str, Any]:
        """What else the record says."""
        return {}

    def more_of(self, name: str) -> dict[str, Any]:
        """What else the record of a run says."""
        return {}

    def experiment(self, upto: int | None = None, **changes: Any) -> dict[str, Any]:
        """The record as of step `upto`."""
        upto = self.steps if upto is None else upto
        task = self.task
        record = {
            "id": "recorded-test" if self.recorded else "00000000-0000-4000-8000-000000000000",
            "title": self.title,
            "recorded": self.recorded,
            "created": 1.7e9,
            "settled": self.state not in ("queued", "starting", "running"),
            "task": {"name": task.name, "L": task.L, "vocab": task.vocab, "n_data": task.n_data},
            "vocabulary": self.vocabulary(),
            "chance": self.chance,
            "control": {"paused": False, "hold_at": None, "speed": 0.0, "probe": None, "probe_version": 0},
            "runs": [self.run(name, upto) for name in self.names],
        }
        return record | self.more() | changes

    def run(self, name: str, upto: int) -> dict[str, Any]:
        """One run's record."""
        steps = list(range(1, upto + 1))
        record = {
            "id": f"run-{name}",
            "label": name.upper(),
            "state": self.state,
            "error": "",
            "step": upto,
            "steps": self.steps,
            "attempt": 1,
            "queue": None,
            "device": "cpu",
            "backend": "numba" if name == "s6" else "fft",
            "parameters": 12345,
            "notes": [],
            "settings": {"model": self.model(name), "seed": 0},
            "losses": {"step": steps, "loss": [self.loss(name, s) for s in steps]},
            "evaluations": self.evaluations(name, [s for s in self.kept if 0 < s <= upto]),
            "rungs": self.rungs.get(name, []),
            "frames": [s for s in self.kept if s <= upto],
        }
        return record | self.more_of(name)

    def evaluations(self, name: str, steps: list[int]) -> dict[str, list[Any]]:
        """Columns of equal length."""
        blank = {key: [None for _ in steps] for key in ("token_accuracy", "sequence_accuracy", "error")}
        return {
            "step": steps,
            "loss": [self.loss(name, s) for s in steps],
            "test_loss": [self.loss(name, s) for s in steps],
            "position_accuracy": [[] for _ in steps],
            "lr": [0.005 for _ in steps],
            "grad_norm": [1.0 for _ in steps],
            "seconds": [0.02 * s for s in steps],
            **blank,
            **self.scores(name, steps),
        }


def wrapped(step: int, frame: bytes) -> bytes:
    """uint32 length, uint32 step, the frame, zeros up to a multiple of 8."""
    return struct.pack("<II", len(frame), step) + frame + bytes(-len(frame) % 8)


def message(run: int, step: int, frame: bytes) -> bytes:
    """A binary message of the socket."""
    return struct.pack("<II", run, step) + frame
