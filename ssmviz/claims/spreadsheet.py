"""All claims as one table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from ssmviz.claims.claim import Cell, Claim

COLUMNS = (
    *("claim", "status", "row", "column", "paper", "ours"),
    *("hardware", "date", "command", "file", "settings", "source"),
)


def as_csv(claims: Iterable[Claim]) -> str:
    """Every number with its source: one line a cell, and one for a claim without any."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for claim in claims:
        source = f"{claim.paper.cited}, {claim.where}, {claim.paper.address}"
        for label, column, cell in _cells(claim):
            line = (claim.id, claim.status, label, column, *_values(cell), source)
            writer.writerow([_safe(value) for value in line])
    return out.getvalue()


def _cells(claim: Claim) -> Iterator[tuple[str, str, Cell]]:
    if claim.table is None:
        yield "", "", None
        return
    for row in claim.table.rows:
        for column, cell in zip(claim.table.columns[1:], row.cells, strict=True):
            if cell is not None:
                yield row.label, column, cell


def _values(cell: Cell) -> tuple[str, ...]:
    """From "paper" to "settings"."""
    found = None if cell is None or isinstance(cell, str) else cell.find()
    if found is None:
        return (cell if isinstance(cell, str) else "", *("",) * 6)
    settings = ", ".join(filter(None, ("miniature" * found.small, found.settings, found.detail)))
    return "", found.text, found.hardware, found.date, found.command, found.file, settings


def _safe(value: str) -> str:
    """A spreadsheet must not take text for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value
