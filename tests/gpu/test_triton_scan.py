"""The Triton kernels on a CUDA device against the loop in float64."""

import functools
import itertools

import pytest
import torch
import triton

from kernels import Probe, selective_scan
from kernels.triton_backward import backward_kernel
from kernels.triton_forward import forward_kernel
from kernels.triton_scan import _scan
from tests.kernels.scan_cases import TOLERANCE, Case, assert_close, loop, results

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]

LENGTHS = (1, 2, 63, 64, 65, 1000, 4097)
CHANNELS = (1, 3, 64, 130)
STATES = (1, 5, 16, 64, 256)
OPTIONS = {
    "nothing": (),
    "skip": ("D_skip",),
    "gate": ("z",),
    "bias": ("delta_bias",),
    "state": ("h0",),
    "all": ("D_skip", "z", "delta_bias", "h0"),
}


scan = functools.partial(selective_scan, return_last_state=True, backend="triton")
exact = functools.partial(scan, deterministic=True)


@functools.lru_cache(maxsize=2)
def truth(case):
    return results(loop, case, "cuda", torch.float64)


@pytest.mark.parametrize(("N", "D", "L"), list(itertools.product(STATES, CHANNELS, LENGTHS)))
def test_every_size_and_dtype_equals_the_loop(N, D, L):
    case = Case(L=L, D=D, N=N)
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        assert_close(results(scan, case, "cuda", dtype), truth(case), TOLERANCE[dtype])


