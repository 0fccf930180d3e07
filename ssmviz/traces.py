"""What crosses borders: plain frozen records, no logic, nothing of ours imported.

Shapes: L positions of one sequence, D channels, N states. Arrays are numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class LayerTrace:
    """One sequence through one layer; None where the layer has no such thing.

    For complex states A_bar, B_bar, C and h are complex; of a diagonal system y = 2 Re(C h) + D_skip x then.
    A layer that does not depend on its input still gives a row per position. What a row of h is, and what the
    numbers in it are, says the layer's card (`ssmviz.family`).
    """

    x: np.ndarray  # (L, D) what enters the layer
    delta: np.ndarray | None  # (L, D) after softplus
    A_bar: np.ndarray | None  # (L, D, N) what is kept of the state
    B_bar: np.ndarray | None  # (L, D, N) what is written
    C: np.ndarray | None  # (L, N), or (L, D, N) where each channel reads with its own C
    h: np.ndarray | None  # (L, R, N) the memory after each position, R rows of N numbers: R = D channels in S6
    y: np.ndarray  # (L, D) what leaves the layer, D_skip included, gate not
    weights: np.ndarray | None = None  # (H, L, L) row t: what token t takes from each before it; signed or not


@dataclass(frozen=True)
class NetworkTrace:
    """One sequence through the whole network."""

    tokens: np.ndarray  # (L,) int; float where a signal is read
    targets: np.ndarray  # (L,) int, IGNORED = -100 where nothing is asked; float, NaN there, where a signal is asked
    logits: np.ndarray  # (L, vocab); (L, 1), what is said, where a signal is asked
    layers: tuple[LayerTrace, ...]  # all that mix positions


@dataclass(frozen=True)
class Started:
    """First event of every attempt: what really runs."""

    step: int  # the step it starts from: 0, or the checkpoint's
    device: str  # "cpu", "cuda: NVIDIA H200"
    backend: str  # the scan that runs: "numba", "triton", "torch", "reference"; "fft" (S4D), "softmax"
    parameters: int
    notes: tuple[str, ...] = ()  # every fallback taken, in words


@dataclass(frozen=True)
class Note:
    """Something that people should know, such as a fallback taken on the way."""

    step: int
    text: str


@dataclass(frozen=True)
class Step:
    """One optimiser step done."""

    step: int  # steps done so far, from 1
    loss: float | None  # None where reading it would stall the device


@dataclass(frozen=True)
class Evaluation:
    """The fixed test set, after `step` steps. Accuracies in [0, 1], None where a signal is asked; `error` else."""

    step: int
    loss: float  # training loss, mean since the last evaluation
    test_loss: float
    token_accuracy: float | None
    sequence_accuracy: float | None
    position_accuracy: tuple[float, ...]  # one per answer
    lr: float
    grad_norm: float
    seconds: float  # of training so far, over all attempts, pauses not counted
    error: float | None = None  # root mean square of what is said less what is wanted, over that of what is wanted


@dataclass(frozen=True)
class Frame:
    """The network's inside on the probe sequence after `step` steps."""

    step: int
    trace: NetworkTrace
    A: tuple[np.ndarray | None, ...]  # (R, N) per layer, complex for S4D; None where there is no diagonal system


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to go on bit for bit: safetensors bytes."""

    step: int
    data: bytes


@dataclass(frozen=True)
class Rung:
    """One test at another length, after training; accuracies and error as in `Evaluation`."""

    step: int
    length: int  # task.L of the test
    token_accuracy: float | None
    sequence_accuracy: float | None
    sequences: int
    error: float | None = None
    label: str = ""  # how it was tested, where there is more than one way; the same for all rungs of one way


@dataclass(frozen=True)
class Diverged:
    """The loss or a gradient stopped being a number at `step`; training ends here."""

    step: int
    reason: str


@dataclass(frozen=True)
class Finished:
    """Last event of a run that did all its steps."""

    step: int
    seconds: float


Event = Started | Note | Step | Evaluation | Frame | Checkpoint | Rung | Diverged | Finished


@dataclass(frozen=True)
class Advance:
    """Command to `train`: go on to the next event."""


@dataclass(frozen=True)
class Probe:
    """Command to `train`: the next event is a `Frame` of these tokens; nothing else moves."""

    tokens: tuple[int, ...] | tuple[float, ...]  # real numbers where a signal is read
    targets: tuple[int, ...] | tuple[float, ...] | None = None


@dataclass(frozen=True)
class Save:
    """Command to `train`: the next event is a `Checkpoint`; nothing else moves."""


Command = Advance | Probe | Save


def as_row(event: Event) -> dict[str, Any]:
    """The scalar fields of an event (no arrays, no bytes)."""
    return {k: v for k, v in vars(event).items() if not isinstance(v, bytes | np.ndarray | NetworkTrace)}
