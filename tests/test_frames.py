"""A frame carries what the architecture's table promises, small, and gives it back."""

import json
from pathlib import Path

import numpy as np
import pytest

from ssmviz import frames
from ssmviz.traces import Frame, LayerTrace, NetworkTrace

IGNORED = -100


def make_frame(*, L=72, D=64, N=8, layers=2, own_c=False, dtype=np.float32, scale=1.0):
    rng = np.random.default_rng(0)

    def draw(*shape):
        z = rng.standard_normal(shape) * scale
        if dtype is np.complex64:
            z = z + 1j * rng.standard_normal(shape) * scale
        return z.astype(dtype)

    def layer():
        delta = np.exp(rng.normal(-3, 1, (L, D))).astype(np.float32)
        C = draw(L, D, N) if own_c else draw(L, N)
        A_bar = np.exp(-delta[..., None] * np.arange(1, N + 1)).astype(dtype)
        return LayerTrace(delta, delta, A_bar, draw(L, D, N), C, draw(L, D, N), delta)

    targets = np.full(L, IGNORED)
    targets[-8:] = rng.integers(2, 10, 8)
    logits = rng.standard_normal((L, 10)).astype(np.float32)
    trace = NetworkTrace(rng.integers(0, 10, L), targets, logits, tuple(layer() for _ in range(layers)))
    return Frame(7, trace, tuple(draw(D, N) for _ in range(layers)))


