"""An experiment as one file (zip of JSON and frames): shipped with the app, sent to others, read like any other.

`experiment.json` holds settings, states and metrics; `frames/<run>/<step>` one frame each. Nothing in it is run or
unpickled, and everything is bounded and checked before it is used: the file may come from a stranger.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ssmviz import frames
from ssmviz.runs.experiment import ExperimentView, Summary
from ssmviz.runs.records import (
    LIVE,
    MAX_FRAMES,
    MAX_RUNS,
    Control,
    ExperimentRow,
    FrameInfo,
    Metric,
    MetricKind,
    Refused,
    RunRow,
    checked_id,
    cut,
    read_settings,
)
from ssmviz.runs.store import Store

SUFFIX = ".ssmviz"
BUDGET = 4 * 1024**2  # bytes of all compressed frames of an export
SMALL_BUDGET = 240 * 1024  # of a small one,
SMALL = {"channels": 4, "rows": 16}  # whose frames show no more than this
MAX_FILE = 32 * 1024**2
MAX_JSON = 16 * 1024**2
MAX_FRAME = 1024**2
MAX_METRICS = 20_000
MANIFEST = "experiment.json"
FRAME_NAME = re.compile(r"frames/(\d)/(\d{1,7})")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes for the same experiment

Name = Annotated[str, StringConstraints(max_length=80)]
Text = Annotated[str, StringConstraints(max_length=500)]
Natural = Annotated[int, Field(ge=0, le=10**9)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class _Run(_Part):
    id: Name
    label: Name
    settings: dict[str, Any]
    state: Literal["done", "cancelled", "interrupted", "diverged", "oom", "timeout", "failed"]
    step: Natural
    reason: Text
    device: Name
    backend: Name
    parameters: Natural
    notes: list[Text] = Field(max_length=16)
    seconds: float = Field(ge=0)
    token_accuracy: Share | None
    sequence_accuracy: Share | None
    metrics: list[tuple[MetricKind, Natural, dict[Name, Any]]] = Field(max_length=MAX_METRICS)


class _Experiment(_Part):
    version: Literal[1] = 1
    title: Name
    preset: Name | None
    created: float = Field(ge=0)
    runs: list[_Run] = Field(min_length=1, max_length=MAX_RUNS)


class Recording:
    """A file, read and checked; an `ExperimentView`.

    Args:
        name: its id, in place of a UUID.
        data: bytes of the file.

    Raises:
        Refused: they are not a recording, or too large.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.id = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            names = self._checked_names()
            self._manifest = _Experiment.model_validate_json(self._json())
            self._rows = tuple(self._row(i, run) for i, run in enumerate(self._manifest.runs))
        except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
            problem = "fields are missing or out of bounds" if isinstance(error, ValidationError) else error
            raise Refused(f"{name} is no recording of this app: {problem}") from None
        self._steps = [sorted(step for run, step in names if run == i) for i in range(len(self._rows))]

    def summary(self) -> Summary:
        """As it was when it was recorded."""
        about = self._manifest
        row = ExperimentRow(self.id, cut(about.title), about.preset, about.created, read_only=True)
        return Summary(row, self._rows, Control())

    def metrics_since(self, run: str, rowid: int = 0) -> list[Metric]:
        """See `ExperimentView`."""
        rows = self._manifest.runs[self._position(run)].metrics
        return [Metric(i + 1, *row) for i, row in enumerate(rows) if i + 1 > rowid]

    def newest_frame(self, run: str) -> FrameInfo | None:
        """See `ExperimentView`."""
        steps = self.frame_steps(run)
        return FrameInfo(steps[-1], len(steps), 0) if steps else None

    def frame_steps(self, run: str) -> list[int]:
        """See `ExperimentView`."""
        return self._steps[self._position(run)]

    def frame(self, run: str, step: int) -> bytes | None:
        """See `ExperimentView`."""
        known = step in self.frame_steps(run)
        return self._zip.read(f"frames/{self._position(run)}/{step}") if known else None

    def frames_after(self, run: str, step: int) -> Iterator[tuple[int, bytes]]:
        """See `ExperimentView`."""
        steps = self.frame_steps(run)
        for later in steps[bisect_right(steps, step) :]:
            yield later, self._zip.read(f"frames/{self._position(run)}/{later}")

    def _position(self, run: str) -> int:
        for row in self._rows:
            if row.id == run:
                return row.position
        raise KeyError(f"there is no run {run} in {self.id}")

    def _checked_names(self) -> list[tuple[int, int]]:
        found = []
        for entry in self._zip.infolist():
            if entry.filename == MANIFEST and entry.file_size <= MAX_JSON:
                continue
            match = FRAME_NAME.fullmatch(entry.filename)
            if match is None or entry.file_size > MAX_FRAME:
                raise ValueError(f"unexpected part {entry.filename[:60]!r} of {entry.file_size} bytes")
            found.append((int(match[1]), int(match[2])))
        if len(found) != len(set(found)) or len(found) > MAX_RUNS * MAX_FRAMES:
            raise ValueError(f"{len(found)} frames are too many, or some are there twice")
        for run, step in found:
            frames.unpack(self._zip.read(f"frames/{run}/{step}"))
        return found

    def _json(self) -> bytes:
        if MANIFEST not in self._zip.namelist():
            raise ValueError(f"there is no {MANIFEST} in it")
        return self._zip.read(MANIFEST)

    def _row(self, position: int, run: _Run) -> RunRow:
        known: dict[str, Any] = run.model_dump(exclude={"metrics", "settings", "id", "notes"})
        return RunRow(
            **known | {"label": cut(run.label)},
            id=checked_id(run.id),
            experiment=self.id,
            position=position,
            settings=read_settings(json.dumps(run.settings)),
            notes=tuple(run.notes),
            attempt=1,
            failures=0,
            checkpoint_step=None,
            probe_version=0,
        )


