"""The table of promises names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [line.split("|") for line in (ROOT / "docs" / "promises.md").read_text().splitlines() if line.startswith("| ")]


def test_every_promise_names_tests_that_exist():
    rows = [(row[1].strip(), row[3]) for row in ROWS[1:]]
    assert len(rows) > 20
    for promise, tests in rows:
        found = 0
        for file, names in re.findall(r"`((?:tests/)?[\w/]*test_\w+)`:? ?([^;`|]*)", tests):
            path = ROOT / (file if "/" in file else f"tests/chaos/{file}")
            text = path.with_suffix(".py").read_text()
            wanted = re.findall(r"(\w+)…", names) + re.findall(r"…(\w+)", names)
            missing = [name for name in wanted if not re.search(rf"def test_\w*{name}", text)]
            assert missing == [], promise
            found += 1
        assert found, f"{promise}: no test"
