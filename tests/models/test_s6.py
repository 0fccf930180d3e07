import math

import pytest
import torch
import torch.nn.functional as F

from ssmviz.models import build, s6
from ssmviz.settings import ModelSettings
from tests.models.variants import TASK, network, some_tokens


def mixer_of(**fields):
    return build(TASK, ModelSettings(**fields), seed=0).layers[0].mixer


def test_parameters_have_the_published_names_and_shapes():
    net = build(TASK, ModelSettings(d_model=32, N=16, dt_rank=0, n_layers=1), seed=0)
    inside = "layers.0.mixer."
    shapes = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    assert shapes == {
        "embedding.weight": (7, 32),
        "layers.0.norm.weight": (32,),
        inside + "in_proj.weight": (128, 32),
        inside + "conv1d.weight": (64, 1, 4),
        inside + "conv1d.bias": (64,),
        inside + "x_proj.weight": (2 + 32, 64),
        inside + "dt_proj.weight": (64, 2),
        inside + "dt_proj.bias": (64,),
        inside + "A_log": (64, 16),
        inside + "D": (64,),
        inside + "out_proj.weight": (32, 64),
        "norm_f.weight": (32,),
        "lm_head.weight": (7, 32),
    }
    assert net.norm_f.eps == net.layers[0].norm.eps == 1e-5


def test_the_plain_block_has_neither_gate_nor_convolution():
    names = dict(mixer_of(block="plain", d_model=32, N=16, dt_rank=0).named_parameters())
    assert set(names) == {"x_proj.weight", "dt_proj.weight", "dt_proj.bias", "A_log", "D", "out_proj.weight"}
    assert names["out_proj.weight"].shape == (32, 32)


def test_a_starts_at_minus_one_to_minus_n_and_d_at_one():
    mixer = mixer_of(N=16)
    torch.testing.assert_close(mixer.A(), -torch.arange(1.0, 17).expand(64, 16))
    assert (mixer.D == 1).all()


def test_delta_starts_log_uniform_between_its_bounds():
    bias = mixer_of(d_model=512, expand=4, dt_min=1e-3, dt_max=1e-1, N=1).dt_proj.bias
    delta = F.softplus(bias.double())
    assert delta.min() >= 1e-3 * (1 - 1e-4)
    assert delta.max() <= 1e-1 * (1 + 1e-4)
    quarters = torch.histc(delta.log10().float(), 4, min=-3, max=-1) / len(delta)
    assert (quarters - 0.25).abs().max() < 0.05


def test_delta_never_starts_below_the_floor():
    delta = F.softplus(mixer_of(dt_min=1e-6, dt_max=1e-5).dt_proj.bias.double())
    torch.testing.assert_close(delta, torch.full_like(delta, 1e-4), rtol=1e-3, atol=0)


def test_bc_scale_multiplies_only_the_rows_that_make_b_and_c():
    plain, scaled = (mixer_of(bc_scale=scale).x_proj.weight for scale in (1.0, 4.0))
    torch.testing.assert_close(scaled[:8], plain[:8])
    torch.testing.assert_close(scaled[8:], 4 * plain[8:])


@pytest.mark.parametrize(("d_model", "rank"), [(16, 1), (32, 2), (33, 3)])
def test_rank_zero_means_a_sixteenth_of_the_width(d_model, rank):
    assert mixer_of(d_model=d_model, dt_rank=0).dt_rank == rank == math.ceil(d_model / 16)


def test_zero_order_hold_and_euler_differ_only_in_what_is_written():
    zoh, euler = (
        network(ModelSettings(d_model=8, N=4, b_discretisation=b, dt_max=0.5)).layers[0].mixer for b in ("zoh", "euler")
    )
    x = torch.randn(5, 16, dtype=torch.float64)
    z, e = zoh.discretise(x), euler.discretise(x)
    torch.testing.assert_close(z.A_bar, e.A_bar)
    torch.testing.assert_close(
        z.B_bar, e.B_bar * torch.expm1(z.delta[..., None] * zoh.A()) / (z.delta[..., None] * zoh.A())
    )


@pytest.mark.parametrize(("discretisation", "exact"), [("zoh", True), ("euler", False)])
def test_theorem_1_the_gate_of_an_rnn_is_exact_under_zero_order_hold_alone(discretisation, exact):
    """Gu & Dao 2023, theorem 1: N = 1, A = -1, B = C = 1 give h = (1 - g) h + g x with g = sigmoid(Linear(x))."""
    settings = ModelSettings(block="plain", d_model=4, N=1, dt_rank=4, b_discretisation=discretisation)
    mixer = network(settings).layers[0].mixer
    x = torch.randn(12, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x[:, 0] = 1.0  # a constant channel from which B = C = 1 can be read
    with torch.no_grad():
        mixer.A_log.zero_()
        mixer.D.zero_()
        mixer.x_proj.weight[4:] = torch.eye(1, 4, dtype=torch.float64)
    y, _ = mixer.scan(x[None], None, None, carry=False, backend="auto")
    g = (mixer.project(x)[0] + mixer.dt_proj.bias).sigmoid()
    h = torch.zeros(4, dtype=torch.float64)
    gated = []
    for x_t, g_t in zip(x, g, strict=True):
        h = (1 - g_t) * h + g_t * x_t
        gated.append(h)
    error = (y[0] - torch.stack(gated)).abs().max()
    assert (error < 1e-12) if exact else (error > 1e-4)


def test_delta_and_b_see_no_further_back_than_the_convolution():
    net = network(ModelSettings(d_model=8, N=4, n_layers=1))
    tokens = some_tokens(batch=1)[0].numpy()
    changed = tokens.copy()
    changed[3] = (changed[3] + 1) % 7
    first, second = (net.trace(t).layers[0] for t in (tokens, changed))
    assert abs(first.delta[7:] - second.delta[7:]).max() == 0
    assert abs(first.C[7:] - second.C[7:]).max() == 0
    assert abs(first.h[7:] - second.h[7:]).max() > 1e-9


def test_the_penalty_adds_the_gradient_of_the_mean_delta_and_leaves_the_loss(monkeypatch):
    settings = ModelSettings(d_model=8, N=2, dt_rank=2, n_layers=2)
    plain, penalised = (network(settings) for _ in range(2))
    penalised.set_delta_penalty(0.3)
    deltas, project = [], s6.conv_project

    def watched(*arguments, **options):
        projected = project(*arguments, **options)
        bias = plain.layers[len(deltas)].mixer.dt_proj.bias
        deltas.append(F.softplus(projected[1] + bias))
        return projected

    found = penalised(some_tokens()).square().mean()
    found.backward()
    monkeypatch.setattr(s6, "conv_project", watched)
    loss = plain(some_tokens()).square().mean()
    (loss + 0.3 * sum(delta.mean() for delta in deltas)).backward()
    assert torch.equal(loss, found)
    for wanted, parameter in zip(plain.parameters(), penalised.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, wanted.grad)
