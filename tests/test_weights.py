"""Mamba's weights from and to files: both layouts, bit for bit, and refused wherever they are not exactly that."""

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, load_file, save

from ssmviz.settings import ModelSettings, TaskSettings, TrainSettings
from ssmviz.systems.block import network
from ssmviz.weights import LAYOUTS, config, of_checkpoint, read, unpublishable, write
from ssmviz.weights.__main__ import TINY, main, random_weights
from ssmviz.weights.layouts import Sizes

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "assets" / "weights" / "tiny-random.safetensors"
SIZES = Sizes(vocab=16, d_model=16, n_layers=2, D=32, N=4, dt_rank=1)
EMBEDDING = {"hf": "backbone.embeddings.weight", "original": "backbone.embedding.weight"}


@pytest.fixture
def tensors():
    return random_weights(SIZES, 0)


def changed(tensors, name, value, layout="hf"):
    """A file with one tensor, by its published name, replaced or (None) left out."""
    found = load(write(tensors, layout))
    found.pop(name, None)
    return save(found | ({} if value is None else {name: value}), {"format": "pt"})


def same_bits(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k].view(np.uint32), b[k].view(np.uint32)) for k in a)


# -- what is read is what was written -------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("tied", [True, False])
def test_a_round_trip_keeps_every_bit(tensors, layout, tied):
    if not tied:
        tensors["lm_head.weight"] = -tensors["embedding.weight"]
    data = write(tensors, layout)
    model = read(data)
    assert same_bits(model.tensors, tensors)
    assert (model.layout, model.tied, model.sizes) == (layout, tied, SIZES)
    assert write(model.tensors, layout) == data


def test_both_layouts_carry_their_published_names(tensors):
    hf, original = load(write(tensors, "hf")), load(write(tensors, "original"))
    assert hf.keys() - original.keys() == {"backbone.embeddings.weight"}
    assert original.keys() - hf.keys() == {"backbone.embedding.weight", "lm_head.weight"}  # tied: repeated
    mixer = {"in_proj.weight": (64, 16), "conv1d.weight": (32, 1, 4), "conv1d.bias": (32,), "x_proj.weight": (9, 32)}
    mixer |= {"dt_proj.weight": (32, 1), "dt_proj.bias": (32,), "A_log": (32, 4), "D": (32,)}
    mixer |= {"out_proj.weight": (16, 32)}
    shapes = {f"backbone.layers.{i}.mixer.{name}": shape for i in range(2) for name, shape in mixer.items()}
    shapes |= {"backbone.layers.0.norm.weight": (16,), "backbone.layers.1.norm.weight": (16,)}
    shapes |= {"backbone.norm_f.weight": (16,), "backbone.embeddings.weight": (16, 16)}
    assert {name: array.shape for name, array in hf.items()} == shapes


def test_a_head_that_is_repeated_or_left_out_is_tied(tensors):
    found = load(write(tensors, "original"))
    head = found.pop("lm_head.weight")
    for file in (found, found | {"lm_head.weight": head}):
        assert read(save(file)).tied


def test_the_original_pads_the_vocabulary_and_the_padding_goes_again():
    tensors = random_weights(Sizes(vocab=10, d_model=16, n_layers=1, D=32, N=4, dt_rank=1), 0)
    data = write(tensors, "original")
    padded = load(data)["backbone.embedding.weight"]
    assert padded.shape == (16, 16)
    assert not padded[10:].any()
    assert same_bits(read(data).tensors, tensors)
    foreign = read(save(load(data)))  # without our note the padding cannot be told from tokens
    assert foreign.sizes.vocab == 16


def test_the_config_says_what_the_file_cannot():
    hf, original = (config(SIZES, layout, tied=False) for layout in LAYOUTS)
    assert (hf["hidden_size"], hf["state_size"], hf["time_step_rank"], hf["tie_word_embeddings"]) == (16, 4, 1, False)
    assert (original["d_model"], original["ssm_cfg"]["d_state"], original["tie_embeddings"]) == (16, 4, False)


# -- the mathematics: written from the paper alone --------------------------------------------------------------------


