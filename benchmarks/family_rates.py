"""Make `assets/layers/rates.json`, the lab's learning rates of layers that no preset is tuned for, of a search.

    python -m benchmarks.sweep family_rates        # the search
    python -m benchmarks.family_rates              # the file

Rows of the search are "task: block, layer, muon rate"; of each task, block and layer the best cell counts.
"""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

from benchmarks.sweep_results import Row, read
from ssmviz.claims.measured import score
from ssmviz.family.costs import RATES_FILE
from ssmviz.family.rates import Best, Search

SWEEP = "family_rates"
RESULTS = Path(__file__).parent / "results"
ROW = re.compile(r"(?P<task>\w+): (?P<pair>\w+, \w+), muon (?P<muon>[\d.e-]+)")


def search_of(rows: list[Row]) -> Search:
    """The best of each task, block and layer; of equal scores the one with the smaller loss.

    Raises:
        ValueError: no rows, rows of several machines, or of another sweep.
    """
    machines = {row["hardware"] for row in rows}
    if len(machines) != 1:
        raise ValueError(f"results of one machine are wanted, got {sorted(machines)}; run the sweep {SWEEP} first")
    best: dict[tuple[str, str], Row] = {}
    for row in (row for row in rows if _score(row) > (-math.inf,)):
        if (found := ROW.fullmatch(row["row"])) is None:
            raise ValueError(f"a row must be 'task: block, layer, muon rate', got {row['row']!r}")
        key, cell = (found["task"], found["pair"]), row | {"muon": float(found["muon"])}
        best[key] = max(best.get(key, cell), cell, key=_score)
    rates: dict[str, dict[str, Best]] = {}
    for (task, pair), row in sorted(best.items()):
        scores = {name: row[name] for name in ("token", "error")}
        rates.setdefault(task, {})[pair] = Best(lr=row["lr"], lr_muon=row["muon"], **scores)
    return Search(
        machine=machines.pop(),
        measured=max(row["measured"][:10] for row in rows),
        command=f"python -m benchmarks.sweep {SWEEP}",
        rates=rates,
    )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=RESULTS, help="where the sweep's results lie")
    parser.add_argument("--machine", action="append", default=[], help="take the results of this machine alone")
    given = parser.parse_args()
    found = search_of(list(read(given.folder, SWEEP, given.machine).values()))
    RATES_FILE.write_text(found.model_dump_json(indent=1, exclude_none=True) + "\n")
    print(f"{RATES_FILE.name}: {sum(map(len, found.rates.values()))} of {found.machine}, {found.measured}")


def _score(row: Row) -> tuple[float, ...]:
    """Larger is better: (score, -loss on the test set)."""
    scored = score(row, "error" if row["token"] is None else "token")
    return (scored, -row["curve"][-1][2]) if scored > -math.inf else (scored,)


if __name__ == "__main__":
    main()
