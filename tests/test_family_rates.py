"""Learning rates of the family: the nearest that a search has found, and how its results become the file."""

import pytest

from benchmarks.family_rates import search_of
from benchmarks.sweeps import SWEEPS
from ssmviz.family import BLOCKS, LAYERS
from ssmviz.family.rates import FIRST_GUESS, Best, Search, rates_of, searched
from ssmviz.tasks import TASKS


def search(**rates: dict[str, Best]) -> Search:
    return Search(machine="a machine", measured="2026-11-22", command="a command", rates=rates)


FOUND = search(
    copying={"mamba, s5": Best(lr=0.01, lr_muon=0.04, token=0.98)},
    listops={"mamba, s5": Best(lr=0.04, lr_muon=0.01, token=0.5)},
    audio={"mamba, s5": Best(lr=0.002, error=0.4)},
)


def test_the_task_s_own_rates_come_first_and_say_what_they_reached():
    rates = rates_of("copying", "mamba", "s5", muon=True, search=FOUND)
    assert rates[:2] == (0.01, 0.04)
    assert "this task, which reached 98 %" in rates.words
    assert "an error of 0.40" in rates_of("audio", "mamba", "s5", muon=False, search=FOUND).words


def test_without_the_task_it_is_the_geometric_mean_over_the_others():
    rates = rates_of("text", "mamba", "s5", muon=True, search=FOUND)
    assert rates[:2] == (0.02, 0.02)
    assert "other tasks" in rates.words


def test_rates_beside_muon_are_not_taken_for_adamw_alone_nor_the_other_way_round():
    assert rates_of("delay", "mamba", "s5", muon=False, search=FOUND).lr == 0.002
    assert rates_of("copying", "mamba", "s5", muon=False, search=FOUND).lr == 0.002


@pytest.mark.parametrize("known", [None, FOUND])
def test_what_nobody_has_searched_is_a_guess_and_says_so(known):
    rates = rates_of("copying", "plain", "rwkv", muon=True, search=known)
    assert rates == FIRST_GUESS
    assert "guess" in rates.words


def row(pair: str, muon: float, lr: float, token: float | None, loss: float = 1.0, **more):
    curve = [[100, 1.0, loss, token, token, None, 1.0]]
    words = {"hardware": "a machine", "measured": "2026-11-22", "state": "done", "error": None, "curve": curve}
    return words | {"row": f"copying: {pair}, muon {muon:g}", "lr": lr, "token": token} | more


def test_of_a_search_the_best_cell_counts_and_of_equal_ones_the_smaller_loss():
    found = search_of(
        [
            row("mamba, s5", 0.01, 0.002, 0.9),
            row("mamba, s5", 0.04, 0.01, 1.0, loss=0.2),
            row("mamba, s5", 0.04, 0.04, 1.0, loss=0.1),
            row("mamba, s5", 0.01, 0.01, None, state="diverged", curve=[]),
            row("h3, rwkv", 0.01, 0.01, None, state="diverged", curve=[]),
        ]
    )
    assert found.rates == {"copying": {"mamba, s5": Best(lr=0.04, lr_muon=0.04, token=1.0)}}
    assert Search.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("rows", [[], [row("a, b", 1, 1, 1), row("a, b", 1, 1, 1, hardware="another")]])
def test_results_of_no_machine_or_of_several_are_refused(rows):
    with pytest.raises(ValueError, match="one machine"):
        search_of(rows)


def test_every_row_of_the_sweep_is_understood():
    rows = [row("a, b", 1, 1e-3, 0.5) | {"row": name} for name in SWEEPS["family_rates"].rows]
    found = search_of(rows)
    assert found.rates.keys() <= TASKS.keys()
    pairs = {pair for of in found.rates.values() for pair in of}
    assert pairs <= {f"{block}, {layer}" for block in BLOCKS for layer in LAYERS}


def test_committed_rates_are_of_tasks_blocks_and_layers_that_exist():
    if (committed := searched()) is None:
        pytest.skip("no search is committed")
    assert committed.rates.keys() <= TASKS.keys()
    pairs = {pair for of in committed.rates.values() for pair in of}
    assert pairs <= {f"{block}, {layer}" for block in BLOCKS for layer in LAYERS}