def read_recording(path: Path) -> Recording:
    """Read and check a file; its id is the file's name without suffix.

    Raises:
        Refused: it is not a recording, or too large.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_FILE:
        raise Refused(f"{path.name} has {size} bytes, a recording has at most {MAX_FILE}")
    return Recording(path.stem, path.read_bytes())


def export_experiment(view: ExperimentView, path: Path, *, budget: int = BUDGET, small: bool = False) -> int:
    """Write an experiment to a file. Frames are thinned evenly, first and last kept, until they fit.

    Args:
        view: what to write; `StoredExperiment(store, id)` for one of the store.
        path: of the file, replaced when it exists.
        budget: bytes of all frames, compressed.
        small: whether each frame shows less, so that more of them fit.

    Returns:
        Size of the file.
    """
    summary = view.summary()
    runs = [_recorded(view, run) for run in summary.runs]
    about = summary.experiment
    manifest = _Experiment(title=about.title, preset=about.preset, created=about.created, runs=runs)
    lean = (lambda data: frames.thinned(data, **SMALL)) if small else (lambda data: data)
    partial = path.with_suffix(".part")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr(zipfile.ZipInfo(MANIFEST, EPOCH), manifest.model_dump_json(), zipfile.ZIP_DEFLATED)
        for position, run in enumerate(summary.runs):
            shown = {step: lean(data) for step, data in view.frames_after(run.id, -1)}
            for step in _steps_that_fit(shown, budget // len(runs)):
                file.writestr(zipfile.ZipInfo(f"frames/{position}/{step}", EPOCH), shown[step], zipfile.ZIP_DEFLATED)
    partial.replace(path)
    return path.stat().st_size


def import_recording(store: Store, path: Path) -> ExperimentRow:
    """Take a file into the store as an experiment that can be looked at, restarted and deleted.

    The same file twice is one experiment.

    Raises:
        Refused: it is not a recording, or there is no room.
    """
    recording = read_recording(path)
    key = f"import:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    summary = recording.summary()
    title, preset = summary.experiment.title, summary.experiment.preset
    runs = [(run.label, run.settings) for run in summary.runs]
    known = bool(store.keys_like(key))
    row = store.create_experiment(key, title, runs, preset=preset, state="interrupted", read_only=True)
    if not known:
        for old, new in zip(summary.runs, store.runs_of(row.id), strict=True):
            _copy(recording, old, store, new.id)
    return row


def _copy(recording: Recording, old: RunRow, store: Store, new: str) -> None:
    db = store.rundb(new)
    db.append([(metric.kind, metric.step, metric.data) for metric in recording.metrics_since(old.id)])
    for step, frame in recording.frames_after(old.id, -1):
        db.put_frame(step, frame)
    names = ("step", "reason", "device", "backend", "parameters", "seconds", "token_accuracy", "sequence_accuracy")
    columns = {name: getattr(old, name) for name in names} | {"notes": json.dumps(old.notes)}
    store.move(new, old.state, attempt=0, expect=("interrupted",), **columns)


def _recorded(view: ExperimentView, run: RunRow) -> _Run:
    metrics, rowid = [], 0
    while page := view.metrics_since(run.id, rowid):
        rowid = page[-1].rowid
        metrics += [(m.kind, m.step, m.data) for m in page]
    names = ("id", "label", "step", "reason", "device", "backend", "parameters", "seconds")
    known: dict[str, Any] = {name: getattr(run, name) for name in names}
    known |= {"token_accuracy": run.token_accuracy, "sequence_accuracy": run.sequence_accuracy}
    known |= {"settings": run.settings.model_dump(), "notes": list(run.notes), "metrics": metrics[:MAX_METRICS]}
    known["state"] = "interrupted" if run.state in (*LIVE, "unreadable") else run.state
    return _Run.model_validate(known)


def _steps_that_fit(shown: Mapping[int, bytes], budget: int) -> list[int]:
    sizes = {step: len(zlib.compress(data, 9)) for step, data in shown.items()}
    steps = sorted(sizes)
    count = len(steps)
    while count > 1 and sum(sizes[step] for step in _evenly(steps, count)) > budget:
        count = count * 9 // 10
    return _evenly(steps, count)


def _evenly(items: Sequence[int], count: int) -> list[int]:
    if count < 2:
        return list(items[-1:])
    last = len(items) - 1
    return [items[round(i * last / (count - 1))] for i in range(count)]
