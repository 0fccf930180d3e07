"""`python -m ssmviz.training`: the same training as in the app, into the same store, without a browser."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import ssmviz
from ssmviz.runs.driver import Driver, End, Trainer
from ssmviz.runs.locks import FileLock
from ssmviz.runs.recorder import Recorder
from ssmviz.runs.recording import BUDGET, SMALL_BUDGET, SUFFIX, export_experiment
from ssmviz.runs.records import RESUMABLE, Fenced, Refused, RunRow
from ssmviz.runs.store import Store
from ssmviz.runs.twins import Twins
from ssmviz.runs.view import StoredExperiment
from ssmviz.traces import Command, Event
from ssmviz.training.arguments import Order
from ssmviz.training.loop import train
from ssmviz.training.screen import Result, Screen, table

RECORDINGS = Path(ssmviz.__file__).parent.parent / "assets" / "recordings"
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def carry_out(order: Order) -> int:
    """Train what is ordered; the exit status."""
    screen = Screen()
    store = Store()
    if store.notice:
        screen.say(store.notice)
    try:
        runs = _resumed(store, order.resume) if order.resume else _created(store, order)
        with _held(store, runs), _leaving() as leaving:
            results = [_train(store, run, screen, leaving) for run in runs]
    except Refused as error:
        screen.say(f"ssmviz: {error}")
        return USAGE
    except Fenced:
        screen.say("ssmviz: another process has taken this run over")
        return FAILED
    screen.say(f"\n{table(results)}\n")
    status = _closing(runs[0].experiment, results, screen)
    if order.record and status == OK:
        _record(store, runs[0].experiment, order, screen)
    return status


def _created(store: Store, order: Order) -> tuple[RunRow, ...]:
    key = f"command:{uuid.uuid4()}"
    experiment = store.create_experiment(key, order.title, order.runs, preset=order.preset, state="starting")
    return store.runs_of(experiment.id)


def _resumed(store: Store, name: str) -> tuple[RunRow, ...]:
    """The unfinished runs of an experiment, claimed for this process."""
    try:
        experiment = store.experiment(name)
    except KeyError as error:
        raise Refused(str(error.args[0])) from None
    if experiment.read_only:
        raise Refused("a recording cannot be resumed; train its preset again")
    rows = [run for run in store.runs_of(experiment.id) if run.state in RESUMABLE]
    if not rows:
        raise Refused(f"experiment {name} has no run that can be resumed")
    store.update_control(experiment.id, stop=False, paused=False, hold_at=None)
    claimed = [r.id for r in rows if store.requeue(r.id, expect=RESUMABLE) and store.claim(r.id) is not None]
    if not claimed:
        raise Refused("the app goes on with these runs already; look there")
    return tuple(store.run(run) for run in claimed)


@contextmanager
def _held(store: Store, runs: Sequence[RunRow]) -> Iterator[None]:
    """Hold the runs' kernel locks, so that everybody knows a process works on them."""
    with ExitStack() as stack:
        for run in runs:
            lock = FileLock(store.folder(run.id) / "alive.lock")
            if not lock.acquire(timeout=1.0):
                raise Refused(f"another process works on run {run.id}")
            lock.sign()
            stack.callback(lock.release)
        yield


@contextmanager
def _leaving() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C or SIGTERM came: the first one saves and leaves, a second Ctrl-C leaves at once."""
    asked: list[int] = []

    def note(number: int, _: object) -> None:
        if asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _train(store: Store, run: RunRow, screen: Screen, leaving: Callable[[], bool]) -> Result:
    result = Result(run.label, run.settings)
    saved = store.load_checkpoint(run.id)
    step, data = saved or (None, None)
    recorder = Recorder(store, run, resumed=step)
    driver = Driver(store, run, recorder, Twins(store), leaving)
    try:
        state, reason = driver.drive(_watched(train(run.settings, data), result, screen))
    except (ValueError, RuntimeError, MemoryError) as error:
        state, reason = _failure(error)
    recorder.end(state, reason)
    result.state = state
    if reason:
        screen.say(f"{run.label}: {state}: {reason}")
    return result


def _watched(trainer: Trainer, result: Result, screen: Screen) -> Generator[Event, Command | None, None]:
    """The trainer, with its events shown on their way."""
    event = next(trainer)
    while True:
        screen.show(result, event)
        command = yield event
        try:
            event = trainer.send(command)
        except StopIteration:
            return


def _failure(error: Exception) -> End:
    text = str(error) or type(error).__name__
    if isinstance(error, MemoryError) or "out of memory" in text.lower() or "can't allocate" in text:
        return "oom", f"not enough memory: make batch, L or d_model smaller ({text[:200]})"
    return "failed", text[:500]


def _record(store: Store, experiment: str, order: Order, screen: Screen) -> None:
    RECORDINGS.mkdir(parents=True, exist_ok=True)
    path = RECORDINGS / f"{order.record}{SUFFIX}"
    budget = SMALL_BUDGET if order.small else BUDGET
    size = export_experiment(StoredExperiment(store, experiment), path, budget=budget, small=order.small)
    screen.say(f"recorded in {path} ({size / 1e6:.1f} MB)")


def _closing(experiment: str, results: Sequence[Result], screen: Screen) -> int:
    screen.say(f"experiment {experiment}")
    states = {result.state for result in results}
    if states & set(RESUMABLE):
        screen.say(f"go on with it: python -m ssmviz.training --resume {experiment}")
    if "interrupted" in states:
        return INTERRUPTED
    return OK if states <= {"done"} else FAILED