@pytest.mark.parametrize(("L", "shape"), [(16, (4, 16, 16)), (128, (1, 128, 128)), (400, (1, 200, 200))])
def test_a_transformer_shows_the_weights_of_its_heads_as_far_as_they_fit(L, shape):
    weights = np.tril(np.ones((4, L, L))) / np.arange(1, L + 1)[:, None]
    layer = LayerTrace(np.zeros((L, 8)), None, None, None, None, None, np.zeros((L, 8)), weights)
    trace = NetworkTrace(np.zeros(L, int), np.full(L, IGNORED), np.zeros((L, 10)), (layer, layer))
    data = frames.pack(Frame(7, trace, (None, None)), "induction_heads")
    got = frames.unpack(data)
    assert len(data) <= frames.MAX_BYTES
    assert got["__metadata__"]["layers"] == "2"
    assert got["__metadata__"]["channels"] == "[]"
    assert got["1.attention"].shape == shape
    together = weights[0].reshape(shape[1], L // shape[1], shape[2], -1).sum(3).mean(1)
    np.testing.assert_allclose(got["1.attention"][0] / 255, together, atol=0.5 / 255)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_every_array_of_the_table_is_there_with_its_type_and_shape(dtype):
    L, D, N = 40, 12, 4
    got = frames.unpack(frames.pack(make_frame(L=L, D=D, N=N, dtype=dtype), "copying"))
    K = len(json.loads(got["__metadata__"]["channels"]))
    assert K == D
    expected = {
        "tokens": ("int16", (L,)),
        "targets": ("int16", (L,)),
        "predicted": ("int16", (L,)),
        "confidence": ("float32", (L,)),
    }
    for i in range(2):
        expected |= {
            f"{i}.delta": ("float32", (K, L)),
            f"{i}.delta_mean": ("float32", (L,)),
            f"{i}.keep": ("uint8", (K, L)),
            f"{i}.heat": ("uint8", (D, L)),
            f"{i}.heat_max": ("float32", (1,)),
            f"{i}.h": ("int8", (K, N, L)),
            f"{i}.h_scale": ("float32", (K,)),
            f"{i}.A": ("float32", (K, N)),
            f"{i}.B": ("int8", (N, L)),
            f"{i}.C": ("int8", (N, L)),
            f"{i}.B_scale": ("float32", (1,)),
            f"{i}.C_scale": ("float32", (1,)),
        }
        if dtype is np.complex64:
            expected[f"{i}.A_imag"] = ("float32", (K, N))
    assert {k: (str(v.dtype), v.shape) for k, v in got.items() if k != "__metadata__"} == expected
    names = {name.partition(".")[2] for name in expected if "." in name} | {"tokens", "confidence"}
    table = (Path(__file__).parent.parent / "docs/architecture.md").read_text()
    assert all(name in table for name in names)


def test_metadata_says_step_layers_version_and_task():
    got = frames.unpack(frames.pack(make_frame(layers=1), "copying"))["__metadata__"]
    assert (got["step"], got["layers"], got["version"], got["task"]) == ("7", "1", "1", "copying")


@pytest.mark.parametrize("own_c", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_a_frame_gives_back_what_the_network_did(dtype, own_c):
    frame = make_frame(L=30, D=6, N=3, dtype=dtype, own_c=own_c)
    got, layer = frames.unpack(frames.pack(frame, "copying")), frame.trace.layers[1]
    h = got["1.h"] * got["1.h_scale"][:, None, None] / 127
    assert np.allclose(h, layer.h.real.transpose(1, 2, 0), atol=got["1.h_scale"].max() / 254 + 1e-6)
    heat = got["1.heat"] * got["1.heat_max"] / 255
    rms = np.sqrt((np.abs(layer.h) ** 2).mean(-1)).T
    assert np.allclose(heat, rms, atol=rms.max() / 509)
    assert np.allclose(got["1.keep"] / 255, np.abs(layer.A_bar).mean(-1).T, atol=1 / 509)
    assert np.allclose(got["1.delta"], layer.delta.T)
    assert np.allclose(got["1.delta_mean"], np.exp(np.log(layer.delta).mean(1)))
    B = layer.B_bar[:, 0].real / layer.delta[:, :1]
    assert np.allclose(got["1.B"].T * got["1.B_scale"] / 127, B, atol=got["1.B_scale"] / 253)
    C = layer.C[:, 0] if own_c else layer.C
    assert np.allclose(got["1.C"].T * got["1.C_scale"] / 127, C.real, atol=got["1.C_scale"] / 253)


def test_confidence_is_the_probability_of_what_is_asked_and_of_the_guess_elsewhere():
    frame = make_frame(L=20)
    got, trace = frames.unpack(frames.pack(frame, "copying")), frame.trace
    p = np.exp(trace.logits) / np.exp(trace.logits).sum(-1, keepdims=True)
    judged = np.where(trace.targets >= 0, trace.targets, p.argmax(-1))
    assert np.allclose(got["confidence"], p[np.arange(20), judged])
    assert (got["targets"] == np.where(trace.targets >= 0, trace.targets, -1)).all()
    assert (got["predicted"] == p.argmax(-1)).all()


@pytest.mark.parametrize(
    ("L", "D", "N", "layers"),
    [(72, 64, 8, 2), (272, 128, 16, 2), (72, 64, 64, 2), (8, 16, 1, 8), (700, 128, 16, 2), (64, 512, 256, 1)],
)
def test_a_frame_stays_in_its_budget_and_uses_it(L, D, N, layers):
    size = len(frames.pack(make_frame(L=L, D=D, N=N, layers=layers, dtype=np.complex64), "selective_copying"))
    K, _ = frames.budget(L=L, D=D, N=N, layers=layers)
    assert size <= frames.MAX_BYTES
    room_for_one_more = layers * ((5 + N) * L + 4 + 8 * N) + 5
    assert K in (1, D) or size > frames.MAX_BYTES - room_for_one_more - layers * frames.HEADER_BYTES_PER_LAYER


def test_long_sequences_lose_rows_before_they_lose_the_frame():
    K, R = frames.budget(L=2048, D=128, N=8, layers=2)
    assert K == 1
    assert 1 <= R < 64


def test_channels_are_averaged_when_there_are_more_than_rows():
    frame = make_frame(L=10, D=128, N=2, layers=1)
    got = frames.unpack(frames.pack(frame, "copying"))
    rms = np.sqrt((frame.trace.layers[0].h ** 2).mean(-1)).T
    assert np.allclose(got["0.heat"] * got["0.heat_max"] / 255, rms.reshape(64, 2, 10).mean(1), atol=0.01)


def test_shown_channels_are_spread_over_all_of_them():
    channels = json.loads(
        frames.unpack(frames.pack(make_frame(L=272, D=128, N=16), "copying"))["__metadata__"]["channels"]
    )
    assert channels[0] == 0
    assert channels[-1] == 127
    assert len(set(channels)) == len(channels)


def test_a_network_full_of_nan_still_packs():
    frame = make_frame(L=12, D=4, N=2, scale=np.inf)
    got = frames.unpack(frames.pack(frame, "copying"))
    assert got["0.h"].shape == (4, 2, 12)


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x05\x00\x00\x00\x00\x00\x00\x00[1,2]", bytes(range(256))])
def test_bytes_that_are_no_frame_are_refused(junk):
    with pytest.raises(ValueError, match="expected the bytes of a frame"):
        frames.unpack(junk)


def test_a_thinned_frame_shows_less_of_the_same():
    frame = make_frame(L=40, D=32, N=4, own_c=True, dtype=np.complex64)
    whole = frames.unpack(frames.pack(frame, "copying"))
    data = frames.thinned(frames.pack(frame, "copying"), channels=4, rows=8)
    less = frames.unpack(data)
    assert len(data) < len(frames.pack(frame, "copying")) / 3
    assert whole.keys() == less.keys()
    shown, kept = (json.loads(f["__metadata__"]["channels"]) for f in (whole, less))
    assert (kept[0], kept[-1], len(kept)) == (shown[0], shown[-1], 4)
    rows = [shown.index(channel) for channel in kept]
    for name in ("1.delta", "1.keep", "1.h", "1.h_scale", "1.A"):
        np.testing.assert_array_equal(less[name], whole[name][rows])
    for name in ("tokens", "confidence", "0.delta_mean", "0.B"):
        np.testing.assert_array_equal(less[name], whole[name])
    np.testing.assert_allclose(less["0.heat"], whole["0.heat"].reshape(8, 4, 40).mean(1), atol=0.5)


def test_a_frame_that_shows_little_is_not_changed_by_thinning():
    whole = frames.pack(make_frame(L=12, D=4, N=2), "copying")
    less, wanted = frames.unpack(frames.thinned(whole, channels=8, rows=8)), frames.unpack(whole)
    for name in wanted:
        np.testing.assert_array_equal(less[name], wanted[name])