@pytest.mark.parametrize("given", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("softplus", [False, True], ids=["delta", "softplus"])
@pytest.mark.parametrize("zoh", [False, True], ids=["euler", "zoh"])
def test_every_option_equals_the_loop(zoh, softplus, given):
    case = Case(L=77, D=20, N=16, zoh=zoh, softplus=softplus, given=given)
    assert_close(results(scan, case, "cuda", torch.float32), truth(case), TOLERANCE[torch.float32])


@pytest.mark.parametrize("scale", [1e-3, 30.0], ids=["tiny", "huge"])
@pytest.mark.parametrize("zoh", [False, True], ids=["euler", "zoh"])
def test_extreme_delta_neither_overflows_nor_loses_digits(zoh, scale):
    case = Case(L=300, D=32, N=16, zoh=zoh, delta_scale=scale)
    assert_close(results(scan, case, "cuda", torch.float32), truth(case), TOLERANCE[torch.float32])


def inputs(case):
    return {k: v.to("cuda", torch.float32) for k, v in case.inputs().items()}


@pytest.mark.parametrize("cut", [1, 63, 256])
def test_two_halves_with_a_carried_state_equal_the_whole(cut):
    case = Case(L=300, D=64, N=16, given=("z", "D_skip", "delta_bias"))
    whole = inputs(case)
    y, h = scan(**whole, **case.options)
    rows = ("x", "delta", "B", "C", "z")
    first = {k: v[:, :cut] if k in rows else v for k, v in whole.items()}
    second = {k: v[:, cut:] if k in rows else v for k, v in whole.items()}
    y1, h1 = scan(**first, **case.options)
    y2, h2 = scan(**second, **case.options, h0=h1)
    torch.testing.assert_close(torch.cat((y1, y2), 1), y, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(h2, h, rtol=1e-4, atol=1e-5)


def test_nothing_flows_from_the_future():
    case = Case(L=200, D=64, N=16)
    before = inputs(case)
    after = {k: v.clone() for k, v in before.items()}
    for name in ("x", "delta", "B", "C", "z"):
        after[name][:, 100:] = 7.0
    y, y_changed = scan(**before, **case.options)[0], scan(**after, **case.options)[0]
    assert torch.equal(y[:, :100], y_changed[:, :100])
    assert not torch.equal(y[:, 100:], y_changed[:, 100:])


@pytest.mark.parametrize("case", [Case(L=272, D=128, N=16, batch=8), Case(L=4096, D=64, N=16, batch=1)], ids=str)
def test_the_same_inputs_give_the_same_bits(case):
    first = results(exact, case, "cuda", torch.float32)
    again = results(exact, case, "cuda", torch.float32)
    assert all(torch.equal(v, again[k]) for k, v in first.items())


def test_every_output_is_written():
    """Memory handed out again is full of NaN here: what a kernel leaves out shows."""
    case = Case(L=65, D=130, N=5)
    scan(**inputs(case), **case.options)
    poison = [torch.full((1 << k,), float("nan"), device="cuda") for k in range(8, 22)]
    del poison
    assert_close(results(scan, case, "cuda", torch.float32), truth(case), TOLERANCE[torch.float32])


def test_it_runs_inside_a_graph():
    case = Case(L=272, D=64, N=16)
    arguments = inputs(case)
    expected, _ = scan(**arguments, **case.options)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y, _ = scan(**arguments, **case.options)
    y.zero_()
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(y, expected)


def test_memory_of_a_million_steps_is_input_and_output_alone():
    L = 1 << 20
    rows = {k: torch.randn(1, L, n, device="cuda") for k, n in (("x", 16), ("delta", 16), ("B", 8), ("C", 8))}
    A = -torch.rand(16, 8, device="cuda")
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    with torch.no_grad():
        y, _ = scan(**rows, A=A, delta_softplus=True)
    assert torch.cuda.max_memory_allocated() - before < 1.2 * y.numel() * 4


@pytest.mark.parametrize("zoh", [False, True], ids=["euler", "zoh"])
@pytest.mark.parametrize("size", [(77, 20, 16), (300, 9, 5), (2300, 16, 16), (65, 8, 40)], ids=str)
@pytest.mark.parametrize("constant", [(), ("B",), ("C",), ("B", "C")], ids=str)
@pytest.mark.parametrize("packed", [False, True], ids=["one", "packed"])
def test_packed_documents_and_constant_weights_equal_the_loop(packed, constant, size, zoh):
    L, D, N = size
    case = Case(L=L, D=D, N=N, zoh=zoh, packed=packed, constant=constant, batch=3)
    for run in (scan, exact):
        assert_close(results(run, case, "cuda", torch.float32), truth(case), TOLERANCE[torch.float32])


@pytest.mark.parametrize(
    "probe", [Probe(channels=[8, 0, 19]), Probe(times=[0, 255, 16, 100])], ids=["channels", "times"]
)
@pytest.mark.parametrize("L", [256, 300, 3000])
def test_probed_states_equal_those_of_the_reference(probe, L):
    case = Case(L=L, D=20, N=16, packed=True)
    arguments = inputs(case) | case.options | {"seq_idx": case.seq_idx().cuda(), "probe": probe}
    y, h = selective_scan(**arguments, backend="triton")
    y_true, h_true = selective_scan(**arguments, backend="reference")
    torch.testing.assert_close(h, h_true, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(y, y_true, rtol=1e-4, atol=1e-4)


def test_elements_beyond_two_to_the_31_are_found():
    """The end of a row whose offset needs 64 bits equals the same end alone, from the state before it."""
    batch, L, D, N, tail = 3, 1 << 24, 48, 1, 100
    rng = torch.Generator("cuda").manual_seed(0)
    row = {
        k: torch.randn(batch, L, n, device="cuda", dtype=torch.bfloat16, generator=rng)
        for k, n in (("x", D), ("B", N), ("C", N))
    }
    row["delta"] = row["x"] * 0.1
    assert row["x"].numel() > 2**31
    A = -torch.rand(D, N, device="cuda")
    with torch.no_grad():
        y, h = scan(**row, A=A, delta_softplus=True, probe=Probe(times=[L - tail - 1]))[::2]
        last = scan(**{k: v[:, -tail:] for k, v in row.items()}, A=A, delta_softplus=True, h0=h[:, 0].contiguous())[0]
    torch.testing.assert_close(y[:, -tail:].float(), last.float(), rtol=2e-2, atol=1e-3)


def test_it_is_a_well_behaved_operator():
    case = Case(L=40, D=16, N=8)
    leaves = [v.requires_grad_() for v in inputs(case).values()]
    arguments = (*leaves[:5], *leaves[5:], None, None, False, 0, True, False, True, True)
    torch.library.opcheck(_scan, arguments, rtol=1e-3, atol=1e-4)


def test_it_compiles_without_a_break():
    case = Case(L=64, D=16, N=8)
    arguments = inputs(case)

    def work(x, **others):
        return scan(torch.sin(x), **others, **case.options)[0] * 2

    compiled = torch.compile(work, fullgraph=True)
    torch.testing.assert_close(compiled(**arguments), work(**arguments), rtol=1e-4, atol=1e-5)


def test_a_plan_is_found_at_once():
    """No search at first use: what is compiled is one variant of each kernel."""
    assert not [f for f in (forward_kernel, backward_kernel) if isinstance(f, triton.runtime.Autotuner)]
