"""Processes that train the cells of a sweep: each on one device, none able to take others with it."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ssmviz.settings import TrainSettings

POINTS = 40  # of a curve are kept
Row = dict[str, Any]


class Workers:
    """As many processes as fit; a process that dies costs its cell alone, and another takes its place.

    Args:
        gpus: to use, 0 for the CPU.
        per_gpu: processes on each.
        processes: on the CPU.
        partial: folder of cells that are under way.
        deadline: `time.time()` at which they save themselves.
    """

    def __init__(self, gpus: int, per_gpu: int, processes: int, partial: Path, deadline: float) -> None:
        self.partial, self.deadline = partial, deadline
        self.places = [gpu for _ in range(per_gpu) for gpu in range(gpus)] if gpus else [None] * processes
        self.idle: list[_Worker] = []
        self.busy: dict[str, _Worker] = {}  # by key of the cell

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in (*self.idle, *self.busy.values()):
            worker.end()

    def offer(self, cell: Any) -> bool:
        """Start a cell where there is room."""
        if not self.idle and self.places:
            self.idle.append(_Worker(self.places.pop(0), self.partial, self.deadline))
        if self.idle:
            worker = self.idle.pop()
            worker.start(cell)
            self.busy[cell.key] = worker
            return True
        return False

    def results(self, *, timeout: float) -> Iterator[tuple[Any, Row | None]]:
        """What has come in the meantime; None for a cell that was saved for the next call."""
        by_end = {w.connection: key for key, w in self.busy.items()}
        for connection in wait(list(by_end), timeout):
            worker = self.busy.pop(by_end[connection])
            try:
                yield worker.cell, worker.connection.recv()
                self.idle.append(worker)
            except EOFError:
                worker.process.join()
                self.places.insert(0, worker.gpu)
                yield worker.cell, failed(f"the process ended with {worker.process.exitcode}")


class _Worker:
    """One process."""

    def __init__(self, gpu: int | None, partial: Path, deadline: float) -> None:
        context = multiprocessing.get_context("spawn")
        self.gpu, self.cell = gpu, None
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, gpu, partial, deadline), daemon=True)
        with _device(gpu):  # before anything of CUDA is loaded
            self.process.start()
        theirs.close()

    def start(self, cell: Any) -> None:
        """Train it."""
        self.cell = cell
        self.connection.send((cell.key, cell.settings))

    def end(self) -> None:
        """At once."""
        self.process.terminate()
        self.process.join()


@contextlib.contextmanager
def _device(gpu: int | None) -> Iterator[None]:
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    given = before.split(",") if before else [str(i) for i in range(64)]
    os.environ["CUDA_VISIBLE_DEVICES"] = "" if gpu is None else given[gpu]
    yield
    if before is None:
        del os.environ["CUDA_VISIBLE_DEVICES"]
    else:
        os.environ["CUDA_VISIBLE_DEVICES"] = before


def _work(connection: Connection, gpu: int | None, partial: Path, deadline: float) -> None:
    if gpu is None:
        os.nice(5)
    with contextlib.suppress(EOFError):
        while True:
            key, settings = connection.recv()
            connection.send(measure(settings, partial / key, deadline))


def failed(reason: str, state: str = "failed") -> Row:
    """The result of a training that came to nothing."""
    empty = {"token": None, "sequence": None, "error": None, "steps": 0, "parameters": None, "curve": [], "ladder": []}
    return empty | {"state": state, "reason": reason[:300], "seconds": 0.0, "ms_per_step": None}


def measure(settings: TrainSettings, saved: Path, deadline: float = float("inf")) -> Row | None:
    """Train one cell, or go on with it.

    Args:
        settings: of the cell.
        saved: where it is kept until it is done: `<saved>.json` and `<saved>.safetensors`.
        deadline: `time.time()` at which it is saved; a ladder that has begun is finished.

    Returns:
        Its result; None where it was saved.
    """
    import torch

    notes, checkpoint = saved.with_suffix(".json"), saved.with_suffix(".safetensors")
    row = failed("") | {"state": "done"}
    try:
        from ssmviz.training.loop import train

        earlier = notes.exists() and checkpoint.exists()
        row["curve"] = _read(notes) if earlier else []
        events = train(settings, checkpoint.read_bytes() if earlier else None)
        over = _follow(events, row, settings, (notes, checkpoint), deadline)
        if over:
            return None
    except torch.cuda.OutOfMemoryError as error:
        row = _ended(row, settings, "oom", str(error))
    except Exception as error:  # noqa: BLE001 - whatever it was, it is this cell's result
        row = _ended(row, settings, "failed", f"{type(error).__name__}: {error}")
    finally:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    for file in (notes, checkpoint):
        file.unlink(missing_ok=True)
    return _summed(row)


def _follow(events: Any, row: Row, settings: TrainSettings, files: tuple[Path, Path], deadline: float) -> bool:
    """Note the events in `row`; whether the time was over."""
    from ssmviz.traces import Checkpoint, Diverged, Evaluation, Rung, Save, Started, Step

    for event in events:
        match event:
            case Started():
                row["parameters"], row["scan"] = event.parameters, event.backend
            case Evaluation():
                scores = (event.loss, event.test_loss, event.token_accuracy, event.sequence_accuracy, event.error)
                row["curve"].append([event.step, *map(_short, scores), round(event.seconds, 3)])
            case Step() if time.time() > deadline:
                _save(files, row, events.send(Save()))
                events.close()
                return True
            case Checkpoint() if event.step == settings.optim.steps:  # the ladder may take long
                _save(files, row, event)
            case Rung():
                names = ("L", "token", "sequence", "sequences", "error", "label")
                scores = (event.length, event.token_accuracy, event.sequence_accuracy, event.sequences, event.error)
                row["ladder"].append(dict(zip(names, (*map(_short, scores), event.label), strict=True)))
            case Diverged():
                row |= {"state": "diverged", "reason": f"step {event.step}: {event.reason}"}
    return False


def _ended(row: Row, settings: TrainSettings, state: str, reason: str) -> Row:
    """A failure while testing other lengths leaves the training's result, with a word on where the tests ended."""
    if row["curve"] and row["curve"][-1][0] == settings.optim.steps:
        longest = row["ladder"][-1]["L"] if row["ladder"] else "none"
        return row | {"reason": f"other lengths were tested up to {longest}: {state}: {reason}"[:300]}
    return row | {"state": state, "reason": reason[:300]}


def _summed(row: Row) -> Row:
    if row["curve"]:
        step, _, _, token, sequence, error, seconds = row["curve"][-1]
        row |= {"token": token, "sequence": sequence, "error": error, "steps": step, "seconds": seconds}
        row["ms_per_step"] = round(1e3 * seconds / step, 3)
        every = max(1, len(row["curve"]) // POINTS)
        row["curve"] = row["curve"][every - 1 :: every] if every > 1 else row["curve"]
    return row


def _save(files: tuple[Path, Path], row: Row, event: Any) -> None:
    notes, checkpoint = files
    if not hasattr(event, "data"):  # it has diverged: the next call finds out
        return
    notes.parent.mkdir(parents=True, exist_ok=True)
    for file, data in ((checkpoint, event.data), (notes, json.dumps(row["curve"]).encode())):
        temporary = file.with_suffix(".new")
        temporary.write_bytes(data)
        temporary.replace(file)


def _read(notes: Path) -> list[list[Any]]:
    curve: list[list[Any]] = json.loads(notes.read_text())
    return curve


def _short(value: float | None) -> float | None:
    return float(f"{value:.6g}") if isinstance(value, float) else value
