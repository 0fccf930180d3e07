"""Every CPU backend against the reference in float64: outputs, last state and every gradient."""

import functools
import itertools

import numpy as np
import pytest
import torch

from kernels import selective_scan, torch_scan
from tests.kernels.scan_cases import TOLERANCE, Case, assert_close, results

LENGTHS, CHANNELS, STATES = (1, 2, 63, 64, 65, 257), (1, 3, 16, 20, 64), (1, 5, 8, 16)
# every length with every number of channels, the number of states and the discretisation of B taking turns
SIZES = [
    (L, D, STATES[(i + j) % 4], bool((i + i // 5 + j // 4) % 2))
    for (i, (L, D)), j in itertools.product(enumerate(itertools.product(LENGTHS, CHANNELS)), (0, 5))
]
LARGE_CHANNELS, LARGE_STATES = (1, 3, 64, 130), (1, 5, 16, 64, 256)
LARGE = [
    pytest.param(L, D, N, marks=[] if L == 1000 and (i + j) % 4 == 0 else pytest.mark.slow)
    for L in (1000, 4097)
    for (i, D), (j, N) in itertools.product(enumerate(LARGE_CHANNELS), enumerate(LARGE_STATES))
]
OPTIONAL = ("D_skip", "z", "delta_bias", "h0")
SUBSETS = [s for n in range(5) for s in itertools.combinations(OPTIONAL, n)]
COMPUTED = [("numba", torch.float32), ("torch", torch.float64)]
FAST = ["numba", "torch"]


def run(case, backend, dtype=torch.float32):
    scan = functools.partial(selective_scan, backend=backend, return_last_state=True)
    return results(scan, case, "cpu", dtype)


@functools.cache
def truth(case):
    return run(case, "reference", torch.float64)


@pytest.fixture
def poisoned(monkeypatch):
    """Fresh memory is full of NaN, so that what nobody writes shows."""
    monkeypatch.setattr(np, "empty", lambda shape, dtype: np.full(shape, np.nan, dtype))
    torch.use_deterministic_algorithms(True)  # also fills torch's new tensors with NaN
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(("backend", "dtype"), COMPUTED)
@pytest.mark.parametrize(("L", "D", "N", "zoh"), SIZES)
def test_every_size_equals_the_reference(L, D, N, zoh, backend, dtype, poisoned):
    case = Case(L, D, N, batch=2 if L < 100 else 1, zoh=zoh)
    assert_close(run(case, backend, dtype), truth(case), TOLERANCE[dtype])


@pytest.mark.parametrize(("L", "D", "N"), LARGE)
def test_large_sizes_equal_double_precision(L, D, N):
    """The reference's graph would not fit; `torch` equals it at every size above."""
    case = Case(L, D, N, batch=1, zoh=bool((L + D + N) % 2), packed=D == 64)
    assert_close(run(case, "numba"), run(case, "torch", torch.float64), TOLERANCE[torch.float32])


@pytest.mark.parametrize("backend", FAST)
@pytest.mark.parametrize("softplus", [False, True])
@pytest.mark.parametrize("given", SUBSETS, ids=lambda given: "+".join(given) or "none")
def test_every_choice_of_optional_arguments_equals_the_reference(given, softplus, backend, poisoned):
    case = Case(L=18, D=17, N=3, softplus=softplus, given=given)
    assert_close(run(case, backend), truth(case), TOLERANCE[torch.float32])


@pytest.mark.parametrize("backend", ["reference", *FAST])
@pytest.mark.parametrize("zoh", [False, True])
@pytest.mark.parametrize("delta", [0.0, 1e-8, 1e-3, 1e3])
def test_extreme_deltas_equal_the_reference(delta, zoh, backend):
    found, true = (_with_delta(delta, zoh, *how) for how in ((backend, torch.float32), ("reference", torch.float64)))
    assert_close(found, true, TOLERANCE[torch.float32])


def _with_delta(delta, zoh, backend, dtype):
    case = Case(L=33, D=20, N=8, zoh=zoh, softplus=False, given=("D_skip", "h0"))

    def scan(delta, **inputs):  # every third delta is the extreme one
        extreme = torch.arange(case.L)[:, None] % 3 == 0
        changed = torch.where(extreme, delta * 0 + extreme_delta, delta)
        return selective_scan(delta=changed, **inputs, backend=backend, return_last_state=True)

    extreme_delta = delta
    return results(scan, case, "cpu", dtype)


@pytest.mark.parametrize("softplus", [-60.0, 60.0])
def test_softplus_is_exact_at_both_ends(softplus):
    x = torch.ones(1, 1, 16)
    raw = torch.full_like(x, softplus, requires_grad=True)
    one, A = torch.ones(1, 1, 1), torch.full((16, 1), -1e-3)
    y = selective_scan(x, raw, A, one, one, delta_softplus=True, backend="numba")  # y = delta
    expected = torch.nn.functional.softplus(torch.tensor(softplus, dtype=torch.float64))
    torch.testing.assert_close(y.double(), expected.expand_as(y), rtol=1e-5, atol=0)
    (slope,) = torch.autograd.grad(y.sum(), raw)
    torch.testing.assert_close(slope.double(), torch.sigmoid(raw.double()), rtol=1e-5, atol=0)


@pytest.mark.parametrize("backend", FAST)
def test_zoh_of_a_vanishing_pole_is_euler(backend):
    case = Case(L=20, D=16, N=2, softplus=False, given=())
    inputs = {k: v.float() for k, v in case.inputs().items()} | {"A": torch.zeros(16, 2)}
    zoh, euler = (selective_scan(**inputs, b_discretisation=b, backend=backend) for b in ("zoh", "euler"))
    torch.testing.assert_close(zoh, euler)


@pytest.mark.parametrize("backend", FAST)
def test_nan_in_the_input_reaches_output_and_gradients(backend):
    inputs = {k: v.float() for k, v in Case(L=20, D=16, N=2, given=()).inputs().items()}
    inputs["delta"][0, 10, 3] = float("nan")
    A = inputs["A"].requires_grad_()
    y = selective_scan(**inputs, delta_softplus=True, backend=backend)
    assert y[0, 10:, 3].isnan().all()
    assert not y[0, :10].isnan().any()
    y.sum().backward()
    assert A.grad[3].isnan().all()


@pytest.mark.parametrize("backend", ["reference", *FAST])
@pytest.mark.parametrize("cut", [1, 16, 23])
def test_a_carried_state_continues_the_sequence(cut, backend):
    case = Case(L=40, D=20, N=5)
    inputs = {k: v.float() for k, v in case.inputs().items()}
    scan = functools.partial(selective_scan, **case.options, backend=backend, return_last_state=True)
    y, h = scan(**inputs)
    sequences = ("x", "delta", "B", "C", "z")
    first, second = ({k: v[:, p] if k in sequences else v for k, v in inputs.items()} for p in _cut(cut))
    y_first, carried = scan(**first)
    y_second, last = scan(**second | {"h0": carried})
    torch.testing.assert_close(torch.cat([y_first, y_second], 1), y, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(last, h, rtol=1e-5, atol=1e-5)


def _cut(position):
    return slice(0, position), slice(position, None)


@pytest.mark.parametrize("backend", ["reference", *FAST])
def test_no_output_depends_on_later_inputs(backend):
    case = Case(L=40, D=16, N=4)
    inputs = {k: v.float() for k, v in case.inputs().items()}
    before = selective_scan(**inputs, **case.options, backend=backend)
    for name in ("x", "delta", "B", "C", "z"):
        inputs[name][:, 25:] += 1
    after = selective_scan(**inputs, **case.options, backend=backend)
    assert torch.equal(before[:, :25], after[:, :25])
    assert not torch.equal(before[:, 25:], after[:, 25:])


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_numba_gives_the_same_bits_on_any_number_of_threads(batch):
    case = Case(L=50, D=130, N=8, batch=batch)
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            found.append(run(case, "numba"))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(found[0][k], other[k]) for k in other)


@pytest.mark.parametrize("backend", FAST)
def test_views_of_a_larger_tensor_give_the_same_as_copies(backend):
    case = Case(L=20, D=16, N=4)
    inputs = {k: v.float() for k, v in case.inputs().items()}
    views = dict(inputs)
    views["x"], views["z"] = torch.cat([inputs["x"], inputs["z"]], -1).chunk(2, -1)
    _, views["B"], views["C"] = torch.cat([inputs["B"], inputs["B"], inputs["C"]], -1).split(4, -1)
    views["delta"] = inputs["delta"].transpose(1, 2).contiguous().transpose(1, 2)
    views["h0"] = inputs["h0"].transpose(1, 2).contiguous().transpose(1, 2)
    y, expected = (selective_scan(**i, **case.options, backend=backend) for i in (views, inputs))
    torch.testing.assert_close(y, expected)


def test_numba_differentiates_only_what_asks_for_it():
    inputs = {k: v.float() for k, v in Case(L=5, D=3, N=2).inputs().items()}
    inputs["B"].requires_grad_()
    selective_scan(**inputs, backend="numba").sum().backward()
    assert inputs["B"].grad is not None
    assert all(v.grad is None for k, v in inputs.items() if k != "B")


@pytest.mark.parametrize("kept", [0, 2**26])
@pytest.mark.parametrize("block", [2000, 2**24])
@pytest.mark.parametrize("enough", [0, 2**30])
def test_every_path_of_the_torch_backend_equals_the_reference(enough, block, kept, monkeypatch):
    monkeypatch.setattr(torch_scan, "ENOUGH", enough)
    monkeypatch.setattr(torch_scan, "BLOCK", {"cpu": block})
    monkeypatch.setattr(torch_scan, "KEPT", kept)
    case = Case(L=123, D=5, N=4, zoh=True)
    assert_close(run(case, "torch", torch.float64), truth(case), TOLERANCE[torch.float64])


@pytest.mark.parametrize("backend", ["reference", *FAST])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_its_state_in_float32(dtype, backend):
    case = Case(L=65, D=8, N=4)
    found = run(case, backend, dtype)
    assert found["y"].dtype == dtype
    assert found["h_last"].dtype == torch.float32
    assert_close(found, truth(case), TOLERANCE[dtype])
