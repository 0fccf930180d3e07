"""A frame carries what a layer has, and nothing in the place of what it has not."""

import itertools
import json

import numpy as np
import pytest

from ssmviz import frames
from ssmviz.traces import Frame, LayerTrace, NetworkTrace

L, D, N = 12, 6, 3
FIELDS = {
    "delta": np.full((L, D), 0.1),
    "A_bar": np.full((L, D, N), 0.5),
    "B_bar": np.ones((L, D, N)),
    "C": np.ones((L, N)),
    "h": np.arange(L * D * N).reshape(L, D, N) * (1 + 0.5j),
    "weights": np.tril(np.full((2, L, L), -0.5)),
}
ARRAYS = {
    "delta": {"delta", "delta_mean"},
    "A_bar": {"keep"},
    "C": {"C", "C_scale"},
    "h": {"h", "h_scale", "heat", "heat_max"},
    "weights": {"attention", "attention_scale"},
}
SUBSETS = [set(names) for size in range(len(FIELDS) + 1) for names in itertools.combinations(FIELDS, size)]


def frame_of(*layers, L=L):
    trace = NetworkTrace(np.zeros(L, int), np.full(L, -100), np.zeros((L, 10)), layers)
    return Frame(7, trace, (None,) * len(layers))


def layer_of(names=(), **fields):
    x = np.zeros((L, D))
    return LayerTrace(x=x, y=x, **dict.fromkeys(FIELDS) | {name: FIELDS[name] for name in names} | fields)


@pytest.mark.parametrize("names", SUBSETS, ids=lambda names: " ".join(sorted(names)) or "nothing")
def test_any_subset_packs_into_its_arrays_alone(names):
    got = frames.unpack(frames.pack(frame_of(layer_of(), layer_of(names)), "copying"))
    wanted = set().union(*(ARRAYS.get(name, set()) for name in names))
    wanted |= {"B", "B_scale"} if {"B_bar", "delta"} <= names else set()
    assert {name for name in got if name.startswith("1.")} == {f"1.{name}" for name in wanted}
    assert not any(name.startswith("0.") for name in got)
    about = got["__metadata__"]
    assert about["layers"] == "2"
    assert json.loads(about["complex"]) == ([1] if "h" in names else [])
    assert len(json.loads(about["channels"])) == (0 if names.isdisjoint({"h", "delta"}) else D)


def test_signed_weights_keep_their_signs_and_their_unit():
    weights = np.random.default_rng(0).normal(size=(2, L, L))
    got = frames.unpack(frames.pack(frame_of(layer_of(weights=weights)), "copying"))
    assert got["0.attention"].dtype == np.int8
    unit = got["0.attention_scale"] / 127
    np.testing.assert_allclose(got["0.attention"] * unit, weights, atol=0.51 * unit[0])


@pytest.mark.parametrize("sign", [1, -1])
def test_weights_beside_a_long_memory_are_shown_for_neighbours_together(sign):
    L = 333  # 24 KiB a layer: 3 tokens a row, the last of them alone
    weights = sign * np.tril(np.ones((4, L, L))) / np.arange(1, L + 1)[:, None]
    h, x = np.random.default_rng(0).normal(size=(L, 16, 8)), np.zeros((L, 16))
    layer = LayerTrace(x, None, None, None, None, h, x, weights)
    data = frames.pack(frame_of(layer, layer, L=L), "copying")
    got = frames.unpack(data)
    assert len(data) <= frames.MAX_BYTES
    assert got["0.attention"].shape == (1, 111, 111)
    assert "0.h" in got
    unit = got["0.attention_scale"][0] / 127 if sign < 0 else 1 / 255
    np.testing.assert_allclose(got["0.attention"][0].astype(float).sum(-1) * unit, sign, atol=111 * unit / 2)
    np.testing.assert_allclose(got["0.attention"][0, 50, 0] * unit, weights[0, 150:153, :3].sum(-1).mean(), atol=unit)


def test_of_signed_weights_that_do_not_fit_the_first_head_is_shown_and_not_a_mean_that_cancels():
    weights = np.stack([np.full((200, 200), sign) for sign in (1.0, -1.0, 1.0, -1.0)])
    x = np.zeros((200, D))
    layer = LayerTrace(x, None, None, None, None, None, x, weights)
    got = frames.unpack(frames.pack(frame_of(layer, L=200), "copying"))
    assert got["0.attention"].shape == (1, 200, 200)
    assert (got["0.attention"] == 127).all()
    less = frames.unpack(frames.thinned(frames.pack(frame_of(layer_of(["weights"])), "copying"), channels=1, rows=1))
    assert (less["0.attention"].dtype, less["0.attention"].shape) == (np.int8, (1, L, L))


@pytest.mark.parametrize(
    ("rows", "columns", "heads"), [(1, 64, 0), (128, 32, 4), (512, 2, 1), (64, 64, 8), (256, 256, 0)]
)
def test_memories_of_any_shape_stay_in_the_budget(rows, columns, heads):
    h = np.random.default_rng(0).normal(size=(72, rows, columns))
    x, weights = np.zeros((72, 64)), np.full((heads, 72, 72), -0.1) if heads else None
    layer = LayerTrace(x, None, None, None, None, h, x, weights)
    data = frames.pack(frame_of(layer, layer, L=72), "copying")
    got = frames.unpack(data)
    assert len(data) <= frames.MAX_BYTES
    channels = json.loads(got["__metadata__"]["channels"])
    assert (channels[0], channels[-1]) == (0, rows - 1 if len(channels) > 1 else 0)
    shown = got["0.h"] * got["0.h_scale"][:, None, None] / 127
    np.testing.assert_allclose(shown, h[:, channels].transpose(1, 2, 0), atol=got["0.h_scale"].max() / 253)


def test_layers_of_different_kinds_share_a_frame():
    memory, attention = layer_of(["delta", "A_bar", "B_bar", "C", "h"]), layer_of(["weights"])
    got = frames.unpack(frames.pack(frame_of(memory, attention, memory), "copying"))
    assert {"0.delta", "1.attention", "2.h"} <= got.keys()
    assert "1.h" not in got
