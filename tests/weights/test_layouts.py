"""Both published layouts, bit for bit, and refused wherever they are not exactly that."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from ssmviz.weights import LAYOUTS, config, read, write
from ssmviz.weights.__main__ import random_weights
from ssmviz.weights.layouts import Sizes
from tests.weights.cases import EMBEDDING, SIZES, changed, same_bits


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
        ("backbone.norm_f.weight", np.ones(16), "norm_f.weight must be F32, F16, BF16.*got F64.*convert it"),
        ("backbone.norm_f.weight", np.ones(15, np.float16), r"norm_f.weight must be F16 \(d_model\).*got F16 \(15,\)"),
        ("backbone.norm_f.weight", np.full(16, np.inf, np.float16), r"norm_f.weight must hold finite.*inf at \(0,\)"),
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
