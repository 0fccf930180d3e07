"""Sweeps: what a grid trains, how its cells reach the queue, and what people do to them."""

import sqlite3

import pytest
from pydantic import ValidationError

from ssmviz.runs import sweep_command, sweeps
from ssmviz.runs.client import Client
from ssmviz.runs.grid import MAX_RUNS, fill, read_values
from ssmviz.runs.quota import Quota
from ssmviz.runs.records import LIVE, Refused
from ssmviz.runs.store import Store
from ssmviz.runs.sweep_board import Boards
from ssmviz.runs.sweep_rows import MAX_OPEN
from ssmviz.settings import explain
from tests.runs.lab import FAKE
from tests.runs.sweeping import grid, numbers

PLACES = 2


def finish(store, count=1):
    """What workers would do to the runs that wait longest."""
    for row in store.runs_in(("queued",))[:count]:
        attempt = store.claim(row.id)
        store.move(row.id, "done", attempt=attempt, step=row.steps, seconds=1.0)


@pytest.fixture
def client(store, monkeypatch):
    monkeypatch.setattr(Client, "ensure_launcher", lambda self: None)
    return Client(store)


# -- the grid ---------------------------------------------------------------------------------------------------------


def test_every_place_is_trained_once_for_each_seed_and_whole_grids_come_first():
    cells, holes = fill(grid(0, 1))
    assert not holes
    assert [(c.row, c.column, c.seed) for c in cells] == [(r, k, s) for s in (0, 1) for r in (0, 1) for k in (0, 1)]
    assert [(c.settings.model.layer, c.settings.model.N, c.settings.seed) for c in cells[-2:]] == [
        ("s4d", 2, 1),
        ("s4d", 4, 1),
    ]


def test_every_layer_trains_at_its_own_learning_rate():
    cells, _ = fill(grid())
    rates = {c.settings.model.layer: c.settings.optim.lr for c in cells}
    assert rates == {"s6": 1e-2, "s4d": 4e-2}


def test_an_axis_of_learning_rates_is_the_learning_rate():
    cells, _ = fill(grid(columns=("lr", 0.1, 0.2)))
    assert {c.settings.optim.lr for c in cells} == {0.1, 0.2}


def test_an_impossible_place_says_why_and_the_others_are_trained():
    cells, holes = fill(grid(columns=("N", 2, 1000)))
    assert [(c.row, c.column) for c in cells] == [(0, 0), (1, 0)]
    assert all("model.N" in hole.why and "1000" in hole.why for hole in holes)


def test_what_means_nothing_to_a_layer_is_trained_once():
    cells, holes = fill(grid(rows=("layer", "s6", "attention")))
    assert [(c.row, c.column) for c in cells] == [(0, 0), (0, 1), (1, 0)]
    assert "means nothing to Attention" in holes[0].why


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"columns": ("layer", "s6")}, "two different"),
        ({"seed_count": 9}, "at most 8"),
        ({"rows": ("N", *range(1, 17)), "columns": ("steps", *range(1, 17)), "seed_count": 2}, f"at most {MAX_RUNS}"),
        ({"rows": ("N", 2, 2)}, "once"),
        ({"rows": ("mass", 2)}, "there are the axes"),
        ({"seed": 3}, "choose seeds"),
        ({"task.nothing": 3}, "no setting"),
        ({"rows": ("N", float("nan"))}, "finite"),
    ],
)
def test_a_grid_out_of_bounds_is_refused_in_words(wrong, words):
    seeds = range(wrong.pop("seed_count", 1))
    with pytest.raises(ValidationError) as refused:
        grid(*seeds, **wrong)
    assert words in explain(refused.value)


def test_values_are_read_as_people_write_them():
    assert read_values("N", " 2, 4,4 ,8,") == (2, 4, 8)
    assert read_values("lr", "1e-3, 0.01") == (0.001, 0.01)
    assert read_values("layer", "s6, s4d") == ("s6", "s4d")
    for name, text, words in (("N", "2, x", "whole number"), ("layer", "s7", "must be one of")):
        with pytest.raises(ValueError, match=words):
            read_values(name, text)


# -- the queue --------------------------------------------------------------------------------------------------------


def test_as_many_cells_live_as_there_are_places_until_all_are_done(client, store):
    sweep = sweeps.start(client, grid())
    for begun in (2, 3, 4, 4):
        sweeps.top_up(store, PLACES)
        assert store.sweep(sweep.id).begun == begun
        finish(store)
    sweeps.top_up(store, PLACES)
    assert store.sweep(sweep.id).state == "done"
    assert numbers(store, sweep.id) == [0, 1, 2, 3]


def test_asking_twice_for_a_grid_that_is_trained_is_one_sweep(client):
    assert sweeps.start(client, grid()).id == sweeps.start(client, grid()).id
    assert sweeps.start(client, grid(1)).id != sweeps.start(client, grid()).id


