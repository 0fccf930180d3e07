"""The Triton kernels in Triton's interpreter, at tiny sizes. Run by test_triton_scan.py in a process of its own."""

import dataclasses
import functools

import pytest
import torch
import triton
import triton.language as tl
from triton.runtime.interpreter import ScanOps

from kernels import Probe, conv, selective_scan, triton_conv, triton_launch, triton_plan, triton_scan, triton_tune
from kernels.arguments import Problem
from kernels.triton_tiles import compose
from tests.kernels.scan_cases import TOLERANCE, Case, assert_close, loop, results

assert triton_scan.INTERPRETED, "set TRITON_INTERPRET=1 before triton is imported"

scan = functools.partial(selective_scan, return_last_state=True, backend="triton")

CASES = {
    "one step": Case(L=1, D=1, N=1, batch=1),
    "odd sizes": Case(L=11, D=3, N=3),
    "a full tile": Case(L=8, D=2, N=2, batch=1),
    "nothing optional": Case(L=9, D=2, N=2, given=(), softplus=False, batch=1),
    "zero-order hold": Case(L=9, D=3, N=2, zoh=True, batch=1),
    "gate alone": Case(L=5, D=2, N=2, batch=1, given=("z",)),
    "state alone": Case(L=5, D=2, N=2, batch=1, given=("h0",), zoh=True),
    "very large and very small delta": Case(L=7, D=2, N=2, batch=1, delta_scale=20.0),
    "more than one block of channels": Case(L=3, D=33, N=1, batch=1),
    "packed documents": Case(L=19, D=3, N=3, packed=True),
    "packed documents, zero-order hold": Case(L=11, D=2, N=2, packed=True, zoh=True),
    "constant B": Case(L=9, D=2, N=3, batch=2, constant=("B",)),
    "constant B and C": Case(L=9, D=9, N=2, batch=2, constant=("B", "C"), zoh=True),
    "states on several warps": Case(L=9, D=2, N=20, batch=1),
    "times on several warps": Case(L=71, D=2, N=5, batch=1, packed=True),
}


@triton.jit
def scan_kernel(a, h, SHAPE: tl.constexpr, AXIS: tl.constexpr):
    at = tl.reshape(tl.arange(0, 32), SHAPE)
    a_all, h_all = tl.associative_scan((tl.load(a + at), tl.load(h + at)), AXIS, compose)
    tl.store(a + at, a_all)
    tl.store(h + at, h_all)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_interpreters_scan_by_elements_gives_the_same_bits_as_ours_by_slices(monkeypatch, axis):
    def scanned():
        a, h = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
        scan_kernel[(1,)](a, h, SHAPE=(4, 2, 4), AXIS=axis)
        return torch.stack([a, h])

    ours = scanned()
    monkeypatch.setattr(ScanOps, "generic_scan", ScanOps.by_elements)
    assert torch.equal(scanned(), ours)


@pytest.fixture
def chunked(monkeypatch):
    """Cut the sequence into chunks, as a device with many multiprocessors would."""
    whole = triton_launch.plan
    monkeypatch.setattr(
        triton_launch, "plan", lambda *a, **k: dataclasses.replace(whole(*a, **k), forward_chunks=3, backward_chunks=3)
    )


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize(
    "case", [Case(L=9, D=9, N=2), Case(L=9, D=2, N=3, constant=("B", "C"))], ids=["tokens", "constant"]
)
def test_sums_in_any_order_and_in_one_order_equal_the_loop(case, deterministic):
    true = results(loop, case, "cpu", torch.float64)
    found = results(functools.partial(scan, deterministic=deterministic), case, "cpu", torch.float32)
    assert_close(found, true, TOLERANCE[torch.float32])


