"""Packed documents equal separate ones, forward and backward, whatever lies before, behind and between them."""

import functools

import pytest
import torch

from kernels import selective_scan
from tests.kernels.scan_cases import TOLERANCE, Case, assert_close, loop, results

BACKENDS = [("reference", torch.float64), ("torch", torch.float64), ("numba", torch.float32)]
DOCUMENTS = [(40,), (1, 39), (16, 16, 8), (7, 1, 1, 20, 11), (1,) * 40]


@pytest.mark.parametrize(("backend", "dtype"), BACKENDS)
@pytest.mark.parametrize("lengths", DOCUMENTS, ids=str)
@pytest.mark.parametrize("zoh", [False, True], ids=["euler", "zoh"])
def test_packed_documents_equal_separate_ones_forward_and_backward(zoh, lengths, backend, dtype):
    case = Case(L=40, D=20, N=5, batch=1, zoh=zoh)
    scan = functools.partial(selective_scan, backend=backend, return_last_state=True)
    numbers = torch.tensor([9, 3, 4, 0, 7] * 8)  # any numbers, as long as neighbours differ
    seq_idx = torch.repeat_interleave(numbers[: len(lengths)], torch.tensor(lengths))[None]

    def separate(h0, **inputs):
        ys, h = [], None
        for k, part in enumerate(torch.arange(case.L).split(lengths)):
            document = {name: v[:, part] if name in ("x", "delta", "B", "C", "z") else v for name, v in inputs.items()}
            y, h = scan(**document, h0=h0 if k == 0 else None)
            ys.append(y)
        return torch.cat(ys, 1), h

    packed = results(functools.partial(scan, seq_idx=seq_idx), case, "cpu", dtype)
    expected = results(separate, case, "cpu", dtype)
    expected["dh0"] = torch.zeros_like(packed["dh0"]) if expected["dh0"] is None else expected["dh0"]
    assert_close(packed, expected, TOLERANCE[dtype])


@pytest.mark.parametrize(("backend", "dtype"), BACKENDS)
@pytest.mark.parametrize("constant", [(), ("B",), ("C",), ("B", "C")], ids=str)
def test_sequences_packed_differently_equal_the_loop(constant, backend, dtype):
    case = Case(L=70, D=17, N=4, batch=3, packed=True, constant=constant)
    found = results(functools.partial(selective_scan, backend=backend, return_last_state=True), case, "cpu", dtype)
    assert_close(found, results(loop, case, "cpu", torch.float64), TOLERANCE[dtype])


@pytest.mark.parametrize("backend", ["reference", "numba"])
def test_a_document_that_diverged_does_not_reach_the_next(backend):
    inputs = {k: v.float() for k, v in Case(L=30, D=16, N=2, batch=1, given=()).inputs().items()}
    inputs["x"][0, 5] = float("nan")
    seq_idx = (torch.arange(30) >= 12).long()[None]
    y = selective_scan(**inputs, delta_softplus=True, seq_idx=seq_idx, backend=backend)
    assert y[0, 5:12].isnan().all()
    assert not y[0, 12:].isnan().any()


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int16, torch.uint8])
def test_every_integer_numbers_documents(dtype):
    case = Case(L=20, D=3, N=2, packed=True)
    inputs = {k: v.float() for k, v in case.inputs().items()}
    y = [selective_scan(**inputs, **case.options, seq_idx=case.seq_idx().to(d)) for d in (dtype, torch.int64)]
    assert torch.equal(*y)
