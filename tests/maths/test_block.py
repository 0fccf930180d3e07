import numpy as np
import pytest

from ssmviz.lessons.networks import tokens_of, trained
from ssmviz.systems import block
from ssmviz.systems.block import Parts

TEXT = "CFA>DBEGC>"
MAMBA = trained("mamba")
RUN = "(m, sent, tokens, parts) => m.network(m.readParameters(sent), tokens, parts)"
NAMES = ("u", "norm", "x", "z", "conv", "silu", "dt", "delta", "B", "C", "A_bar", "h", "y", "gated", "out", "residual")


@pytest.mark.parametrize(
    "parts",
    [{}, {"conv": False, "shift": 1.5}, {"gate": False, "rank": 1}, {"skip": False, "rank": 0, "shift": -2.0}],
    ids=["whole", "without conv", "without gate", "without D"],
)
def test_every_tensor_of_the_block_equals_pythons(js, parts):
    ours = js("block.js", RUN, MAMBA.sent, tokens_of(TEXT), parts)
    logits, (traced,) = block.network(MAMBA.parameters, tokens_of(TEXT), Parts(**parts))
    for name in NAMES:
        wanted = getattr(traced, name)
        found = np.reshape(ours["blocks"][0][name]["data"], wanted.shape)
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * abs(wanted).max(), err_msg=name)
    np.testing.assert_allclose(ours["logits"]["data"], logits.ravel(), rtol=1e-9, atol=1e-9)


def test_probabilities_of_the_next_token_sum_to_one(js):
    expression = "(m, sent, tokens) => m.softmaxRow(m.network(m.readParameters(sent), tokens).logits, 9)"
    chances = js("block.js", expression, MAMBA.sent, tokens_of(TEXT))
    assert sum(chances) == pytest.approx(1)
    assert int(np.argmax(chances)) == tokens_of("D")[0]


@pytest.mark.parametrize(("d_model", "N", "expand", "dt_rank"), [(16, 8, 2, 2), (2560, 16, 2, 0), (33, 4, 1, 0)])
def test_parameter_counts_equal_pythons(js, d_model, N, expand, dt_rank):
    found = js(
        "block.js", "(m, d, n, o) => m.parameterCounts(d, n, o)", d_model, N, {"expand": expand, "dt_rank": dt_rank}
    )
    assert found == block.parameter_counts(d_model, N, expand=expand, dt_rank=dt_rank)