@pytest.mark.parametrize("probe", [Probe(channels=[8, 0]), Probe(times=[16, 3])], ids=["channels", "times"])
@pytest.mark.parametrize("L", [17, 71])
def test_probed_states_equal_those_of_the_reference(chunked, probe, L):
    case = Case(L=L, D=9, N=3, packed=True)
    inputs = {k: v.float() for k, v in case.inputs().items()}
    y, h = selective_scan(**inputs, **case.options, seq_idx=case.seq_idx(), probe=probe, backend="triton")
    y_true, h_true = selective_scan(**inputs, **case.options, seq_idx=case.seq_idx(), probe=probe, backend="reference")
    torch.testing.assert_close(h, h_true, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(y, y_true, rtol=1e-4, atol=1e-5)


def agree(case):
    true = results(loop, case, "cpu", torch.float64)
    assert_close(results(scan, case, "cpu", torch.float32), true, TOLERANCE[torch.float32])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_forward_and_every_gradient_equal_the_loop(case):
    agree(case)


@pytest.mark.parametrize("zoh", [False, True], ids=["euler", "zoh"])
def test_chunks_side_by_side_equal_the_loop(chunked, zoh):
    agree(Case(L=21, D=2, N=2, batch=1, zoh=zoh))


def test_a_search_takes_the_fastest_plan_once_and_the_result_stays(monkeypatch):
    timed = []

    def clock(work):
        work()
        timed.append(work.args[-1])
        return -len(timed)  # the last is the fastest

    monkeypatch.setattr(triton_tune, "milliseconds", clock)
    case = Case(L=9, D=2, N=4, batch=1)
    try:
        with triton_tune.autotune():
            agree(case)
            plans = len(timed)
            agree(case)
        used = [plan for key, plan in triton_tune._found.items() if key[0] == "backward"]
    finally:
        triton_tune.forget()
    assert len(timed) == plans > 4
    assert used == [timed[-1]]
    agree(case)
    assert len(timed) == plans


def test_a_plan_that_does_not_fit_is_passed_over():
    def run(plan):
        if plan.forward.stages > 2:
            raise triton_tune.TOO_LARGE[0](1, 0, "shared memory")

    shipped = triton_plan.plan(8, 2048, 2048, 16, multiprocessors=132)
    with triton_tune.autotune():
        found = triton_tune.chosen("a key", shipped, triton_tune.forwards, run, clock=lambda work: work() or 1.0)
    triton_tune.forget()
    assert found.forward.stages == 2
    assert triton_tune.chosen("a key", shipped, triton_tune.forwards, run) == shipped


def test_chunks_of_many_states_end_where_their_shorter_tiles_do(chunked):
    agree(Case(L=44, D=8, N=64, batch=1, given=()))


def test_rows_of_a_wider_matrix_need_no_copy():
    case = Case(L=5, D=2, N=2, batch=1, given=("z",))
    inputs = {k: v.float() for k, v in case.inputs().items()}
    wide = dict(inputs)
    wide["x"], wide["z"] = torch.cat((inputs["x"], inputs["z"]), -1).chunk(2, -1)
    y, _ = scan(**wide, **case.options)
    assert torch.equal(y, scan(**inputs, **case.options)[0])


def test_more_states_than_a_program_holds_are_refused_before_a_launch():
    inputs = {k: v.float() for k, v in Case(L=5, D=2, N=257, batch=1).inputs().items()}
    with pytest.raises(ValueError, match=r"N must be in 1\.\.256"):
        scan(**inputs)


def test_double_precision_is_refused_by_name():
    with pytest.raises(TypeError, match="x must be float32"):
        triton_scan.scan(Problem(**Case(L=5, D=2, N=2, batch=1).inputs()))


@pytest.mark.parametrize(
    ("L", "D", "taps", "silu"), [(5, 3, 4, True), (70, 5, 4, True), (40, 66, 3, False), (33, 2, 1, True)]
)
def test_the_convolution_and_its_gradients_equal_pytorch(L, D, taps, silu):
    rng = torch.Generator().manual_seed(0)
    wide, weight, bias, dy = (
        torch.randn(*shape, generator=rng, dtype=torch.float64) for shape in ((2, L, 2 * D), (D, taps), (D,), (2, L, D))
    )

    def run(convolution, dtype):
        leaves = [t.to(dtype).detach().requires_grad_() for t in (wide, weight, bias)]
        y = convolution(leaves[0][..., D:], *leaves[1:], silu=silu)
        y.backward(dy.to(dtype))
        return {"y": y.detach(), "dx": leaves[0].grad, "dweight": leaves[1].grad, "dbias": leaves[2].grad}

    true = run(conv.causal_conv1d, torch.float64)
    assert_close(run(triton_conv.causal_conv1d, torch.float32), true, TOLERANCE[torch.float32])