def algorithm_2(file, tokens):
    """Logits, number by number: figure 3 and Algorithm 2 (Gu & Dao 2023), B_bar = Delta B as in the released code."""
    W = {name: array.astype(float) for name, array in file.items()}
    E = W["backbone.embeddings.weight"]
    norm = lambda v, gain: v / np.sqrt(np.mean(v**2) + 1e-5) * gain  # noqa: E731
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    stream = [E[t] for t in tokens]
    i = 0
    while f"backbone.layers.{i}.norm.weight" in W:
        P = {k.split("mixer.")[1]: v for k, v in W.items() if k.startswith(f"backbone.layers.{i}.mixer.")}
        D, N = P["A_log"].shape
        R = P["dt_proj.weight"].shape[1]
        xs, zs = [], []
        for u in stream:
            both = P["in_proj.weight"] @ norm(u, W[f"backbone.layers.{i}.norm.weight"])
            xs.append(both[:D])
            zs.append(both[D:])
        h = np.zeros((D, N))
        for t in range(len(tokens)):
            x, y = np.empty(D), np.empty(D)
            for d in range(D):
                c = P["conv1d.bias"][d]
                for k in range(4):
                    c += P["conv1d.weight"][d, 0, k] * (xs[t - 3 + k][d] if t - 3 + k >= 0 else 0.0)
                x[d] = c * sigmoid(c)
            s = P["x_proj.weight"] @ x
            B, C = s[R : R + N], s[R + N :]
            delta = np.log(1 + np.exp(P["dt_proj.weight"] @ s[:R] + P["dt_proj.bias"]))
            for d in range(D):
                for n in range(N):
                    A = -np.exp(P["A_log"][d, n])
                    h[d, n] = np.exp(delta[d] * A) * h[d, n] + delta[d] * B[n] * x[d]
                y[d] = h[d] @ C + P["D"][d] * x[d]
            stream[t] = stream[t] + P["out_proj.weight"] @ (y * zs[t] * sigmoid(zs[t]))
        i += 1
    head = W.get("lm_head.weight", E)
    return np.stack([head @ norm(u, W["backbone.norm_f.weight"]) for u in stream])


def test_a_file_means_what_the_paper_says(tensors):
    tensors["lm_head.weight"] = tensors["lm_head.weight"][::-1].copy()
    data = write(tensors, "hf")
    tokens = np.random.default_rng(1).integers(0, 16, 12)
    wanted = algorithm_2(load(data), tokens)
    assert np.abs(network(read(data).tensors, tokens)[0] - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_network_of_this_package_means_the_same_once_it_is_published():
    import torch

    from ssmviz.models import build

    net = build(TaskSettings(vocab=10), ModelSettings(d_model=8, N=4, dt_rank=3), seed=0)
    data = write({name: p.detach().numpy() for name, p in net.named_parameters()}, "hf")
    assert not read(data).tied
    tokens = np.random.default_rng(2).integers(0, 10, 12)
    with torch.no_grad():
        ours = net(torch.as_tensor(tokens)[None])[0].numpy()
    wanted = algorithm_2(load(data), tokens)
    assert np.abs(ours - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_published_file_loads_into_the_network_of_this_package(tensors, layout):
    import torch

    from ssmviz.models import build

    net = build(TaskSettings(vocab=16), ModelSettings(d_model=16, N=4, dt_rank=1), seed=0)
    model = read(write(tensors, layout))
    net.load_state_dict({name: torch.tensor(array) for name, array in model.tensors.items()}, strict=True)
    tokens = np.random.default_rng(3).integers(0, 16, 12)
    wanted = algorithm_2(load(write(tensors, "hf")), tokens)
    state = net.initial_state(1)
    with torch.no_grad():
        ours = net(torch.as_tensor(tokens)[None])[0].numpy()
        for t, token in enumerate(tokens):
            said, state = net.step(torch.tensor([token]), state)
            assert np.abs(said[0].numpy() - wanted[t]).max() < 1e-5 * np.abs(wanted).max()
    assert np.abs(ours - wanted).max() < 1e-5 * np.abs(wanted).max()


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("backbone.layers.1.mixer.A_log", None, "lacks backbone.layers.1.mixer.A_log"),
        ("backbone.norm_f.weight", None, "lacks backbone.norm_f.weight"),
        ("backbone.layers.0.mixer.extra", np.zeros(2, np.float32), "unexpected backbone.layers.0.mixer.extra"),
        ("backbone.layers.2.norm.weight", np.ones(16, np.float32), "3 layers.*lacks backbone.layers.2.mixer.A_log"),
        ("backbone.layers.1.mixer.D", np.zeros(31, np.float32), r"D must be F32 \(D\) = \(32,\).*got F32 \(31,\)"),
        ("backbone.layers.0.mixer.conv1d.weight", np.zeros((32, 1, 3), np.float32), r"must be F32 \(D, 1, 4\)"),
        ("backbone.layers.0.mixer.in_proj.weight", np.zeros((63, 16), np.float32), "in_proj.weight must be"),
        ("backbone.layers.0.mixer.A_log", np.zeros(32, np.float32), r"A_log must be F32 \(D, N\)"),
        ("lm_head.weight", np.zeros((8, 16), np.float32), r"lm_head.weight must be .* got F32 \(8, 16\)"),
        ("backbone.norm_f.weight", np.ones(16, np.float16), "norm_f.weight must be F32.*got F16.*convert it"),
        ("backbone.norm_f.weight", np.full(16, np.nan, np.float32), r"norm_f.weight must hold finite.*nan at \(0,\)"),
        ("backbone.layers.1.mixer.D", np.full(32, -np.inf, np.float32), r"mixer.D must hold finite.*-inf"),
    ],
)  # fmt: skip
def test_what_is_not_exactly_a_mamba_is_named(tensors, layout, name, value, words):
    with pytest.raises(ValueError, match=words):
        read(changed(tensors, name, value, layout))


