"""The update in three launches, in Triton's interpreter. Run by test_flat.py in a process of its own."""

import pytest
import torch

from kernels.triton_tiles import INTERPRETED
from ssmviz.models import build
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings
from ssmviz.training import flat
from ssmviz.training.optimiser import Optimiser
from ssmviz.training.stepper import LOSS_LIMIT, EagerStepper

assert INTERPRETED, "set TRITON_INTERPRET=1 before triton is imported"

TASK = TaskSettings(L=8, vocab=6, n_data=2)


def batches(count):
    rng = torch.Generator().manual_seed(0)
    return [
        (torch.randint(0, 6, (2, 7), generator=rng), torch.randint(0, 4, (2, 2), generator=rng)) for _ in range(count)
    ]


def trained(stepper, count):
    for tokens, targets in batches(count):
        stepper.step(tokens, targets, 1.0)
    return stepper


class Flat(EagerStepper):
    """As `GraphedStepper` steps, without graphs."""

    def __init__(self, network, optimiser, clip):
        super().__init__(network, optimiser, clip)
        self.flat = flat.FlatUpdate(optimiser, clip, limit=LOSS_LIMIT)

    def update(self, tokens, targets):
        loss = self.network.loss(tokens, targets)
        gradients = torch.autograd.grad(loss, self.flat.parameters)
        self.flat.step(loss.detach(), gradients, (self.loss, self.grad_norm, self.loss_sum, self.good, self._steps))


@pytest.mark.parametrize(
    ("layer", "n_layers", "optimiser", "clip", "weight_decay", "backend"),
    [
        ("s6", 2, "adamw", 0.1, 0.1, "torch"),
        ("s6", 2, "muon", 10.0, 0.0, "torch"),
        ("s6", 1, "muon", 0.1, 0.2, "triton"),  # gradients as the fused kernels leave them in memory
        ("s4d", 1, "muon", 1.0, 0.0, "triton"),
    ],
)
def test_three_launches_compute_what_the_optimisers_compute(layer, n_layers, optimiser, clip, weight_decay, backend):
    model = ModelSettings(layer=layer, n_layers=n_layers, d_model=8, N=2, dt_rank=2)
    settings = OptimSettings(optimiser=optimiser, weight_decay=weight_decay, clip=clip, lr=1e-2, lr_muon=1e-2)
    networks = [build(TASK, model, seed=0) for _ in range(2)]
    networks[0].backend, networks[1].backend = "torch", backend
    plain = trained(EagerStepper(networks[0], Optimiser(networks[0], settings), clip), 3)
    fused = trained(Flat(networks[1], Optimiser(networks[1], settings), clip), 3)
    atol = 2e-5 if optimiser == "adamw" else 3e-4  # of steps of 1e-2, made orthogonal in half precision
    for (name, wanted), found in zip(networks[0].named_parameters(), networks[1].parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=atol, msg=lambda m, name=name: f"{name}: {m}")
    for name in ("loss", "grad_norm", "loss_sum", "good"):
        torch.testing.assert_close(getattr(fused, name), getattr(plain, name), rtol=1e-3, atol=1e-5)
    for name, wanted in plain.optimiser.state().items():
        torch.testing.assert_close(fused.optimiser.state()[name], wanted, rtol=1e-2, atol=1e-4)


def test_a_saved_state_written_into_the_named_tensors_goes_on_where_it_stopped():
    settings = OptimSettings(lr=1e-2)
    first, second = (build(TASK, ModelSettings(d_model=8, N=2, dt_rank=2), seed=seed) for seed in (0, 1))
    first.backend = second.backend = "torch"
    whole, resumed = (Flat(n, Optimiser(n, settings), 1.0) for n in (first, second))
    trained(whole, 2)
    with torch.no_grad():
        for ours, theirs in zip(second.parameters(), first.parameters(), strict=True):
            ours.copy_(theirs)
        for name, value in whole.optimiser.state().items():
            resumed.optimiser.state()[name].copy_(value)
    trained(whole, 1)
    trained(resumed, 1)
    for ours, theirs in zip(second.parameters(), first.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_loss_that_is_no_number_is_not_counted_as_good():
    network = build(TASK, ModelSettings(d_model=8, N=2, dt_rank=2), seed=0)
    network.backend = "torch"
    stepper = trained(Flat(network, Optimiser(network, OptimSettings()), 1.0), 1)
    with torch.no_grad():
        network.embedding.weight.fill_(float("nan"))
    trained(stepper, 2)
    assert stepper.good.item() == 1
    assert not stepper.loss.isfinite()


def test_the_optimisers_go_on_where_the_flat_update_stops():
    settings = OptimSettings(optimiser="adamw", lr=1e-2)
    networks = [build(TASK, ModelSettings(d_model=8, N=2, dt_rank=2), seed=0) for _ in range(2)]
    for network in networks:
        network.backend = "torch"
    plain = EagerStepper(networks[0], Optimiser(networks[0], settings), 1.0)
    fused = Flat(networks[1], Optimiser(networks[1], settings), 1.0)
    (first, second) = batches(2)
    for stepper in (plain, fused):
        stepper.step(*first, 1.0)
    plain.step(*second, 1.0)
    EagerStepper(networks[1], fused.optimiser, 1.0).step(*second, 1.0)
    for found, wanted in zip(networks[1].parameters(), networks[0].parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=2e-5)
