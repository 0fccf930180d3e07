"""The Triton kernels in Triton's interpreter, at tiny sizes. Run by test_triton_scan.py in a process of its own."""

import dataclasses

import pytest
import torch

from kernels import triton_scan
from tests.kernels.scan_cases import TOLERANCE, Case, assert_close, loop, results

assert triton_scan.INTERPRETED, "set TRITON_INTERPRET=1 before triton is imported"

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
}


@pytest.fixture
def chunked(monkeypatch):
    """Cut the sequence into chunks, as a device with many multiprocessors would."""
    whole = triton_scan.plan
    monkeypatch.setattr(
        triton_scan, "plan", lambda *a, **k: dataclasses.replace(whole(*a, **k), forward_chunks=3, backward_chunks=3)
    )


def agree(case):
    true = results(loop, case, "cpu", torch.float64)
    assert_close(results(triton_scan.scan, case, "cpu", torch.float32), true, TOLERANCE[torch.float32])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_forward_and_every_gradient_equal_the_loop(case):
    agree(case)


@pytest.mark.parametrize("zoh", [False, True], ids=["euler", "zoh"])
def test_chunks_side_by_side_equal_the_loop(chunked, zoh):
    agree(Case(L=21, D=2, N=2, batch=1, zoh=zoh))


def test_rows_of_a_wider_matrix_need_no_copy():
    case = Case(L=5, D=2, N=2, batch=1, given=("z",))
    inputs = {k: v.float() for k, v in case.inputs().items()}
    wide = dict(inputs)
    wide["x"], wide["z"] = torch.cat((inputs["x"], inputs["z"]), -1).chunk(2, -1)
    y, _ = triton_scan.scan(**wide, **case.options)
    assert torch.equal(y, triton_scan.scan(**inputs, **case.options)[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"B": torch.zeros(1, 4, 3)}, r"B must be \(1, 5, 2\)"),
        ({"A": torch.zeros(2, 257)}, "N from 1 to 256"),
        ({"z": torch.zeros(1, 5, 3)}, "z must be"),
        ({"b_discretisation": "bilinear"}, "'euler' or 'zoh'"),
    ],
)
def test_misfits_are_refused_before_a_launch(change, message):
    case = Case(L=5, D=2, N=2, batch=1)
    arguments = {k: v.float() for k, v in case.inputs().items()} | case.options
    with pytest.raises(ValueError, match=message):
        triton_scan.scan(**(arguments | change))


def test_double_precision_is_refused_by_name():
    case = Case(L=5, D=2, N=2, batch=1)
    with pytest.raises(TypeError, match="x must be float32"):
        triton_scan.scan(**case.inputs(), **case.options)
