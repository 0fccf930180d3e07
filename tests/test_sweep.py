"""The program of all sweeps: what it trains, what it remembers, and how it goes on."""

import json
import time
from dataclasses import replace

import pytest

from benchmarks import sweep as program
from benchmarks.sweep_workers import failed, measure
from benchmarks.sweeps import SWEEPS, Sweep
from ssmviz.settings import TrainSettings, changed

TINY = changed(
    TrainSettings(),
    {
        **{"task.L": 8, "task.vocab": 6, "task.n_data": 4, "model.d_model": 4, "model.N": 2, "model.n_layers": 1},
        **{"optim.batch": 4, "optim.steps": 20, "optim.optimiser": "adamw", "eval_every": 10, "eval_batch": 8},
        **{"device": "cpu", "backend": "torch"},
    },
)
ROWS = {"s6": {"model.layer": "s6"}, "s4d": {"model.layer": "s4d"}}
SWEEP = Sweep("tiny", TINY, {}, ROWS, small={}, rates=(1e-2, 1e-3), seeds=(0, 1))


@pytest.fixture
def tiny(monkeypatch):
    """A sweep of two rows, two rates, two seeds."""
    monkeypatch.setitem(SWEEPS, "table1", SWEEP)


def given(folder, *more):
    return program.arguments(["table1", "--folder", str(folder), "--processes", "1", *more])


def cells(folder, known=None):
    return list(program.wanted("table1", ROWS, known or {}, given(folder)))


def result(token, **more):
    return failed("") | {"state": "done", "token": token, "steps": 20} | more


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.parametrize("small", [False, True], ids=["full", "small"])
def test_every_row_that_exists_makes_valid_settings(name, small):
    sweep = SWEEPS[name]
    rows, missing = program.possible(name, small=small)
    assert len(rows) + len(missing) == len(sweep.rows)
    for row in rows:
        settings = program.settings_of(sweep, row, 1e-3, 0, small=small)
        assert not small or settings.device == "cpu"


def test_rows_differ_in_what_they_name_and_in_nothing_else():
    full = [program.settings_of(SWEEPS["table1"], row, 1e-3, 0, small=False) for row in ("plain, s6", "mamba, s4d")]
    assert full[0].optim == full[1].optim
    assert full[0].task == full[1].task
    assert full[0].model.model_copy(update={"block": "mamba", "layer": "s4d"}) == full[1].model


def test_a_row_without_its_layer_is_left_out_and_said(monkeypatch):
    monkeypatch.setitem(SWEEPS, "table1", replace(SWEEP, rows=ROWS | {"x": {"model.layer": "no such layer"}}))
    rows, missing = program.possible("table1", small=False)
    assert rows == ["s6", "s4d"]
    assert "x is left out" in missing[0]


def test_the_first_seed_tries_every_rate_and_the_others_the_best(tmp_path, tiny):
    first = cells(tmp_path)
    assert [(c.row, c.rate, c.seed) for c in first] == [(r, lr, 0) for r in ROWS for lr in (1e-2, 1e-3)]
    known = {c.key: result(0.9 if c.rate == 1e-3 else 0.1) for c in first if c.row == "s6"}
    later = [c for c in cells(tmp_path, known) if c.key not in known]
    assert [(c.row, c.rate, c.seed) for c in later] == [("s6", 1e-3, 1), ("s4d", 1e-2, 0), ("s4d", 1e-3, 0)]


def test_what_diverged_is_a_result_and_never_the_best(tmp_path, tiny):
    first = [c for c in cells(tmp_path) if c.row == "s6"]
    known = {c.key: result(0.5, state="diverged" if c.rate == 1e-2 else "done") for c in first}
    assert ("s6", 1e-3, 1) in [(c.row, c.rate, c.seed) for c in cells(tmp_path, known)]


def test_equal_settings_have_one_name_wherever_they_run(tmp_path, tiny):
    cell = cells(tmp_path)[0]
    elsewhere = replace(cell, settings=changed(cell.settings, {"device": "cuda", "threads": 4}))
    assert elsewhere.key == cell.key
    assert replace(cell, settings=changed(cell.settings, {"optim.steps": 21})).key != cell.key


def test_a_training_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(tmp_path):
    whole = measure(TINY, tmp_path / "whole")
    assert measure(TINY, tmp_path / "parts", deadline=time.time() - 1) is None
    assert (tmp_path / "parts.safetensors").exists()
    parts = measure(TINY, tmp_path / "parts")
    timed = ("seconds", "ms_per_step")
    assert [point[:-1] for point in parts["curve"]] == [point[:-1] for point in whole["curve"]]
    assert {k: v for k, v in parts.items() if k not in ("curve", *timed)} == {
        k: v for k, v in whole.items() if k not in ("curve", *timed)
    }
    assert list(tmp_path.iterdir()) == []


def test_a_cell_that_fails_or_diverges_says_why(tmp_path):
    diverged = measure(changed(TINY, {"optim.lr": 1e11}), tmp_path / "a")
    assert diverged["state"] == "diverged"
    assert "loss" in diverged["reason"]
    impossible = TINY.model_copy(update={"task": TINY.task.model_copy(update={"vocab": 2})})
    assert measure(impossible, tmp_path / "b")["state"] == "failed"


class Instantly:
    """Workers that know the result at once."""

    started: list[str]

    def __init__(self, *_):
        self.busy = {}
        type(self).started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def offer(self, cell):
        self.busy[cell.key] = cell
        self.started.append(cell.name)

    def results(self, *, timeout):
        cell = self.busy.pop(next(iter(self.busy)))
        yield cell, result(0.5)


def test_a_sweep_trains_each_cell_once_and_notes_what_makes_it_again(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(program, "Workers", Instantly)
    here = {"cpu": "a CPU, 2 cores"}
    assert program.run(given(tmp_path), here) == 0
    assert len(set(Instantly.started)) == len(Instantly.started) == 6
    assert program.run(given(tmp_path), here) == 0
    assert Instantly.started == []
    (file,) = tmp_path.iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["hardware"] for line in lines} == {"a CPU, 2 cores"}
    assert all(line["command"] == "python -m benchmarks.sweep table1" and line["settings"] for line in lines)
    again = changed(TrainSettings(), {"seed": 1})
    assert TrainSettings.model_validate(lines[-1]["settings"]).seed == again.seed


def test_what_two_sweeps_share_is_trained_once(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(program, "Workers", Instantly)
    monkeypatch.setitem(SWEEPS, "switches", replace(SWEEP, rows={"another name": ROWS["s6"]}))
    here = {"cpu": "a CPU, 2 cores"}
    program.run(given(tmp_path), here)
    for _ in range(2):
        shared = program.arguments(["switches", "table1", "--folder", str(tmp_path), "--processes", "1"])
        assert program.run(shared, here) == 0
        assert Instantly.started == []
    (file,) = tmp_path.glob("switches_*")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["row"], line["sweep"]) for line in lines] == 3 * [("another name", "switches")]


def test_results_of_another_machine_do_not_count_here(tmp_path, tiny, monkeypatch):
    monkeypatch.setattr(program, "Workers", Instantly)
    program.run(given(tmp_path), {"cpu": "a CPU, 2 cores"})
    program.run(given(tmp_path), {"cpu": "another CPU, 2 cores"})
    assert len(Instantly.started) == 6
    assert len(list(tmp_path.iterdir())) == 2