def test_a_launcher_that_dies_between_the_two_writes_of_a_cell_makes_no_cell_twice(client, store, monkeypatch):
    sweep = sweeps.start(client, grid())

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "cell_began", die)
        with pytest.raises(KeyboardInterrupt):
            sweeps.top_up(store, PLACES)
    assert numbers(store, sweep.id) == [0]
    assert store.sweep(sweep.id).begun == 0
    for _ in range(2):
        sweeps.top_up(store, PLACES)
    assert numbers(store, sweep.id) == [0, 1]


@pytest.mark.parametrize("action", [sweeps.pause, sweeps.stop, sweeps.delete])
def test_a_cell_that_begins_while_its_sweep_is_ended_leaves_nothing(client, store, monkeypatch, action):
    sweep = sweeps.start(client, grid())
    create = Store.create_experiment

    def late(self, *args, **kwargs):
        monkeypatch.undo()
        action(client, sweep.id)
        return create(self, *args, **kwargs)

    monkeypatch.setattr(Store, "create_experiment", late)
    monkeypatch.setattr(Client, "ensure_launcher", lambda self: None)
    sweeps.top_up(store, 1)
    assert numbers(store, sweep.id) == []
    assert store.runs_in(LIVE) == []


def test_two_people_take_turns(client, store):
    first = sweeps.start(client, grid(), owner="a" * 32)
    second = sweeps.start(client, grid(), owner="b" * 32)
    sweeps.top_up(store, 4)
    assert [store.sweep(s.id).begun for s in (first, second)] == [2, 2]


def test_nobody_has_more_at_work_than_one_person_may(client, store):
    sweep = sweeps.start(client, grid(), owner="a" * 32, quota=Quota(running=1, wall_s=7.0))
    sweeps.top_up(store, 4)
    assert store.sweep(sweep.id).begun == 1
    assert store.runs_in(("queued",))[0].settings.wall_limit_s == 7.0


def test_a_person_may_have_so_many_sweeps_and_runs_and_no_more(client):
    for seed in range(MAX_OPEN):
        sweeps.start(client, grid(seed))
    with pytest.raises(Refused, match="stop or delete one"):
        sweeps.start(client, grid(99))
    with pytest.raises(Refused, match="together at most 3"):
        sweeps.start(client, grid(), owner="b" * 32, quota=Quota(kept=3))


def test_a_full_queue_or_disk_only_delays_a_sweep(client, store, monkeypatch):
    sweep = sweeps.start(client, grid())

    def full(*_args, **_more):
        raise Refused("the disk is nearly full")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "create_experiment", full)
        sweeps.top_up(store, PLACES)
    assert store.sweep(sweep.id).begun == 0
    sweeps.top_up(store, PLACES)
    assert store.sweep(sweep.id).begun == PLACES


def test_nothing_is_read_twice_and_little_at_all_where_there_is_no_sweep(store):
    sweeps.top_up(store, PLACES)
    assert not (store.root / "sweeps.db").exists()


def test_cells_crowd_neither_the_list_of_runs_nor_what_a_person_may_keep(client, store):
    sweeps.start(client, grid(), owner="a" * 32, quota=Quota(running=2, kept=4))
    sweeps.top_up(store, 4)
    assert store.experiments() == []
    store.check_kept("a" * 32, Quota(kept=1))


def test_where_fewer_runs_at_once_were_decided_no_more_cells_begin(client, store):
    sweep = sweeps.start(client, grid())
    store.run_at_once(1)
    sweeps.top_up(store, 8)
    assert store.sweep(sweep.id).begun == 1


# -- by hand ----------------------------------------------------------------------------------------------------------


def test_a_stopped_sweep_goes_on_with_the_cells_that_were_stopped(client, store):
    sweep = sweeps.start(client, grid())
    sweeps.top_up(store, PLACES)
    sweeps.stop(client, sweep.id)
    sweeps.top_up(store, PLACES)
    assert [cell.state for cell in store.cell_rows(sweep.id)] == ["cancelled", "cancelled"]
    sweeps.resume(client, sweep.id)
    sweeps.top_up(store, PLACES)
    assert [cell.state for cell in store.cell_rows(sweep.id)] == ["queued", "queued"]


def test_pausing_holds_the_cells_that_live_and_begins_no_others(client, store):
    sweep = sweeps.start(client, grid())
    sweeps.top_up(store, PLACES)
    sweeps.pause(client, sweep.id)
    finish(store)
    sweeps.top_up(store, PLACES)
    cells = store.cell_rows(sweep.id)
    assert [cell.state for cell in cells] == ["done", "queued"]
    assert store.control(cells[1].experiment).paused
    sweeps.resume(client, sweep.id)
    sweeps.top_up(store, PLACES)
    assert not store.control(cells[1].experiment).paused
    assert store.sweep(sweep.id).begun == 3


