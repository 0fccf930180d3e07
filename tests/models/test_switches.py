"""What each switch of the block leaves out, it leaves out."""

import itertools

import pytest
import torch

from ssmviz.models import build
from ssmviz.settings import ModelSettings
from tests.models.variants import SMALL, TASK, network, some_tokens

PARTS = ("delta", "B", "C")
SWITCHES = [" ".join(chosen) for k in range(4) for chosen in itertools.combinations(PARTS, k)]


def system_of(**fields):
    """Delta, B_bar and C that a sequence of ten different inputs makes: (10, D), (10, D, N), (10, N) or (10, D, N)."""
    mixer = build(TASK, ModelSettings(**SMALL, **fields), seed=0).layers[0].mixer.double()
    x = torch.randn(10, mixer.d_inner, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return mixer.discretise(x)


@pytest.mark.parametrize("selective", SWITCHES)
def test_what_is_not_selective_is_the_same_at_every_token(selective):
    system = system_of(selective=selective or "none")
    B = system.B_bar / system.delta[..., None]
    for name, part in zip(PARTS, (system.delta, B, system.C), strict=True):
        constant = (part - part[:1]).abs().max() < 1e-12
        assert constant == (name not in selective.split()), name


def test_with_nothing_selective_the_layer_is_one_convolution():
    mixer = network(ModelSettings(**SMALL, selective="none")).layers[0].mixer
    impulse, x = torch.zeros(1, 12, mixer.d_inner, dtype=torch.float64), torch.randn(1, 12, mixer.d_inner).double()
    impulse[:, 0] = 1
    with torch.no_grad():
        K = mixer.scan(impulse, None, None, carry=False, backend="auto")[0]
        y = mixer.scan(x, None, None, carry=False, backend="auto")[0]
    slid = torch.stack([(K[:, : t + 1].flip(1) * x[:, : t + 1]).sum(1) for t in range(12)], 1)
    torch.testing.assert_close(y, slid)


def test_without_convolution_what_enters_the_layer_is_its_own_token_alone():
    tokens = some_tokens(batch=1, length=6)[0].numpy()
    edited = tokens.copy()
    edited[2] = (edited[2] + 1) % 7
    for taps, reached in ((0, [2]), (1, [2]), (4, [2, 3, 4, 5])):
        net = network(ModelSettings(**SMALL, d_conv=taps))
        before, after = (net.trace(row).layers[0].x for row in (tokens, edited))
        assert [t for t in range(6) if abs(before[t] - after[t]).max() > 1e-9] == reached


def test_switches_leave_no_parameters_behind():
    def count(**fields):
        return sum(p.numel() for p in build(TASK, ModelSettings(n_layers=1, **SMALL, **fields), seed=0).parameters())

    d, D, N, R = 8, 16, 4, 1
    whole = count()
    assert count(d_conv=0) == whole - 4 * D - D
    assert count(gate=False) == whole - d * D
    assert count(skip=False) == whole - D
    assert count(selective="none") == whole - D * (R + 2 * N) - D * R + 2 * D * N  # x_proj, dt_proj; B and C


def test_what_the_switches_share_starts_equal():
    whole = network(ModelSettings(**SMALL)).state_dict()
    for fields in ({"gate": False}, {"d_conv": 0}, {"selective": "delta"}, {"selective": "none"}):
        other = network(ModelSettings(**SMALL, **fields)).state_dict()
        same = [n for n in other if n in whole and other[n].shape == whole[n].shape and "_proj" not in n]
        assert {name.split(".")[-2] for name in same} >= {"embedding", "norm", "mixer", "lm_head"}
        for name in same:
            torch.testing.assert_close(other[name], whole[name], msg=f"{name} {fields}")
