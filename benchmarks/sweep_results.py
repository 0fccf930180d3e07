"""What sweeps have found: JSON lines, one a cell, and the table that is made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ssmviz.claims.measured import best_rate

Row = dict[str, Any]
MEASURES = ("token", "sequence", "error")


def read(folder: Path, name: str, machines: Iterable[str] = ()) -> dict[str, Row]:
    """Results of a sweep (of all: "") by key, on these machines or on any."""
    rows: dict[str, Row] = {}
    for file in sorted(folder.glob(f"{name}*_*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if name in ("", row["sweep"]) and (not machines or row["hardware"] in machines):
                rows[row["key"]] = row
    return rows


def append(folder: Path, row: Row) -> None:
    """One line at the end of the sweep's file, in one write."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = re.sub(r"[^a-z0-9]+", "-", re.sub(r"NVIDIA|AMD|Intel|\(R\)", "", row["hardware"]).lower()).strip("-")
    with (folder / f"{row['sweep']}_{machine}_{row['measured'][:7].replace('-', '')}.jsonl").open("a") as out:
        out.write(json.dumps(row) + "\n")


def in_words(row: Row) -> str:
    """One result, short."""
    values = [f"{100 * row[m]:.1f} % {m}" for m in ("token", "sequence", "error") if row.get(m) is not None]
    ladder = " ".join(f"{rung['L']}:{100 * rung['token']:.0f}" for rung in row["ladder"] if rung["token"] is not None)
    return f"{row['state']}{' (' + row['reason'] + ')' if row['reason'] else ''} {', '.join(values)} {ladder}".strip()


def table(name: str, rows: dict[str, Row], measure: str) -> Iterator[str]:
    """Markdown: each row at its best rate, seeds side by side."""
    yield f"### {name}\n"
    yield "| row | lr | token % | sequence % | error % | state | longest L with 99 % |"
    yield "|--|--|--|--|--|--|--|"
    for label in dict.fromkeys(row["row"] for row in rows.values()):
        of = [row for row in rows.values() if row["row"] == label]
        rate = best_rate(of, measure)
        best = sorted((row for row in of if row["lr"] == rate), key=lambda row: row["seed"])
        cells = [", ".join("-" if row[m] is None else f"{100 * row[m]:.1f}" for row in best) for m in MEASURES]
        longest = [max((r["L"] for r in row["ladder"] if (r["token"] or 0) >= 0.99), default=0) for row in best]
        states = ", ".join(dict.fromkeys(row["state"] for row in best))
        yield f"| {label} | {rate:g} | {' | '.join(cells)} | {states} | {', '.join(map(str, longest))} |"
