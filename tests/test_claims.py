"""Every claim is cited, and each of our numbers stands in a file of the repository with all that makes it again."""

import csv
import io
import json
import statistics

import pytest

from ssmviz.claims import CLAIMS
from ssmviz.claims.measured import BENCHMARKS, MACHINES, ROOT, Reported, Swept, best, chosen_preset, results
from ssmviz.claims.recall import COPYING, INDUCTION
from ssmviz.claims.spreadsheet import as_csv

PLACES = [(claim, place) for claim in CLAIMS.values() for place in claim.places]


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
def test_every_claim_has_a_source_and_an_answer(claim):
    assert claim.sentence.endswith(".")
    assert claim.where
    assert claim.paper.address.startswith("https://arxiv.org/abs/")
    assert claim.places or claim.lesson or claim.reason


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda c: c.id)
def test_tables_have_one_cell_a_column(claim):
    for row in claim.table.rows if claim.table else ():
        assert len(row.cells) == len(claim.table.columns) - 1


def test_every_number_of_ours_has_hardware_date_command_and_its_file():
    for claim in CLAIMS.values():
        for found in claim.found:
            assert found.text
            assert found.hardware
            assert found.date.startswith("20")
            assert found.command.startswith("python -m benchmarks.")
            assert (ROOT / found.file).is_file()


def test_every_command_is_a_module_of_the_repository():
    for _, place in PLACES:
        module = place.command.split()[2]
        assert (ROOT / (module.replace(".", "/") + ".py")).is_file()


def test_reports_name_the_command_and_the_machine_of_what_is_read_from_them():
    for _, place in PLACES:
        found = place.find()
        if isinstance(place, Reported) and found is not None:
            text = (ROOT / found.file).read_text()
            assert found.command.split(" --")[0] in text
            assert MACHINES[place.machine].split(",")[0] in text if place.machine else found.hardware in text


def test_every_report_that_is_named_says_what_is_read_from_it():
    for _, place in PLACES:
        if isinstance(place, Reported):
            assert place.find() is not None, place


def test_numbers_are_read_and_not_typed(tmp_path, monkeypatch):
    report = next(BENCHMARKS.glob("presets_pages_*.md")).read_text()
    place = chosen_preset("switches: all")
    assert place.find().text in report
    monkeypatch.setattr("ssmviz.claims.measured.BENCHMARKS", tmp_path / "benchmarks")
    monkeypatch.setattr("ssmviz.claims.measured.ROOT", tmp_path)
    assert place.find() is None
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "presets_pages_xeon_203001.md").write_text(
        "## On the CPU\n\n| variant | token % |\n|--|--|\n| switches: all | **12.5** |\n"
    )
    found = place.find()
    assert (found.text, found.date, found.file) == ("12.5", "2030-01", "benchmarks/presets_pages_xeon_203001.md")


def row(label="mamba, s6", lr=1e-3, seed=0, token=0.9, state="done", hardware="NVIDIA H200", **more):
    """A line as `benchmarks/sweep.py` writes it."""
    line = {"sweep": "table2", "row": label, "lr": lr, "seed": seed, "key": f"{label}{lr}{seed}", "state": state}
    line |= {"token": token, "sequence": token, "error": None, "steps": 10, "hardware": hardware}
    line |= {"measured": "2030-01-02", "command": "python -m benchmarks.sweep table2", "ladder": []}
    return line | {"settings": {"task": {"L": 256}, "optim": {"batch": 8}}} | more


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes results of a sweep where claims look for them."""
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)

    def write(*lines):
        (folder / "table2_h200_203001.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        monkeypatch.setattr("ssmviz.claims.measured.results", lambda sweep: results(sweep, folder=folder))

    return write


def test_a_row_is_shown_at_the_rate_that_was_best_on_the_first_seed(written):
    written(
        row(lr=1e-3, token=0.5),
        row(lr=3e-3, token=0.8),
        row(lr=3e-3, seed=1, token=1.0),
        row(lr=1e-2, token=0.99, state="diverged"),
    )
    found = Swept("table2", "mamba, s6", ("token",)).find()
    assert found.text == "90.0"
    assert found.detail == "lr 0.003, 2 seeds"
    assert "batch 8, 10 steps" in found.settings


def test_the_best_error_is_the_smallest():
    lines = [row(lr=1e-3, error=0.5), row(lr=3e-3, error=0.1)]
    assert [line["lr"] for line in best(lines, "mamba, s6", "error")] == [3e-3]


def test_a_length_is_counted_in_training_lengths_and_is_missing_where_it_was_not_tested(written):
    written(row(ladder=[{"L": 512, "token": 0.25, "sequence": 0.25, "sequences": 8, "error": None, "label": ""}]))
    assert Swept("table2", "mamba, s6", ("token",), times=2).find().text == "25.0"
    assert Swept("table2", "mamba, s6", ("token",), times=64).find() is None


def test_the_papers_numbers_are_those_of_its_tables():
    printed = {(block, layer): value for block, layer, _, value in COPYING}
    assert printed["Mamba block", "S6"] == "99.8"
    assert printed["no gate", "S4"] == "18.3"
    assert next(cells for label, _, cells in INDUCTION if label == "Mamba") == ("100",) * 6


def test_selection_beats_every_fixed_layer_in_the_same_block_as_in_the_paper():
    for sweep in ("table1", "table1_twice", "table1_long", "table1_long_twice"):
        rows = results(sweep) or results(f"{sweep}_small")
        scores = {line["row"]: best(rows, line["row"]) for line in rows}
        means = {label: sum(r["token"] for r in runs) / len(runs) for label, runs in scores.items() if runs}
        for label, value in means.items():
            block = label.split(",")[0]
            if not label.endswith("s6"):
                assert value < means[f"{block}, s6"], (sweep, label)


def test_selection_copies_98_percent_in_every_block_given_the_steps():
    for sweep, blocks in (
        ("table1", ("mamba", "h3")),
        ("table1_twice", ("mamba", "h3", "plain")),
        ("table1_long", ("mamba",)),
        ("table1_long_twice", ("mamba", "h3", "plain")),
        ("table1_full", ("mamba",)),
    ):
        for block in blocks:
            assert all(run["token"] > 0.98 for run in best(results(sweep), f"{block}, s6")), (sweep, block)


def test_mamba_alone_keeps_what_it_heard_far_beyond_its_training_as_in_the_paper():
    rows = results("table2")

    def accuracies(label, L):
        return [r["token"] for run in best(rows, label, "ladder") for r in run["ladder"] if r["L"] == L]

    assert set(accuracies("mamba", 256)) == set(accuracies("mamba", 2**14)) == {1.0}
    assert statistics.median(accuracies("mamba", 2**20)) >= 0.99  # not every seed
    for label in {row["row"] for row in rows} - {"mamba"}:
        assert all(token < 0.25 for token in accuracies(label, 2**14)), label


def test_the_table_for_spreadsheets_has_every_number_with_its_source():
    lines = list(csv.DictReader(io.StringIO(as_csv(CLAIMS.values()))))
    assert {line["claim"] for line in lines} == set(CLAIMS)
    assert all(line["source"] for line in lines)
    ours = [line for line in lines if line["ours"]]
    assert len(ours) == sum(len(claim.found) for claim in CLAIMS.values())
    assert all(line["hardware"] and line["date"] and line["command"] and line["file"] for line in ours)
