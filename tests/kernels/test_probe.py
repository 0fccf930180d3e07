"""Looking at states changes nothing, and shows what the recurrence says."""

import pytest
import torch

from kernels import Probe, selective_scan
from tests.kernels.scan_cases import Case

BACKENDS = ["reference", "torch", "numba"]
CASES = {
    "euler": Case(L=45, D=35, N=3),
    "zoh": Case(L=45, D=35, N=3, zoh=True, softplus=False),
    "constant": Case(L=45, D=35, N=3, constant=("B", "C")),
    "packed": Case(L=45, D=35, N=3, packed=True),
}
PROBES = [
    Probe(channels=[0]),
    Probe(channels=[34, 3, 16]),
    Probe(channels=range(35)),
    Probe(times=[44]),
    Probe(times=[20, 0, 15, 16]),
    Probe(times=range(45)),
]


def all_states(case, inputs):
    """(batch, L, D, N): what each position would leave as its last state."""
    seq_idx = case.seq_idx()
    sequences = ("x", "delta", "z", *(n for n in "BC" if n not in case.constant))
    hs = []
    for end in range(1, case.L + 1):
        part = {k: v[:, :end] if k in sequences else v for k, v in inputs.items()}
        documents = None if seq_idx is None else seq_idx[:, :end]
        options = case.options | {"seq_idx": documents, "return_last_state": True, "backend": "reference"}
        hs.append(selective_scan(**part, **options)[1])
    return torch.stack(hs, 1)


@pytest.fixture(scope="module", params=CASES.values(), ids=CASES.keys())
def known(request):
    inputs = request.param.inputs()
    return request.param, inputs, all_states(request.param, inputs)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_probe_shows_the_states_of_the_recurrence(known, backend):
    case, inputs, hs = known
    single = {k: v.float() for k, v in inputs.items()}
    for probe in PROBES:
        y, probed = selective_scan(
            **single, **case.options, seq_idx=case.seq_idx(), probe=probe, backend=backend
        )  # fmt: skip
        expected = hs[:, :, probe.channels] if probe.channels else hs[:, probe.times]
        torch.testing.assert_close(probed.double(), expected, rtol=1e-4, atol=1e-5)
        assert torch.equal(y, selective_scan(**single, **case.options, seq_idx=case.seq_idx(), backend=backend))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_probe_changes_no_gradient_and_has_none(backend):
    case = Case(L=20, D=18, N=2)
    inputs = {k: v.float().requires_grad_() for k, v in case.inputs().items()}
    gradients = []
    for probe in (None, Probe(channels=[17, 2])):
        y, h, *probed = selective_scan(
            **inputs, **case.options, probe=probe, return_last_state=True, backend=backend
        )  # fmt: skip
        assert not any(v.requires_grad for v in probed)
        gradients.append(torch.autograd.grad(y.sum() + h.sum(), list(inputs.values())))
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("recompute", [False, True])
def test_a_probe_spans_the_blocks_of_the_torch_backend(recompute, monkeypatch):
    from kernels import torch_scan

    case = Case(L=123, D=5, N=4)
    inputs = case.inputs()
    inputs["x"].requires_grad_()
    monkeypatch.setattr(torch_scan, "BLOCK", {"cpu": 2000})
    monkeypatch.setattr(torch_scan, "KEPT", 0 if recompute else 2**26)
    for probe in (Probe(channels=[4, 1]), Probe(times=[122, 3, 50])):
        found, expected = (selective_scan(**inputs, probe=probe, backend=b)[1] for b in ("torch", "reference"))
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_what_is_returned_is_what_was_asked_for():
    inputs = {k: v.float() for k, v in Case(L=6, D=3, N=2).inputs().items()}
    probe = Probe(times=[5])
    assert isinstance(selective_scan(**inputs), torch.Tensor)
    assert [v.ndim for v in selective_scan(**inputs, return_last_state=True)] == [3, 3]
    assert [v.ndim for v in selective_scan(**inputs, probe=probe)] == [3, 4]
    _, h, probed = selective_scan(**inputs, return_last_state=True, probe=probe)
    assert torch.allclose(probed[:, 0], h)


def test_states_of_double_precision_stay_double():
    inputs = Case(L=6, D=3, N=2).inputs()
    assert selective_scan(**inputs, probe=Probe(channels=[0]))[1].dtype == torch.float64


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, ValueError, "takes channels or times, one of them, got None and None"),
        ({"channels": [0], "times": [0]}, ValueError, "one of them"),
        ({"channels": []}, ValueError, "at least one"),
        ({"times": [3, 3]}, ValueError, r"none of them twice, got \[3, 3\]"),
        ({"times": [0.5]}, TypeError, "must be a sequence of integers"),
        ({"channels": 3}, TypeError, "must be a sequence of integers"),
    ],
)
def test_a_probe_that_makes_no_sense_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        Probe(**given)


@pytest.mark.parametrize("probe", [Probe(channels=[3]), Probe(channels=[-1]), Probe(times=[0, 6])])
def test_a_probe_outside_of_x_is_refused(probe):
    inputs = {k: v.float() for k, v in Case(L=6, D=3, N=2).inputs().items()}
    with pytest.raises(ValueError, match=r"of the probe must be in 0\.\.[25], got \["):
        selective_scan(**inputs, probe=probe)
