"""One way to read an experiment, whether it trains here or was recorded elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ssmviz.runs.records import Control, ExperimentRow, FrameInfo, Metric, RunRow


@dataclass(frozen=True)
class Summary:
    """An experiment at one moment."""

    experiment: ExperimentRow
    runs: tuple[RunRow, ...]
    control: Control


class ExperimentView(Protocol):
    """What pages and routes read. `run` is the id of one of its runs."""

    def summary(self) -> Summary:
        """States, settings, labels, control."""

    def metrics_since(self, run: str, rowid: int = 0) -> list[Metric]:
        """Rows after `rowid` in the order they happened; ask again from the last one's rowid."""

    def newest_frame(self, run: str) -> FrameInfo | None:
        """The frame written last; its `seq` tells whether it is new."""

    def frame_steps(self, run: str) -> list[int]:
        """Steps of all frames, ascending."""

    def frame(self, run: str, step: int) -> bytes | None:
        """The frame of exactly this step."""

    def frames_after(self, run: str, step: int) -> Iterator[tuple[int, bytes]]:
        """(step, frame) of every frame after `step` (-1: all), ascending."""
