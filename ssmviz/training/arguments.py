"""The command line's words: one option for every field of the settings, checked by the settings themselves."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from ssmviz.family import BLOCKS, LAYERS
from ssmviz.presets import PRESETS, Runs, preset_of, with_changes
from ssmviz.settings import ModelSettings, OptimSettings, Settings, TaskSettings, TrainSettings, explain
from ssmviz.tasks import TASKS

DESCRIPTION = """Train without a browser; the run can be opened in the app.

Without --preset, the settings are those of the task's own preset; every option changes one of them."""
PARTS: dict[str, type[Settings]] = {"task": TaskSettings, "model": ModelSettings, "optim": OptimSettings}
CHOICES: dict[str, Iterable[str]] = {
    "task": TASKS,
    "layer": LAYERS,
    "block": BLOCKS,
}  # options that name a line of a catalogue
NAMES = {("task", "name"): "task"}  # options that are not called as their field


@dataclass(frozen=True)
class Order:
    """What is asked for."""

    title: str
    preset: str | None
    runs: tuple[tuple[str, TrainSettings], ...]  # label, settings
    record: str | None = None
    small: bool = False  # the recording
    resume: str | None = None
    at_once: bool = True  # runs in processes of their own, side by side


def parse(arguments: list[str] | None = None) -> Order:
    """The order in `arguments` (`sys.argv` when None); ends the program with status 2 when it makes no sense."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    resume, record, preset, every, at_once, small = (
        given.pop(n) for n in ("resume", "record", "preset", "every", "at_once", "small")
    )
    if resume and (given or record or preset or every):
        parser.error("--resume takes the run's own settings; leave the other options out")
    if resume:
        return Order("", None, (), resume=resume, at_once=at_once)
    if record and not re.fullmatch(r"[a-z0-9_]{1,40}", record):
        parser.error(f"--record takes a name of small letters, digits and _, got {record[:40]!r}")
    name = preset or (preset_of(given["task"]) if "task" in given else "selective_copying")
    if name not in PRESETS:
        parser.error(f"--preset must be one of {', '.join(PRESETS)}, got {name[:40]!r}")
    chosen = PRESETS[name].runs if every else _meant(PRESETS[name].runs, given.get("layer"))
    try:
        runs = with_changes(chosen, {".".join(path): given[n] for path, n in _options().items() if n in given})
    except ValidationError as error:
        parser.error(explain(error))
    return Order(PRESETS[name].title, name, runs, record=record, small=small, at_once=at_once)


def _meant(runs: Runs, layer: str | None) -> Runs:
    """One run of an experiment: that of the layer asked for, else the first."""
    label, settings = next((run for run in runs if run[1].model.layer == layer), runs[0])
    return [(label if layer in (None, settings.model.layer) else str(layer).upper(), settings)]


def _options() -> dict[tuple[str, ...], str]:
    """Path of every field in `TrainSettings` -> name of its option."""
    inner = {
        (part, field): NAMES.get((part, field), field) for part, kind in PARTS.items() for field in kind.model_fields
    }
    return inner | {(field,): field for field in TrainSettings.model_fields if field not in PARTS}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m ssmviz.training",
        description=DESCRIPTION,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_argument_group("what to train")
    what.add_argument("--preset", default=None, metavar="NAME", help=f"start from one of: {', '.join(PRESETS)}")
    what.add_argument(
        "--all", "--twins", dest="every", action="store_true", default=False,
        help="train all runs of the preset, such as S6 and its time-invariant twin S4D",
    )  # fmt: skip
    what.add_argument(
        "--one-by-one", dest="at_once", action="store_false", default=True, help="all runs one after the other"
    )
    what.add_argument("--resume", default=None, metavar="RUN", help="go on with an interrupted run, by its id")
    what.add_argument("--record", default=None, metavar="NAME", help="keep the result as assets/recordings/NAME")
    what.add_argument("--small", action="store_true", default=False, help="make the recording a small file")
    groups = {part: parser.add_argument_group(part) for part in PARTS} | {"": parser.add_argument_group("run")}
    for path, name in _options().items():
        part = path[0] if len(path) == 2 else ""
        field = (PARTS[part] if part else TrainSettings).model_fields[path[-1]]
        groups[part].add_argument(f"--{name}", f"--{name.replace('_', '-')}", dest=name, **_type(field, name))
    return parser


def _type(field: FieldInfo, name: str) -> dict[str, Any]:
    kind, help_ = field.annotation, field.description or ""
    if name in CHOICES:
        return {"choices": tuple(CHOICES[name]), "help": help_}
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction, "help": help_}
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind), "help": help_}
    if kind is str:
        return {"help": help_, "metavar": "WORD"}
    return {"type": int if kind is int else float, "metavar": "X", "help": help_}
