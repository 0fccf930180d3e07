import runpy

import numpy as np
import pytest

from ssmviz.lessons import block
from ssmviz.lessons.controls import values
from ssmviz.lessons.networks import right_answer, trained
from tests.pages.conftest import ROOT

NOW = values(block.CONTROLS, {}, page="block")[0]


def test_the_trained_network_is_right_on_every_new_sequence_of_its_training_length():
    accuracy = trained("mamba").provenance["accuracy"]
    assert accuracy["64"] == 1.0
    assert block.share_right(block.parts(NOW)) == 1.0
    assert block.answer(NOW).said == right_answer(block.TEXT) == "D"


@pytest.mark.parametrize(
    ("change", "low", "high"),
    [
        ({"conv": False}, 0.0, 0.3),
        ({"gate": False}, 0.0, 0.3),
        ({"rank": 0}, 0.0, 0.4),
        ({"shift": 6.0}, 0.0, 0.4),
        ({"shift": -6.0}, 0.0, 0.4),
        ({"skip": False}, 0.95, 1.0),
        ({"rank": 1}, 0.95, 1.0),
    ],
    ids=str,
)
def test_what_the_page_says_of_each_part_is_so(change, low, high):
    assert low <= block.share_right(block.parts(NOW | change)) <= high


def test_an_edited_far_token_moves_the_state_and_neither_delta_nor_b():
    moved = block.edit(NOW)
    assert (moved.before, moved.after, moved.place) == ("D", "E", 4)
    assert moved.delta == moved.B == 0
    assert moved.h > 0.1
    assert "68 %" in moved.sentence


def test_projections_hold_most_parameters_of_a_wide_block():
    counts = block.counts(NOW | {"d_model": 2560})
    assert counts["in_proj"] == 2 * counts["out_proj"] == 2 * 2560 * 5120
    assert (counts["in_proj"] + counts["out_proj"]) / sum(counts.values()) > 0.9
    d, D, N, r = 768, 1536, 16, 48
    assert sum(block.counts(NOW).values()) == 3 * D * d + D * (3 * N + 2 * r + 7) + d


def test_snippet_computes_the_deltas_that_the_page_draws():
    theirs = runpy.run_path(str(ROOT / "assets" / "snippets" / "block.py"))
    logits, traced = block.run(NOW)
    np.testing.assert_allclose(theirs["delta"], traced.delta, rtol=1e-9)
    np.testing.assert_allclose(theirs["h"], traced.h[-1], rtol=1e-9)
    np.testing.assert_allclose(theirs["logits"], logits[-1], rtol=1e-9)


def test_other_rows_are_of_the_task_and_never_the_pages_own():
    assert len(set(block.others())) == block.OTHERS
    assert block.TEXT not in block.others()
    assert all(right_answer(text) for text in block.others())


@pytest.mark.parametrize(
    ("text", "right"), [("AB>CD>", "C"), ("AB>", ""), ("ABC", ""), (">>", ""), ("A>>", ""), (">A>B>", "")]
)
def test_only_two_triggers_ask_for_something(text, right):
    assert right_answer(text) == right
