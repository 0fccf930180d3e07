"""Half-precision files: read exactly, as float32, with the same strictness; large ones never all at once."""

import json
import tracemalloc

import numpy as np
import pytest
from safetensors.numpy import load, save

from ssmviz.weights import read, write
from ssmviz.weights.__main__ import main, random_weights
from ssmviz.weights.layouts import Sizes
from tests.weights.cases import SIZES, algorithm_2, framed, same_bits

KINDS = ("F16", "BF16")
LARGE = Sizes(vocab=2048, d_model=256, n_layers=16, D=512, N=16, dt_rank=16)


def halved(array, kind):
    """The bits of 16 that stand for an array, and the float32 that they mean exactly."""
    if kind == "F16":
        half = array.astype(np.float16)
        return half.view(np.uint16), half.astype(np.float32)
    bits = np.ascontiguousarray(array).view(np.uint32) & np.uint32(0xFFFF0000)  # towards zero: any half will do
    return (bits >> 16).astype(np.uint16), bits.view(np.float32)


def stored(tensors, kind, *, only=None):
    """A file in the layout hf of 16 bits a number (`only`: of one tensor's numbers), and what it means."""
    full = load(write(tensors, "hf"))
    entries, body, meaning = {}, b"", {}
    for name, array in full.items():
        half = only in (None, name)
        bits, meant = halved(array, kind) if half else (array, array)
        entries[name] = {
            "dtype": kind if half else "F32",
            "shape": list(array.shape),
            "data_offsets": [len(body), len(body) + bits.nbytes],
        }
        body += bits.tobytes()
        meaning[name] = meant
    return framed(entries, body), meaning


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_halves_are_read_exactly_as_float32_and_said_to_be_halves(tensors, kind, mapped):
    data, meaning = stored(tensors, kind)
    model = read(data, mapped=mapped)
    assert {array.dtype for array in model.tensors.values()} == {np.dtype(np.float32)}
    again = load(write(dict(model.tensors), "hf"))
    assert same_bits(again, meaning)
    assert (model.stored, model.tied, model.sizes) == (kind, True, SIZES)
    assert model.note == f"stored as {kind}, read as float32"
    assert model.parameters == sum(array.size for array in meaning.values())


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_may_be_mixed_in_a_file(tensors, kind):
    data, meaning = stored(tensors, kind, only="backbone.layers.1.mixer.in_proj.weight")
    model = read(data)
    assert np.array_equal(
        model.tensors["layers.1.mixer.in_proj.weight"], meaning["backbone.layers.1.mixer.in_proj.weight"]
    )
    assert model.stored == ", ".join(sorted([kind, "F32"]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_half_that_is_no_number_is_refused_by_name_and_place(tensors, kind):
    broken = tensors | {
        "layers.1.mixer.D": np.where(np.arange(32) == 7, np.float32(70_000), tensors["layers.1.mixer.D"])
    }
    if kind == "F16":  # beyond its largest number
        with np.errstate(over="ignore"), pytest.raises(ValueError, match=r"layers.1.mixer.D must hold finite.*\(7,\)"):
            read(stored(broken, kind)[0])
    else:
        data = bytearray(stored(broken, kind)[0])
        at = data.index(np.uint16(0x4788).tobytes())  # 69,632
        data[at : at + 2] = np.uint16(0x7F80).tobytes()  # infinity
        with pytest.raises(ValueError, match=r"layers.1.mixer.D must hold finite.*inf at \(7,\)"):
            read(bytes(data))


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_of_a_half_file_is_refused(tensors, kind):
    data, _ = stored(tensors, kind)
    for stop in [*range(0, 64, 7), *range(64, len(data), 997), len(data) - 1]:
        with pytest.raises(ValueError, match=r"bytes|header|expected"):
            read(data[:stop])


def test_a_limit_counts_what_halves_become(tensors):
    data, meaning = stored(tensors, "BF16")
    whole = sum(array.nbytes for array in meaning.values())
    assert read(data, most=whole).sizes == SIZES
    with pytest.raises(ValueError, match=rf"{whole:,} bytes as float32, at most"):
        read(data, most=whole - 1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_converts_halves_and_says_so(tmp_path, capsys, tensors, kind):
    data, meaning = stored(tensors, kind)
    (tmp_path / "in.safetensors").write_bytes(data)
    assert main([str(tmp_path / "in.safetensors"), str(tmp_path / "out.safetensors")]) == 0
    assert f"stored as {kind}, read as float32" in capsys.readouterr().out
    assert same_bits(load((tmp_path / "out.safetensors").read_bytes()), meaning)


# -- a prompt, read by a model of any size ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_reads_a_prompt_as_the_paper_says(tmp_path, capsys, tensors, kind):
    data, meaning = stored(tensors, kind)
    path = tmp_path / "half.safetensors"
    path.write_bytes(data)
    assert main([str(path), "--prompt", "3", "1", "4", "--more", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"stored as {kind}, read as float32" in lines[0]
    tokens = [3, 1, 4]
    for _ in range(2):
        tokens.append(int(algorithm_2(meaning, tokens)[-1].argmax()))
    read_back = [line.split() for line in lines if line.endswith("%)") and "|h|" not in line]
    assert [int(words[1].rstrip(":")) for words in read_back] == tokens
    assert [words[0].endswith("+") for words in read_back] == [False] * 3 + [True] * 2
    last = algorithm_2(meaning, tokens)[-1]
    chances = np.exp(last - last.max()) / np.exp(last - last.max()).sum()
    assert read_back[-1][2:4] == [str(last.argmax()), f"({100 * chances.max():.1f}"]
    assert sum(line.startswith("layer") for line in lines) == 2 * SIZES.n_layers


def test_the_terminal_and_the_page_show_the_same(tmp_path, capsys, tensors):
    from ssmviz.lessons import inside

    path = tmp_path / "model.safetensors"
    path.write_bytes(write(tensors, "original"))
    main([str(path), "--prompt", "1", "2", "3", "--more", "3"])
    lines = capsys.readouterr().out.splitlines()
    model = read(path)
    reading = inside.follow(model, (1, 2, 3), 3)
    assert [int(line.split()[1].rstrip(":")) for line in lines[2:8]] == list(reading.tokens)
    for i in range(SIZES.n_layers):
        longest = int(reading.layers[i].delta.mean(1).argmax())
        assert any(line.startswith(f"layer {i + 1:3} ") and line.endswith(f"longest at {longest}") for line in lines)
        best = int(inside.attention(model, reading, i, 0)[-1].argmax())
        assert any(line.startswith(f"layer {i + 1:3} {best} (") for line in lines)


def test_a_large_model_is_read_in_the_memory_of_its_largest_part(tmp_path, capsys):
    tensors = random_weights(LARGE, 0)
    data, _ = stored(tensors, "BF16")
    path = tmp_path / "large.safetensors"
    path.write_bytes(data)
    whole = 4 * sum(a.size for name, a in tensors.items() if name != "lm_head.weight")
    del tensors, data
    tracemalloc.start()
    assert main([str(path), "--prompt", "1", "2", "3", "4", "--more", "2"]) == 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert capsys.readouterr().out.count("layer ") == 2 * LARGE.n_layers
    assert whole > 25 * 1024**2
    assert peak < whole / 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prompt", "16"], "from 0 to 15"),
        (["--prompt", "one"], "got 'one'"),
        (["--prompt", *["1"] * 257], "256 tokens"),
        (["--prompt", "1", "--more", "256"], "--more must be 0 to 255"),
        (["--prompt", "1", "--more", "-1"], "--more must be 0 to 255"),
    ],
)
def test_a_bad_prompt_is_refused_in_words(tmp_path, capsys, tensors, arguments, words):
    path = tmp_path / "model.safetensors"
    path.write_bytes(write(tensors, "hf"))
    assert main([str(path), *arguments]) == 1
    assert words in capsys.readouterr().err


def test_what_is_asked_for_must_be_one_thing(tmp_path):
    for arguments in ([], ["a", "b", "c"], ["a", "b", "--prompt", "1"], ["a", "--random", "0", "--prompt", "1"]):
        with pytest.raises(SystemExit):
            main(arguments)


def test_a_header_of_halves_with_float32_offsets_is_damaged():
    wrong = {"a": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 8]}}
    with pytest.raises(ValueError, match="a takes 4 bytes as BF16"):
        read(framed(json.loads(json.dumps(wrong)), b"0" * 8))
    assert load(save({"a": np.zeros(2, np.float16)}))["a"].dtype == np.float16