def test_a_file_without_an_embedding_names_both_layouts(tensors):
    with pytest.raises(ValueError, match=r"embeddings.weight \(hf\).*embedding.weight \(original\), got backbone"):
        read(changed(tensors, EMBEDDING["hf"], None))
    with pytest.raises(ValueError, match="got both"):
        read(changed(tensors, EMBEDDING["original"], tensors["embedding.weight"]))


def test_rows_of_the_original_are_a_multiple_of_8(tensors):
    found = load(write(tensors, "original"))
    cut = {name: found[name][:13] for name in ("backbone.embedding.weight", "lm_head.weight")}
    with pytest.raises(ValueError, match=r"multiple of 8 rows.*got 13"):
        read(save(found | cut))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_cannot_be_read_is_not_written(tensors, layout):
    name = "layers.0.mixer.D"
    for broken in (
        {k: v for k, v in tensors.items() if k != name},
        tensors | {name: np.zeros(3, np.float32)},
        tensors | {name: tensors[name].astype(float)},
        tensors | {name: tensors[name] * np.nan},
        tensors | {"embedding.weight": np.zeros((13, 3, 2), np.float32)},
    ):
        with pytest.raises(ValueError, match=r"mixer.D|embedding"):
            write(broken, layout)


def framed(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


FLOATS = {"dtype": "F32", "shape": [2]}
BAD = {
    "nothing": (b"", "begins with 8 bytes, got 0"),
    "four bytes": (b"\x01\0\0\0", "begins with 8 bytes, got 4"),
    "a text": (b"hello, I am no model at all" * 9, "header claims"),
    "a pickle": (b"\x80\x04\x95" + b"." * 99, "Python pickle"),
    "a torch file": (b"PK\x03\x04" + b"." * 99, "zip archive"),
    "an LFS pointer": (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
    "a huge header": ((2**62).to_bytes(8, "little") + b"{}", "header claims 4,611,686,018,427,387,904 bytes"),
    "a truncated header": (framed(b'{"a": ' + b" " * 99)[:50], "download it again"),
    "no JSON": (framed(b"{" * 50), "no readable JSON"),
    "deep JSON": (framed(b"[" * 200_000), "no readable JSON"),
    "no object": (framed(b"[]"), "map names to tensors"),
    "a name twice": (framed(b'{"a": 1, "a": 2}'), "a name is there twice"),
    "odd metadata": (framed({"__metadata__": {"a": 1}}), "__metadata__"),
    "no offsets": (framed({"a": FLOATS}), "a must have a dtype"),
    "negative offsets": (framed({"a": FLOATS | {"data_offsets": [-8, 0]}}), "a must have a dtype"),
    "a wrong length": (framed({"a": FLOATS | {"data_offsets": [0, 4]}}, b"0" * 4), "a takes 8 bytes"),
    "overlap": (
        framed({"a": FLOATS | {"data_offsets": [0, 8]}, "b": FLOATS | {"data_offsets": [4, 12]}}, b"0" * 12),
        "b overlaps a",
    ),
    "a gap": (framed({"a": FLOATS | {"data_offsets": [4, 12]}}, b"0" * 12), "a does not follow the header"),
    "a cut body": (framed({"a": FLOATS | {"data_offsets": [0, 8]}}, b"0" * 7), "cut off"),
    "a tail": (framed({"a": FLOATS | {"data_offsets": [0, 8]}}, b"0" * 9), "goes on after"),
    "another model": (framed({"a": FLOATS | {"data_offsets": [0, 8]}}, b"0" * 8), "Mamba language model"),
    "300,000 tensors": (
        framed({f"backbone.layers.{i}.norm.weight": FLOATS | {"data_offsets": [0, 0]} for i in range(300_000)}),
        "header claims",
    ),
    "many layers": (framed({
        "backbone.embeddings.weight": FLOATS | {"data_offsets": [0, 8]},
        "backbone.layers.99999.norm.weight": FLOATS | {"data_offsets": [8, 16]},
    }, b"0" * 16), "layers must be numbered"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_refused_in_bounded_memory(kind):
    data, words = BAD[kind]
    tracemalloc.start()
    with pytest.raises(ValueError, match=words):
        read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024**2


def test_a_header_may_be_as_long_as_a_pickle_begins():
    data = framed(json.dumps({"a": FLOATS | {"data_offsets": [0, 8]}}).encode().ljust(0x0280), b"0" * 8)
    assert data.startswith(b"\x80\x02")
    with pytest.raises(ValueError, match="Mamba language model"):  # read as what it is
        read(data)


def test_every_cut_of_a_file_is_refused(tensors):
    data = write(tensors, "hf")
    for stop in [*range(0, 64), *range(64, len(data), 997), len(data) - 1]:
        with pytest.raises(ValueError, match=r"bytes|header|expected"):
            read(data[:stop])


def test_a_limit_on_bytes_holds_for_files_too(tmp_path, tensors):
    path = tmp_path / "model.safetensors"
    path.write_bytes(write(tensors, "hf"))
    assert read(path, most=path.stat().st_size).sizes == SIZES
    with pytest.raises(ValueError, match="at most 1,000 are opened"):
        read(path, most=1000)


# -- the command line, the shipped file, trained runs -----------------------------------------------------------------


def test_the_command_converts_there_and_back(tmp_path, capsys):
    there, back = tmp_path / "original.safetensors", tmp_path / "hf.safetensors"
    assert main([str(SHIPPED), str(there), "--layout", "original"]) == 0
    assert '"d_state": 16' in capsys.readouterr().out
    assert main([str(there), str(back)]) == 0
    assert back.read_bytes() == SHIPPED.read_bytes()


def test_the_command_refuses_and_writes_nothing(tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"PK\x03\x04" * 9)
    assert main([str(bad), str(tmp_path / "out")]) == 1
    assert "zip archive" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit):
        main([str(tmp_path / "out")])


def test_the_shipped_model_is_what_its_command_makes(tmp_path):
    again = tmp_path / "again.safetensors"
    assert main(["--random", "0", str(again)]) == 0
    assert read(SHIPPED).sizes == TINY
    ours, theirs = load_file(SHIPPED), load_file(again)
    assert ours.keys() == theirs.keys()
    assert all(np.allclose(ours[name], theirs[name], rtol=1e-6, atol=0) for name in ours)


def test_reading_weights_loads_no_torch():
    code = "import sys, ssmviz.weights.__main__; assert not {'torch', 'pickle5', 'pandas'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_checkpoint_gives_the_parameters_and_not_the_optimiser():
    data = save({"parameter/layers.0.mixer.D": np.ones(3, np.float32), "optimiser/x": np.ones(2, np.float32)})
    assert list(of_checkpoint(data)) == ["layers.0.mixer.D"]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({}, ""),
        ({"layer": "s4d"}, "not S6"),
        ({"block": "plain"}, "not Mamba's"),
        ({"gate": False}, "switched off"),
        ({"d_conv": 0}, "switched off"),
        ({"selective": "delta B"}, "selective"),
        ({"b_discretisation": "zoh"}, "zoh"),
    ],
)
def test_only_runs_that_the_layouts_can_hold_are_offered(model, words):
    assert words in unpublishable(TrainSettings(model=ModelSettings(**model)))
    assert bool(words) == bool(unpublishable(TrainSettings(model=ModelSettings(**model))))
