"""B and C that are the same at all positions: the LTI twin."""

import functools

import pytest
import torch

from kernels import selective_scan
from tests.kernels.scan_cases import TOLERANCE, Case, assert_close, results

BACKENDS = [("reference", torch.float64), ("torch", torch.float64), ("numba", torch.float32)]


def run(case, backend, dtype):
    return results(functools.partial(selective_scan, backend=backend, return_last_state=True), case, "cpu", dtype)


def one_channel_at_a_time(case):
    """A channel's constant B and C expanded to tokens, which all channels of a scan share."""

    def scan(x, delta, A, B, C, D_skip, z, delta_bias, h0, **options):
        ys, hs = [], []
        for d in range(case.D):
            c = slice(d, d + 1)
            B_d, C_d = (v[d].expand(case.batch, case.L, case.N) if v.ndim == 2 else v for v in (B, C))
            y, h = selective_scan(
                x[..., c], delta[..., c], A[c], B_d, C_d, D_skip[c], z[..., c], delta_bias=delta_bias[c],
                h0=h0[:, c], return_last_state=True, backend="reference", **options,
            )  # fmt: skip
            ys.append(y)
            hs.append(h)
        return torch.cat(ys, 2), torch.cat(hs, 1)

    return results(scan, case, "cpu", torch.float64)


@pytest.mark.parametrize(("backend", "dtype"), BACKENDS)
@pytest.mark.parametrize("constant", [("B",), ("C",), ("B", "C")], ids="+".join)
@pytest.mark.parametrize("zoh", [False, True], ids=["euler", "zoh"])
def test_constant_b_and_c_equal_the_same_at_every_token(zoh, constant, backend, dtype):
    case = Case(L=35, D=18, N=3, zoh=zoh, constant=constant)
    assert_close(run(case, backend, dtype), one_channel_at_a_time(case), TOLERANCE[dtype])


@pytest.mark.parametrize("backend", ["reference", "torch", "numba"])
def test_constant_everything_is_a_convolution(backend):
    """y = K * x with K_t = C A_bar^t B_bar (Gu et al. 2022, equation 5), by FFT."""
    L, D, N, step = 100, 5, 4, 0.1
    inputs = Case(L=L, D=D, N=N, given=(), constant=("B", "C")).inputs()
    inputs["delta"][:] = step
    x, A, B, C = (inputs[k] for k in ("x", "A", "B", "C"))
    K = torch.einsum("dn,tdn,dn->td", C, torch.exp(step * A) ** torch.arange(L)[:, None, None], step * B)
    expected = torch.fft.irfft(torch.fft.rfft(K, 2 * L, dim=0) * torch.fft.rfft(x, 2 * L, dim=1), dim=1)[:, :L]
    y = selective_scan(**{k: v.float() for k, v in inputs.items()}, backend=backend)
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["B", "C"])
def test_a_constant_of_the_wrong_shape_is_refused_by_both_shapes(name):
    inputs = {k: v.float() for k, v in Case(L=4, D=3, N=2).inputs().items()} | {name: torch.ones(2, 3)}
    with pytest.raises(ValueError, match=rf"{name} must be \(batch, L, N\) or, where constant, \(3, 2\)"):
        selective_scan(**inputs)


def test_constants_may_stay_in_float32_beside_half_precision():
    case = Case(L=20, D=3, N=2, constant=("B", "C"))
    y = run(case, "auto", torch.bfloat16)
    assert_close(y, run(case, "reference", torch.float64), TOLERANCE[torch.bfloat16])
