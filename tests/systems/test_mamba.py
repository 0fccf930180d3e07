"""Mamba with its state carried: the same network, however a sequence is cut."""

import numpy as np
import pytest

from ssmviz.systems import mamba
from ssmviz.systems.block import network
from ssmviz.weights.__main__ import random_weights
from ssmviz.weights.layouts import Sizes

PARAMETERS = random_weights(Sizes(vocab=16, d_model=16, n_layers=2, D=32, N=4, dt_rank=2), 0)
EXACT = {name: array.astype(float) for name, array in PARAMETERS.items()}
TOKENS = np.random.default_rng(0).integers(0, 16, 20)


def test_it_is_the_network_that_keeps_every_tensor():
    logits, blocks = network(EXACT, TOKENS)
    step = mamba.read(EXACT, TOKENS, mamba.start(EXACT))
    assert np.abs(step.logits - logits).max() < 1e-12
    for seen, block in zip(step.layers, blocks, strict=True):
        assert np.abs(seen.delta - block.delta).max() < 1e-12
        assert np.abs(seen.size - np.sqrt((block.h**2).mean(-1))).max() < 1e-12
        assert np.abs(seen.B - block.B).max() < 1e-12
        assert np.abs(seen.C - block.C).max() < 1e-12


@pytest.mark.parametrize("cuts", [range(1, 20), [1], [2, 3], [17]])
def test_cutting_a_sequence_changes_nothing(cuts):
    whole = mamba.read(EXACT, TOKENS, mamba.start(EXACT))
    states, parts = mamba.start(EXACT), []
    for piece in np.split(TOKENS, list(cuts)):
        parts.append(mamba.read(EXACT, piece, states))
        states = parts[-1].states
    assert np.abs(np.concatenate([part.logits for part in parts]) - whole.logits).max() < 1e-12
    for ended, wanted in zip(states, whole.states, strict=True):
        assert np.abs(ended.h - wanted.h).max() < 1e-12
        assert np.abs(ended.conv - wanted.conv).max() < 1e-12


def test_float32_weights_cost_no_more_than_their_own_rounding():
    exact = mamba.read(EXACT, TOKENS, mamba.start(EXACT)).logits
    rounded = mamba.read(PARAMETERS, TOKENS, mamba.start(PARAMETERS)).logits
    assert rounded.dtype == np.float32
    assert np.abs(rounded - exact).max() < 1e-5 * np.abs(exact).max()


@pytest.mark.parametrize("tokens", [[], [16], [-1]])
def test_tokens_outside_the_vocabulary_are_refused(tokens):
    with pytest.raises(ValueError, match=r"0\.\.15"):
        mamba.read(EXACT, np.array(tokens, int), mamba.start(EXACT))
