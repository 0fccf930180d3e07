import json
import runpy

import numpy as np
import pytest

from ssmviz.lessons import attention
from ssmviz.lessons.controls import values
from ssmviz.lessons.networks import trained
from ssmviz.systems import attention as systems
from tests.pages.conftest import ROOT

NOW = values(attention.CONTROLS, {}, page="attention")[0]


def test_both_networks_give_the_right_answer_and_read_it_where_the_page_says():
    said = attention.answers(NOW)
    assert said.s6.said == said.softmax.said == said.s6.right == "D"
    assert attention.TEXT.index(">") == 3
    assert attention.softmax_read(NOW)[0] == 4  # the token after the trigger
    assert attention.hidden(NOW).read == 5  # one late: the convolution still holds the token before
    assert attention.hidden(NOW).share > 0.9
    assert attention.softmax_read(NOW)[1] > 0.9


def test_hidden_attention_times_x_is_y_to_the_last_digits():
    assert attention.hidden(NOW).mismatch < 1e-9


def test_hidden_attention_follows_the_trigger():
    moved = attention.hidden(NOW | {"tokens": "CFABGBEGC>DBFEGACBD>"})
    assert moved.read > 9
    assert "with ▶ at token 10" in attention.move_words(NOW | {"tokens": "CFABGBEGC>DBFEGACBD>"})


@pytest.mark.parametrize(("power", "gigabytes"), [(11, 0.67), (17, 42.95), (20, 343.6)])
def test_cache_of_a_model_of_2_8_billion_parameters(power, gigabytes):
    cached, state = attention.kept_bytes(NOW | {"power": power, "N": 16})
    assert round(cached / 1e9, 2) == gigabytes
    assert attention.bytes_words(state) == "24.9 MB"


def test_operations_double_with_the_context_for_s6_and_grow_four_times_for_attention():
    (full, scanned), (more, twice) = (attention.operations(NOW | {"power": p}) for p in (16, 17))
    assert twice == 2 * scanned
    assert more / full == pytest.approx(4, rel=1e-4)


@pytest.mark.parametrize(("N", "share"), [(1, 0.36), (2, 0.43), (4, 0.80), (8, 1.00)])
def test_four_letters_come_back_from_a_state_of_n_as_in_you_are_the_gate(N, share):
    assert attention.capacities()[3][N - 1] == pytest.approx(share, abs=0.04)
    assert attention.capacity(4, N) == pytest.approx(attention.capacities()[3][N - 1], abs=1e-3)


def test_the_committed_capacities_are_those_of_the_function():
    for letters, N in ((1, 1), (5, 6), (8, 4)):
        assert attention.capacity(letters, N) == pytest.approx(attention.capacities()[letters - 1][N - 1], abs=1e-3)
    assert np.shape(attention.capacities()) == (attention.MOST_LETTERS, attention.MOST_STATES)


def test_both_were_tested_on_the_same_lengths_and_attention_falls_first():
    ladder = attention.ladder()
    assert list(ladder["mamba"]) == list(ladder["transformer"]) == [16, 32, 64, 128, 256, 512, 1024]
    assert ladder["mamba"][64] == ladder["transformer"][64] == 1.0
    assert ladder["transformer"][512] < 0.5 < ladder["mamba"][512]


def test_both_networks_have_about_as_many_parameters():
    counts = [trained(name).provenance["parameters"] for name in ("mamba", "transformer")]
    assert max(counts) / min(counts) < 1.3
    assert counts == [sum(p.size for p in trained(name).parameters.values()) for name in ("mamba", "transformer")]


def test_what_the_browser_gets_is_json():
    assert json.loads(json.dumps(attention.for_browser(NOW)))["capacities"][3][7] == 1.0


def test_snippet_computes_the_matrix_of_the_page():
    theirs = runpy.run_path(str(ROOT / "assets" / "snippets" / "attention.py"))
    A_bar = np.exp(theirs["delta"][:, None] * theirs["A"])[:, None]
    ours = systems.hidden_attention(theirs["delta"][:, None], A_bar, theirs["B"], theirs["C"])[0]
    np.testing.assert_allclose(theirs["alpha"], ours, atol=1e-12)
    np.testing.assert_allclose(theirs["alpha"] @ theirs["x"], theirs["y"], atol=1e-12)
    np.testing.assert_allclose(theirs["weights"], systems.softmax_weights(theirs["q"], theirs["k"]), atol=1e-12)
    assert theirs["cache_bytes"](2048) == systems.cache_bytes(2048, layers=32, width=2560)
