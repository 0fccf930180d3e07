"""What the page on weights computes: prompts, continuations, hidden attention, limits."""

import numpy as np
import pytest

from ssmviz.lessons import inside
from ssmviz.systems.block import network
from ssmviz.weights import Model, told
from ssmviz.weights.__main__ import random_weights
from ssmviz.weights.layouts import Sizes


def made(**sizes: int) -> Model:
    sizes = Sizes(**{"vocab": 16, "d_model": 16, "n_layers": 2, "D": 32, "N": 4, "dt_rank": 2} | sizes)
    return Model(sizes, random_weights(sizes, 0), "hf", tied=True)


MODEL = made()
READING = inside.follow(MODEL, (3, 1, 4, 1, 5), 7)


def test_the_shipped_model_opens():
    assert inside.read(inside.SHIPPED, most=inside.MOST_BYTES).sizes.n_layers == 4


@pytest.mark.parametrize("text", ["3 1 4", "3,1,4", " 3, 1;4\n"])
def test_a_prompt_is_ids_between_spaces_or_commas(text):
    assert inside.prompt_of(text, MODEL) == (3, 1, 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "got 'nothing'"),
        ("3 x", "got 'x'"),
        ("-1", "got '-1'"),
        ("1.5", "got '1.5'"),
        ("16", "from 0 to 15.*got '16'"),
        ("²", "got '²'"),
        ("9" * 5000, "got '999"),
        ("1 " * 65, "may have 64 tokens.*got 65"),
    ],
)
def test_a_bad_prompt_says_what_is_wrong(text, words):
    with pytest.raises(ValueError, match=words):
        inside.prompt_of(text, MODEL)


def test_the_continuation_is_what_the_whole_network_says_each_time():
    tokens = [3, 1, 4, 1, 5]
    for _ in range(7):
        tokens.append(int(network(MODEL.tensors, np.array(tokens))[0][-1].argmax()))
    assert list(READING.tokens) == tokens
    assert READING.prompt == 5
    assert all(part.shape[0] == 12 for layer in READING.layers for part in layer)


def test_probabilities_are_those_of_the_softmax():
    logits = network({name: a.astype(float) for name, a in MODEL.tensors.items()}, np.array(READING.tokens))[0][6]
    chances = np.exp(logits) / np.exp(logits).sum()
    order = np.argsort(-chances)[:5]
    assert [token for token, _ in READING.top[6]] == order.tolist()
    assert np.allclose([p for _, p in READING.top[6]], chances[order], rtol=1e-4)
    assert inside.likeliest(np.zeros(2)) == ((0, 0.5), (1, 0.5))


def test_hidden_attention_gives_the_output_of_the_scan():
    block = network({name: a.astype(float) for name, a in MODEL.tensors.items()}, np.array(READING.tokens))[1][1]
    for d in (0, 31):
        y = inside.attention(MODEL, READING, 1, d + 1) @ block.silu[:, d]
        wanted = block.y[:, d] - MODEL.tensors["layers.1.mixer.D"][d] * block.silu[:, d]
        assert np.abs(y - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_the_mean_over_channels_is_the_mean(monkeypatch):
    each = [np.abs(inside.attention(MODEL, READING, 0, d + 1)) for d in range(32)]
    monkeypatch.setattr(told, "TOGETHER", 5)  # several groups, the last one smaller
    assert np.abs(inside.attention(MODEL, READING, 0, 0) - np.mean(each, 0)).max() < 1e-12


def test_pictures_of_a_wide_model_show_some_of_its_channels():
    model = made(D=96)
    shown = inside.pictures(model, inside.follow(model, (1, 2, 3), 0), layer=9, channel=97)
    assert (shown["layer"], shown["channel"]) == (2, 0)  # what the model lacks stands for what it has
    assert len(shown["channels"]) == len(shown["delta"]) == len(shown["size"]) == 64
    assert (shown["channels"][0], shown["channels"][-1]) == (1, 96)
    assert len(shown["deltas"]) == 2


def test_what_a_model_may_cost_is_bounded():
    assert inside.longest(MODEL) == 96
    big = Model(Sizes(vocab=8, d_model=768, n_layers=24, D=1536, N=16, dt_rank=48), {}, "hf", tied=True)
    assert 32 <= inside.longest(big) < 96
    huge = Model(Sizes(vocab=8, d_model=1, n_layers=1, D=2, N=2**20, dt_rank=1), {}, "hf", tied=True)
    assert inside.longest(huge) == 2
    with pytest.raises(ValueError, match="may have 2 tokens"):
        inside.prompt_of("1 2 3", huge)
