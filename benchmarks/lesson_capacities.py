"""Write down how many letters a state of N numbers a channel gives back, for the lesson on attention.

python -m benchmarks.lesson_capacities
"""

from __future__ import annotations

import json

from ssmviz.lessons.attention import CAPACITIES, MOST_LETTERS, MOST_STATES, capacity

if __name__ == "__main__":
    rows = [[round(capacity(K, N), 4) for N in range(1, MOST_STATES + 1)] for K in range(1, MOST_LETTERS + 1)]
    CAPACITIES.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    print(f"{CAPACITIES.name}: {MOST_LETTERS} rows")
