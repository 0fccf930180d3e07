"""Which device and which scan run, and why: every fallback becomes a note that people see."""

from __future__ import annotations

from typing import NamedTuple

import torch

import kernels
from ssmviz.models import LAYERS
from ssmviz.settings import TrainSettings


class Place(NamedTuple):
    """Where a run happens."""

    device: torch.device
    backend: str  # for `Network.backend`
    scan: str  # what is said to people: the backend, or what a layer without a scan does
    notes: tuple[str, ...]

    @property
    def description(self) -> str:
        """Such as "cpu" or "cuda: NVIDIA H200"."""
        if self.device.type == "cuda":
            return f"cuda: {torch.cuda.get_device_name(self.device)}"
        return self.device.type


def resolve(settings: TrainSettings) -> Place:
    """The device and scan of a run, with a note for everything that is not as asked."""
    notes = []
    wanted = settings.device
    if wanted == "cuda" and not torch.cuda.is_available():
        notes.append("CUDA is not available here: running on the CPU")
    device = torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
    try:
        backend, note = kernels.resolve(settings.backend, device)
    except (RuntimeError, ValueError) as error:  # named, but not for this machine: train all the same, and say so
        notes.append(str(error))
        backend, note = kernels.resolve("auto", device)
    if note:
        notes.append(note)
    return Place(device, backend, LAYERS[settings.model.layer].how or backend, tuple(notes))