def test_deleting_removes_the_sweep_and_all_its_runs_and_no_others(client, store):
    other = client.start_experiment("Other", [("S6", fill(grid())[0][0].settings)])
    sweep = sweeps.start(client, grid())
    sweeps.top_up(store, 4)
    sweeps.delete(client, sweep.id)
    sweeps.top_up(store, 4)
    assert [run.experiment for run in store.runs_in(("queued", "cancelled"))] == [other.id]
    assert len(list((store.root / "runs").iterdir())) == 1
    with pytest.raises(KeyError, match="may have been deleted"):
        store.sweep(sweep.id)


def test_a_cell_that_was_deleted_is_not_trained_again(client, store):
    sweep = sweeps.start(client, grid())
    sweeps.top_up(store, PLACES)
    client.delete(store.cell_rows(sweep.id)[0].experiment)
    sweeps.top_up(store, PLACES)
    states = [cell["state"] for cell in Boards(store).board(sweep.id)["cells"]]
    assert states == ["deleted", "queued", "queued", "waiting"]


# -- the store --------------------------------------------------------------------------------------------------------


def test_a_sweep_survives_the_loss_of_the_index(client, store):
    sweep = sweeps.start(client, grid())
    sweeps.top_up(store, PLACES)
    store.close()
    (store.root / "index.db").write_bytes(b"no database" * 1000)
    again = Store(store.root)
    sweeps.top_up(again, PLACES + 1)
    assert numbers(again, sweep.id) == [0, 1, 2]
    again.close()


def test_a_damaged_file_of_sweeps_costs_the_sweeps_and_no_run(client, store):
    sweep = sweeps.start(client, grid())
    sweeps.top_up(store, PLACES)
    store.close()
    (store.root / "sweeps.db").write_bytes(b"no database" * 1000)
    again = Store(store.root)
    assert again.sweeps() == []
    assert len(again.runs_in(("queued",))) == PLACES
    new = again.create_sweep(grid())
    assert [row.id for row in again.sweeps()] == [new.id] != [sweep.id]
    again.close()


def test_a_damaged_run_is_an_unreadable_cell(client, store):
    sweep = sweeps.start(client, grid())
    sweeps.top_up(store, PLACES)
    run = store.cell_rows(sweep.id)[0].run
    (store.folder(run) / "run.db").write_bytes(b"no database" * 1000)
    boards = Boards(store)
    boards.board(sweep.id)
    cell = boards.board(sweep.id)["cells"][0]
    assert cell["state"] == "unreadable"
    assert "cannot be read" in cell["reason"]


def test_a_grid_of_another_version_is_left_out(client, store):
    sweeps.start(client, grid())
    kept = sweeps.start(client, grid(1))
    with sqlite3.connect(store.root / "sweeps.db") as db:
        db.execute("UPDATE sweeps SET grid = '{}' WHERE number = 1")
    db.close()
    assert [row.id for row in store.sweeps()] == [kept.id]


# -- the command line -------------------------------------------------------------------------------------------------


def command(capsys, *arguments):
    status = sweep_command.main(arguments)
    return status, capsys.readouterr()


def test_the_command_line_trains_a_grid_and_prints_it(tmp_path, capsys):
    sizes = ["--set", "optim.steps=20", "--set", "eval_every=20", "--trainer", FAKE, "--root", str(tmp_path / "home")]
    status, said = command(capsys, "--rows", "layer=s6,s4d", "--columns", "N=2", *sizes)
    assert status == 0
    assert "2 of 2 have ended" in said.out
    assert "| S4D | 100.0 % |" in said.out
    assert "done" in command(capsys, "--list", "--root", str(tmp_path / "home"))[1].out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say which grid"),
        (["--rows", "layer", "--columns", "N=2"], "NAME=VALUE"),
        (["--rows", "mass=2", "--columns", "N=2"], "must be one of"),
        (["--rows", "layer=s6", "--columns", "N=two"], "whole number"),
        (["--rows", "layer=s6", "--columns", "N=2", "--set", "task.K=2"], "no setting"),
        (["--stop", "x"], "UUID"),
        (["--stop", "0" * 8 + "-0000-0000-0000-" + "0" * 12], "no sweep"),
    ],
)
def test_the_command_line_explains_what_it_cannot_do(tmp_path, capsys, arguments, words):
    status, said = command(capsys, *arguments, "--root", str(tmp_path))
    assert status == 2
    assert words in said.err


def test_a_dry_run_says_what_would_be_trained_and_trains_nothing(tmp_path, capsys):
    arguments = ["--rows", "layer=s6,attention", "--columns", "N=2,4", "--dry-run", "--root", str(tmp_path)]
    status, said = command(capsys, *arguments)
    assert status == 0
    assert "means nothing to Attention" in said.out
    assert "3 runs" in said.out
    assert not (tmp_path / "sweeps.db").exists()
