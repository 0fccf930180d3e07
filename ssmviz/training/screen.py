"""What the command line shows: a line that moves on a terminal, few plain lines elsewhere, and a table at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TextIO

from ssmviz.settings import TrainSettings
from ssmviz.traces import Diverged, Evaluation, Event, Finished, Note, Rung, Started, Step

REDRAW_SECONDS = 0.1
PLAIN_LINES = 10  # of progress, where the output is not a terminal
BAR = 24
SCORES = ("token", "sequence", "error")


@dataclass
class Result:
    """What is known of one run."""

    label: str
    settings: TrainSettings
    started: Started | None = None
    evaluation: Evaluation | None = None
    rungs: list[Rung] = field(default_factory=list)
    state: str = "running"
    seconds: float = 0.0


class Screen:
    """Shows the events of one run after the other."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._moves = self._out.isatty()
        self._drawn = 0.0
        self._width = 0

    def say(self, text: str) -> None:
        """A line of its own."""
        self._clear()
        self._out.write(text + "\n")
        self._out.flush()

    def show(self, result: Result, event: Event) -> None:
        """Note an event in `result`, and draw when it is time."""
        match event:
            case Started():
                result.started = event
                self.say(_opening(result, event))
            case Evaluation():
                result.evaluation, result.seconds = event, event.seconds
            case Note():
                self.say(f"{result.label}: {event.text}")
            case Rung():
                result.rungs.append(event)
            case Diverged():
                self.say(f"{result.label}: diverged at step {event.step}: {event.reason}")
            case Finished():
                result.seconds = event.seconds
        self._draw(result, event)

    def _draw(self, result: Result, event: Event) -> None:
        steps = result.settings.optim.steps
        if not isinstance(event, Step | Evaluation | Rung):
            return
        text = (
            _progress(result, event.step)
            if not isinstance(event, Rung)
            else f"{result.label}: testing L={event.length}"
        )
        if self._moves:
            if time.monotonic() - self._drawn > REDRAW_SECONDS or event.step == steps:
                self._clear()
                self._out.write(text)
                self._out.flush()
                self._width, self._drawn = len(text), time.monotonic()
        elif isinstance(event, Evaluation) and _is_tenth(event.step, result.settings):
            self.say(text)

    def _clear(self) -> None:
        if self._width:
            self._out.write("\r" + " " * self._width + "\r")
            self._width = 0


def table(results: Sequence[Result]) -> str:
    """Scores, times and machines, one line a run; then the ladders, one column a run."""
    head = ("run", "state", "steps", *SCORES, "seconds", "ms/step", "device", "scan")
    lines = _without_empty([head, *map(_row, results)])
    tests = sorted({(rung.length, rung.label) for result in results for rung in result.rungs})
    text = _columns(lines)
    if not tests:
        return text
    names = [f"{r.label} {what}" for r in results for what in SCORES]
    ladder = [("L", *names), *((f"{L} {label}".strip(), *_tested(results, L, label)) for L, label in tests)]
    return f"{text}\n\n{_columns(_without_empty(ladder))}"


def _opening(result: Result, event: Started) -> str:
    s = result.settings
    notes = "".join(f"\n  note: {note}" for note in event.notes)
    whence = f" from step {event.step}" if event.step else ""
    return (
        f"{result.label}: {s.task.name}, L={s.task.L}, {s.optim.steps} steps{whence}, {event.parameters:,} parameters, "
        f"on {event.device}, scan: {event.backend}{notes}"
    )


def _progress(result: Result, step: int) -> str:
    steps, score = result.settings.optim.steps, result.evaluation
    done = BAR * step // steps
    text = f"{result.label} [{'#' * done}{'.' * (BAR - done)}] {step}/{steps}"
    if score is not None:
        text += "".join(
            f"  {name} {value}" for name, value in zip(SCORES, _numbers(score), strict=True) if value != "-"
        )
        text += f"  {score.seconds:.1f} s"
    return text


def _is_tenth(step: int, settings: TrainSettings) -> bool:
    """Whether this evaluation is one of about PLAIN_LINES that are worth a line."""
    steps, every = settings.optim.steps, settings.eval_every
    return step * PLAIN_LINES // steps != max(0, step - every) * PLAIN_LINES // steps


def _row(result: Result) -> tuple[str, ...]:
    score, started = result.evaluation, result.started
    step = score.step if score else 0
    return (
        result.label,
        result.state,
        str(step),
        *_numbers(score),
        f"{result.seconds:.1f}",
        f"{1e3 * score.seconds / step:.1f}" if score else "-",
        started.device if started else "-",
        started.backend if started else "-",
    )


def _numbers(score: Evaluation | Rung | None) -> tuple[str, ...]:
    """The values of SCORES; a dash for what the task does not have."""
    if score is None:
        return ("-",) * len(SCORES)
    values = (score.token_accuracy, score.sequence_accuracy, score.error)
    return tuple("-" if value is None else f"{value:.1%}" for value in values)


def _tested(results: Sequence[Result], length: int, label: str) -> list[str]:
    cells: list[str] = []
    for result in results:
        cells += _numbers(next((r for r in result.rungs if (r.length, r.label) == (length, label)), None))
    return cells


def _without_empty(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """Columns with nothing but dashes under their heads are left out."""
    kept = [i for i in range(len(lines[0])) if any(line[i] != "-" for line in lines[1:])]
    return [[line[i] for i in kept] for line in lines]


def _columns(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)
