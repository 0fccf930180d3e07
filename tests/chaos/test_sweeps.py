"""What may happen to processes while a sweep goes on: no cell is lost, and none is trained twice."""

import pytest

from ssmviz.runs import sweeps
from ssmviz.runs.sweep_board import Boards, as_table
from tests.runs import fake
from tests.runs.lab import wait_until
from tests.runs.sweeping import grid, numbers


def ended(lab, sweep):
    wait_until(lambda: lab.store.sweep(sweep).state == "done", "end of the sweep")
    return Boards(lab.store).board(sweep)


def test_a_sweep_that_is_deleted_while_it_trains_leaves_no_run(shared_lab):
    lab = shared_lab
    sweep = sweeps.start(lab.client, grid(fake.SLOW, steps=5000))
    cell = wait_until(lambda: lab.store.cell_rows(sweep.id))[0]
    lab.reaches(cell.run, 5)
    sweeps.delete(lab.client, sweep.id)
    assert numbers(lab.store, sweep.id) == []
    assert not lab.store.is_alive(cell.run)
    assert not lab.store.folder(cell.run).exists()


def test_a_sweep_fills_the_places_and_every_cell_has_its_score(shared_lab):
    sweep = sweeps.start(shared_lab.client, grid(0, 1, columns=("N", 2)))
    board = ended(shared_lab, sweep.id)
    assert {cell["state"] for cell in board["cells"]} == {"done"}
    assert {cell["token_accuracy"] for cell in board["cells"]} == {1.0}
    assert board["settled"]
    assert as_table(board, "token_accuracy")[1] == ["S6", "100.0 %"]
    sweeps.delete(shared_lab.client, sweep.id)


def test_what_diverges_or_fails_is_a_state_of_its_cell_and_the_others_go_on(shared_lab):
    sweep = sweeps.start(shared_lab.client, grid(0, fake.DIVERGES, fake.FAILS, columns=("N", 2), rows=("layer", "s6")))
    cells = ended(shared_lab, sweep.id)["cells"]
    assert [cell["state"] for cell in cells] == ["done", "diverged", "failed"]
    assert "step 30" in cells[1]["reason"]
    sweeps.delete(shared_lab.client, sweep.id)


def test_a_killed_worker_goes_on_in_its_cell(shared_lab):
    lab = shared_lab
    sweep = sweeps.start(lab.client, grid(fake.SLOW, steps=30, columns=("N", 2)))
    cell = wait_until(lambda: lab.store.cell_rows(sweep.id))[0]
    lab.reaches(cell.run, 10)
    lab.kill_worker(cell.run)
    board = ended(lab, sweep.id)
    assert {one["state"] for one in board["cells"]} == {"done"}
    assert lab.store.run(cell.run).attempt == 2
    sweeps.delete(lab.client, sweep.id)


def test_a_killed_launcher_costs_no_cell_and_doubles_none(lab):
    sweep = sweeps.start(lab.client, grid(*range(3), columns=("N", 2)))
    wait_until(lambda: lab.store.sweep(sweep.id).begun >= 2)
    old = lab.kill_launcher()
    wait_until(lambda: lab.launcher() != old)
    lab.groups.add(lab.launcher())
    board = ended(lab, sweep.id)
    assert {cell["state"] for cell in board["cells"]} == {"done"}
    assert numbers(lab.store, sweep.id) == list(range(6))


@pytest.mark.slow
def test_a_closed_app_goes_on_with_its_sweep_when_it_is_opened_again(lab):
    sweep = sweeps.start(lab.client, grid(fake.SLOW, steps=20, columns=("N", 2)))
    cell = wait_until(lambda: lab.store.cell_rows(sweep.id))[0]
    lab.reaches(cell.run, 5)
    assert lab.close() == []
    assert lab.store.run(cell.run).state == "interrupted"
    lab.open()
    assert {one["state"] for one in ended(lab, sweep.id)["cells"]} == {"done"}
    assert lab.store.run(cell.run).attempt == 2


@pytest.mark.slow
def test_after_everything_was_killed_the_next_app_goes_on(backend, tmp_path):
    before = backend(tmp_path / "home").open()
    sweep = sweeps.start(before.client, grid(fake.SLOW, steps=20, columns=("N", 2, 4, 8), rows=("layer", "s6")))
    cell = wait_until(lambda: before.store.cell_rows(sweep.id))[0]
    before.reaches(cell.run, 5)
    before.kill_everything()
    after = backend(tmp_path / "home").open()
    assert {one["state"] for one in ended(after, sweep.id)["cells"]} == {"done"}
    assert numbers(after.store, sweep.id) == [0, 1, 2]
    assert after.close() == []
