"""`python -m ssmviz.runs.sweeps`: the sweeps of the page, in the same store, without a browser. No torch here."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ssmviz.presets import PRESETS
from ssmviz.runs import sweeps
from ssmviz.runs.client import Client
from ssmviz.runs.entry import TRAINER
from ssmviz.runs.grid import AXES, SMALL, Axis, Grid, fill, read_values
from ssmviz.runs.records import Refused
from ssmviz.runs.store import Store
from ssmviz.runs.sweep_board import Boards, as_table
from ssmviz.runs.sweep_rows import SweepRow
from ssmviz.settings import explain

OK, USAGE, INTERRUPTED = 0, 2, 130
LOOK_SECONDS = 1.0
EXAMPLE = "python -m ssmviz.runs.sweeps --rows layer=s6,s4d --columns N=2,4,8 --seeds 2 --set optim.steps=400"


def main(arguments: Sequence[str] | None = None) -> int:
    """Begin a sweep and follow it, or do something with one; the exit status."""
    given = _parser().parse_args(arguments)
    store = Store(given.root)
    if store.notice:
        _say(store.notice)
    with closing(store):
        try:
            return _carry_out(given, Client(store, trainer=given.trainer))
        except ValidationError as error:
            return _wrong(explain(error))
        except (Refused, ValueError) as error:
            return _wrong(str(error))
        except KeyError as error:
            return _wrong(str(error.args[0]))


def _carry_out(given: argparse.Namespace, client: Client) -> int:
    if given.list:
        for row in client.store.sweeps():
            _say(f"{row.id}  {row.state:8} {row.begun:3} of {row.runs:3} begun  {row.title}")
        return OK
    for name in ("stop", "delete"):
        if sweep := getattr(given, name):
            getattr(sweeps, name)(client, sweep)
            return OK
    if not given.resume and not (given.rows and given.columns):
        return _wrong(f"say which grid: {EXAMPLE}")
    grid = None if given.resume else _grid(given)
    if given.dry_run and grid is not None:
        cells, holes = fill(grid)
        for hole in holes:
            _say(f"not trained: {grid.words(hole.row, hole.column)}: {hole.why}")
        _say(f"{len(cells)} runs")
        return OK
    client.attach()  # a launcher, for as long as anything is to be done: also when this program has ended
    if grid is None:
        sweeps.resume(client, given.resume)
        return _follow(client, client.store.sweep(given.resume))
    return _follow(client, sweeps.start(client, grid))


def _follow(client: Client, sweep: SweepRow) -> int:
    """Say how it stands until it is over."""
    boards, said, began = Boards(client.store), "", time.monotonic()
    _say(f"{sweep.title}: {sweep.runs} runs; in the app: /sweep?sweep={sweep.id}")
    try:
        while True:
            board = boards.board(sweep.id)
            ended = sum(cell["state"] not in ("waiting", "queued", "starting", "running") for cell in board["cells"])
            left = f", about {board['left_s']:.0f} s left" if board["left_s"] else ""
            if (words := f"{ended} of {sweep.runs} have ended") != said:
                _say(f"{words}{left}")
                said = words
            if board["settled"]:
                break
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        _say(f"\nthe sweep goes on without this program; end it with --stop {sweep.id}")
        return INTERRUPTED
    _say(f"over in {time.monotonic() - began:.0f} s")
    measure = board["measures"][0]
    _say(f"\n{measure['words']}, mean over the seeds {', '.join(map(str, board['seeds']))}\n")
    for i, row in enumerate(as_table(board, measure["name"])):
        _say(f"| {' | '.join(row)} |")
        if i == 0:
            _say(f"|{'--|' * len(row)}")
    client.shutdown()
    return OK


def _grid(given: argparse.Namespace) -> Grid:
    changes = dict(SMALL.get(given.preset, {}) if given.small else {})
    changes |= dict(_pair(text, "--set") for text in given.set)
    axes = []
    for option in ("rows", "columns"):
        name, text = _pair(getattr(given, option), f"--{option}", as_text=True)
        if name not in AXES:
            raise ValueError(f"--{option} must be one of {', '.join(AXES)}, got {name[:40]!r}")
        axes.append(Axis(name=name, values=read_values(name, text)))
    return Grid(preset=given.preset, changes=changes, rows=axes[0], columns=axes[1], seeds=tuple(range(given.seeds)))


def _pair(text: str, option: str, *, as_text: bool = False) -> tuple[str, Any]:
    name, found, value = text.partition("=")
    if not found:
        raise ValueError(f"{option} must be NAME=VALUE, got {text[:60]!r}; for example {EXAMPLE}")
    if as_text:
        return name, value
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m ssmviz.runs.sweeps", description=__doc__, epilog=f"Example: {EXAMPLE}")
    parser.add_argument("--preset", choices=PRESETS, default="selective_copying", metavar="NAME", help="task and sizes")
    parser.add_argument("--rows", metavar="AXIS=VALUES", help=f"one of {', '.join(AXES)}; values with commas")
    parser.add_argument("--columns", metavar="AXIS=VALUES", help="another one")
    parser.add_argument("--seeds", type=int, default=1, metavar="COUNT", help="of every place")
    parser.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE", help="such as task.L=32")
    parser.add_argument("--small", action="store_true", help="the sizes that the page begins with")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be trained")
    parser.add_argument("--list", action="store_true", help="only list the sweeps of the store")
    for name, words in (
        ("resume", "go on with a sweep"),
        ("stop", "end a sweep"),
        ("delete", "delete it and its runs"),
    ):
        parser.add_argument(f"--{name}", metavar="ID", help=words)
    parser.add_argument("--root", type=Path, help="directory of the store")
    parser.add_argument("--trainer", default=TRAINER, help=argparse.SUPPRESS)
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _wrong(text: str) -> int:
    sys.stderr.write(f"ssmviz: {text}\n")
    return USAGE
