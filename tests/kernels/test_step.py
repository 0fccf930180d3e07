"""One token at a time equals the whole sequence."""

import pytest
import torch

from kernels import selective_scan, step
from tests.kernels.scan_cases import Case

OPTIONAL = [("D_skip", "z", "delta_bias", "h0"), ()]


@pytest.mark.parametrize("constant", [(), ("B",), ("C",)], ids=str)
@pytest.mark.parametrize("zoh", [False, True], ids=["euler", "zoh"])
@pytest.mark.parametrize("given", OPTIONAL, ids=["all", "none"])
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_steps_equal_the_scan(backend, given, zoh, constant):
    case = Case(L=12, D=4, N=3, batch=4, zoh=zoh, given=given, constant=constant)
    inputs = {k: v.float() for k, v in case.inputs().items()}
    y, h_last = selective_scan(**inputs, **case.options, return_last_state=True, backend=backend)
    h = inputs.pop("h0", torch.zeros(4, 4, 3))
    for t in range(case.L):
        now = {
            k: v[None] if k in case.constant else v[:, t] if k in ("x", "delta", "B", "C", "z") else v
            for k, v in inputs.items()
        }
        y_t, h = step(h, **now, **case.options)
        torch.testing.assert_close(y_t, y[:, t], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(h, h_last, rtol=1e-5, atol=1e-5)


def test_a_step_is_differentiable_and_keeps_its_state_in_float32():
    case = Case(L=1, D=4, N=3)
    h = torch.zeros(2, 4, 3, requires_grad=True)
    inputs = {k: v.bfloat16() for k, v in case.inputs().items() if k != "h0"}
    now = {k: v[:, 0] if k in ("x", "delta", "B", "C", "z") else v for k, v in inputs.items()}
    y, after = step(h, **now, delta_softplus=True)
    assert (y.dtype, after.dtype) == (torch.bfloat16, torch.float32)
    after.sum().backward()
    assert (h.grad > 0).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.ones(2, 5, 4)}, r"x must be \(batch, D\).*got \(2, 5, 4\)"),
        ({"h": torch.ones(2, 3, 4)}, r"h must be \(2, 4, 3\)"),
        ({"B": torch.ones(4, 3)}, r"B must be \(2, 3\)"),
        ({"C": torch.ones(4, 4, 3)}, r"C must be \(batch, N\) or, where constant, \(1, 4, 3\)"),
        ({"b_discretisation": "bilinear"}, "b_discretisation must be one of"),
    ],
)
def test_wrong_arguments_are_refused(change, message):
    inputs = {k: v.float() for k, v in Case(L=1, D=4, N=3, given=()).inputs().items()}
    right = {k: v[:, 0] if k != "A" else v for k, v in inputs.items()} | {"h": torch.zeros(2, 4, 3)}
    with pytest.raises(ValueError, match=message):
        step(**right | change)
