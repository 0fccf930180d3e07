"""Which backend runs, what is refused, and how compiled code is kept, forked and fallen back from."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import kernels
from kernels import numba_runtime
from tests.kernels.scan_cases import Case

ROOT = Path(__file__).parents[2]


def python(code, **environment):
    """Output of a fresh interpreter."""
    command = [sys.executable, "-W", "always", "-c", code]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, timeout=100, check=True
    )


def inputs(**changes):
    return {k: v.float() for k, v in Case(L=4, D=3, N=2).inputs().items()} | changes


def test_numba_torch_and_reference_are_usable_everywhere():
    assert {name: kernels.available()[name] for name in ("numba", "torch", "reference")} == {
        "numba": "",
        "torch": "",
        "reference": "",
    }


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_triton_says_why_it_is_not_usable():
    assert "CUDA" in kernels.available()["triton"]
    with pytest.raises(RuntimeError, match=r"triton backend is not usable here: .*use backend='auto'"):
        kernels.selective_scan(**inputs(), backend="triton")


@pytest.mark.parametrize(
    ("dtype", "name"), [(torch.float32, "numba"), (torch.bfloat16, "numba"), (torch.float64, "torch")]
)
def test_auto_on_the_cpu(dtype, name):
    found, note = kernels.resolve("auto", "cpu", dtype)
    assert found == name
    assert bool(note) == (name != "numba")


def test_a_named_backend_is_taken_at_its_word():
    for name in ("numba", "torch", "reference"):
        assert kernels.resolve(name, torch.device("cpu")) == (name, "")
    with pytest.raises(ValueError, match="numba backend does not compute in"):
        kernels.selective_scan(**{k: v.double() for k, v in inputs().items()}, backend="numba")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": torch.ones(4, 3)}, ValueError, r"x must be \(batch, L, D\).*got \(4, 3\)"),
        ({"x": torch.ones(2, 0, 3)}, ValueError, "none of them 0"),
        ({"x": torch.ones(2, 4, 3, dtype=torch.int64)}, TypeError, "x must be real floating point.*got int64"),
        ({"delta": torch.ones(2, 4, 2)}, ValueError, r"delta must be \(2, 4, 3\).*got \(2, 4, 2\)"),
        ({"A": torch.ones(2, 3)}, ValueError, r"A must be \(D=3, N\)"),
        ({"A": torch.ones(3, 0)}, ValueError, "N at least 1"),
        ({"B": torch.ones(2, 4, 3)}, ValueError, r"B must be \(2, 4, 2\)"),
        ({"C": torch.ones(1, 4, 2)}, ValueError, r"C must be \(2, 4, 2\)"),
        ({"C": torch.ones(2, 4, 2).double()}, TypeError, "C must be float32.*got float64"),
        ({"z": torch.ones(2, 4, 2)}, ValueError, "z must be"),
        ({"D_skip": torch.ones(1)}, ValueError, r"D_skip must be \(3,\)"),
        ({"delta_bias": torch.ones(3, 1)}, ValueError, r"delta_bias must be \(3,\)"),
        ({"h0": torch.ones(2, 2, 3)}, ValueError, r"h0 must be \(2, 3, 2\)"),
        ({"h0": torch.ones(2, 3, 2, device="meta")}, ValueError, "h0 must be on cpu as x is, got meta"),
        ({"seq_idx": torch.ones(2, 3).long()}, ValueError, r"seq_idx must be \(2, 4\)"),
        ({"seq_idx": torch.ones(2, 4)}, TypeError, "seq_idx must be int32.*got float32"),
        ({"b_discretisation": "tustin"}, ValueError, "b_discretisation must be one of .*got 'tustin'"),
        ({"backend": "cuda"}, ValueError, "backend must be 'auto' or one of .*got 'cuda'"),
    ],
)
def test_wrong_arguments_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        kernels.selective_scan(**inputs(**change))


def test_without_numba_the_scan_runs_in_torch_and_says_so():
    done = python(
        "import sys; sys.modules['numba'] = None\n"
        "import torch, kernels\n"
        "x = torch.ones(1, 2, 3); A = -torch.ones(3, 2); B = torch.ones(1, 2, 2)\n"
        "for _ in range(2): kernels.selective_scan(x, x, A, B, B)\n"
        "kernels.causal_conv1d(x, torch.ones(3, 4)); kernels.warm_up()\n"
        "print(*kernels.resolve('auto', 'cpu'))"
    )
    assert done.stdout.startswith("torch The scan runs in plain PyTorch (torch): numba is not usable here (")
    assert done.stderr.count("RuntimeWarning") == 1


def test_warm_kernels_survive_a_fork_and_start_no_thread_before_it():
    done = python(
        "import os, torch, kernels\n"
        "kernels.warm_up()\n"
        "print(len(os.listdir('/proc/self/task')) if os.path.exists('/proc/self/task') else 1)\n"
        "x = torch.ones(4, 20, 16); A = -torch.ones(16, 2); B = torch.ones(4, 20, 2)\n"
        "def work():\n"
        "    torch.set_num_threads(2)\n"
        "    leaf = x.clone().requires_grad_()\n"
        "    kernels.selective_scan(leaf, x, A, B, B).sum().backward()\n"
        "    return float(leaf.grad.sum())\n"
        "child = os.fork()\n"
        "if child == 0: work(); os._exit(0)\n"
        "print(os.waitpid(child, 0)[1])\n"
        "work(); child = os.fork()  # now with threads of our own\n"
        "if child == 0: work(); os._exit(0)\n"
        "print(os.waitpid(child, 0)[1])",
        OMP_NUM_THREADS="1",
    )
    assert done.stdout.split() == ["1", "0", "0"]


def test_a_damaged_cache_is_compiled_again(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def twice(values, out):
        out[0] = 2 * values[0]

    def result():
        out = torch.zeros(1)
        numba_runtime.kernel("void(f4[:], f4[:])")(twice)(torch.ones(1).numpy(), out.numpy())
        return out.item()

    assert result() == 2
    files = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert {f.suffix for f in files} == {".nbi", ".nbc"}
    for file in files:
        file.write_bytes(b"damaged")
    assert result() == 2


def test_without_a_place_for_a_cache_kernels_are_compiled_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(numba_runtime.numba.config, "CACHE_DIR", "/dev/null/nowhere")
    source = tmp_path / "doubled.py"
    source.write_text("def twice(values, out):\n    out[0] = 2 * values[0]\n")
    monkeypatch.syspath_prepend(tmp_path)
    import doubled

    out = torch.zeros(1)
    numba_runtime.kernel("void(f4[:], f4[:])")(doubled.twice)(torch.ones(1).numpy(), out.numpy())
    assert out.item() == 2
    assert not list(tmp_path.rglob("*.nb?"))


def test_a_cache_that_others_can_write_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(numba_runtime.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    assert [numba_runtime._is_ours(place) for place in numba_runtime._places()] == [False, True]
    for place in tmp_path.iterdir():
        place.chmod(0o777)
    assert [numba_runtime._is_ours(place) for place in numba_runtime._places()] == [False, False]
