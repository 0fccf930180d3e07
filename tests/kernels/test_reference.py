"""The loop that everything else is compared with, against formulations that share nothing with it."""

import numpy as np
import pytest
import scipy.linalg
import scipy.signal
import torch

from kernels import selective_scan
from tests.kernels.scan_cases import Case


def reference(**inputs):
    return selective_scan(**inputs, backend="reference", return_last_state=True)


@pytest.mark.parametrize("zoh", [False, True])
def test_scan_equals_hidden_attention(zoh):
    """y_i = sum over j <= i of C_i (product of A_bar from j + 1 to i) B_bar_j x_j."""
    case = Case(L=7, D=3, N=4, zoh=zoh, softplus=False, given=())
    inputs = case.inputs()
    x, delta, A, B, C = (inputs[k].numpy() for k in ("x", "delta", "A", "B", "C"))
    y, _ = reference(**inputs, **case.options)
    u = delta[..., None] * A
    B_bar = (np.expm1(u) / A if zoh else delta[..., None]) * B[:, :, None, :]
    for b, i, d in np.ndindex(y.shape):
        attention = [(C[b, i] * np.exp(u[b, j + 1 : i + 1, d].sum(0)) * B_bar[b, j, d]).sum() for j in range(i + 1)]
        assert np.dot(attention, x[b, : i + 1, d]) == pytest.approx(y[b, i, d].item(), rel=1e-12, abs=1e-13)


def test_constant_inputs_equal_scipy_lsim_with_zero_order_hold():
    L, D, N, step = 40, 2, 3, 0.1
    case = Case(L=L, D=D, N=N, batch=1, zoh=True, softplus=False, given=("D_skip",))
    inputs = case.inputs()
    inputs["delta"][:] = step
    inputs["B"][:], inputs["C"][:] = inputs["B"][:, :1].clone(), inputs["C"][:, :1].clone()
    y, _ = reference(**inputs, **case.options)
    x, A, B, C, skip = (inputs[k].numpy() for k in ("x", "A", "B", "C", "D_skip"))
    for d in range(D):
        # lsim gives the output before the input of its time step is taken in: ours is the next one's state
        system = (np.diag(A[d]), B[0, 0, :, None], np.eye(N), np.zeros((N, 1)))
        _, h, _ = scipy.signal.lsim(system, np.append(x[0, :, d], 0.0), np.arange(L + 1) * step, interp=False)
        expected = h[1:].reshape(L, N) @ C[0, 0] + skip[d] * x[0, :, d]
        np.testing.assert_allclose(y[0, :, d].numpy(), expected, rtol=1e-9, atol=1e-10)


def test_one_zoh_step_equals_the_matrix_exponential():
    """exp of [[A, B], [0, 0]] delta holds A_bar and B_bar."""
    case = Case(L=1, D=1, N=4, batch=1, zoh=True, softplus=False, given=("h0",))
    inputs = case.inputs()
    _, h = reference(**inputs, **case.options)
    block = np.zeros((5, 5))
    block[:4, :4], block[:4, 4] = np.diag(inputs["A"][0]), inputs["B"][0, 0]
    exponential = scipy.linalg.expm(block * inputs["delta"].item())
    expected = exponential[:4, :4] @ inputs["h0"][0, 0].numpy() + exponential[:4, 4] * inputs["x"].item()
    np.testing.assert_allclose(h[0, 0].numpy(), expected, rtol=1e-12)


def test_theorem_1_of_mamba_holds_with_zoh_and_not_with_euler():
    """With N = 1, A = -1, B = C = 1 the S6 is the gate h = (1 - g) h + g x, g = sigmoid(z) (Gu & Dao 2023)."""
    rng = torch.Generator().manual_seed(0)
    x, z = torch.randn(2, 1, 50, 1, generator=rng, dtype=torch.float64)
    one, A = torch.ones_like(x), -torch.ones(1, 1, dtype=torch.float64)
    gate, h, expected = torch.sigmoid(z), torch.zeros(1, 1, dtype=torch.float64), []
    for t in range(50):
        h = (1 - gate[:, t]) * h + gate[:, t] * x[:, t]
        expected.append(h)
    y = {
        b: selective_scan(x, z, A, one, one, delta_softplus=True, b_discretisation=b, backend="reference")
        for b in ("zoh", "euler")
    }
    torch.testing.assert_close(y["zoh"], torch.stack(expected, 1), rtol=1e-12, atol=1e-13)
    assert (y["euler"] - torch.stack(expected, 1)).abs().max() > 0.1


@pytest.mark.parametrize("zoh", [False, True])
@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_gradients_equal_finite_differences(zoh, backend):
    case = Case(L=3, D=2, N=2, zoh=zoh)
    inputs = {name: v.requires_grad_() for name, v in case.inputs().items()}

    def scan(*values):
        given = dict(zip(inputs, values, strict=True))
        return selective_scan(**given, **case.options, backend=backend, return_last_state=True)

    assert torch.autograd.gradcheck(scan, tuple(inputs.values()))
