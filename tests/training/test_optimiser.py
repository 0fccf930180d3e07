"""Muon makes updates orthogonal, AdamW decays matrices only, and both can be saved."""

import re

import pytest
import torch

from ssmviz.models import build
from ssmviz.settings import OptimSettings
from ssmviz.training.optimiser import MUON, Optimiser, decays, orthogonalised
from ssmviz.training.stepper import EagerStepper


@pytest.fixture
def network(make_settings):
    settings = make_settings()
    return build(settings.task, settings.model, seed=0)


@pytest.mark.parametrize("shape", [(2, 8, 32), (1, 32, 8), (3, 16, 16)])
def test_muon_makes_all_singular_values_about_one(shape):
    G = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalised(G))
    assert values.max() < 1.3
    assert values.median() > 0.6


def test_muon_turns_a_gradient_without_changing_its_subspaces():
    U, _, Vh = torch.linalg.svd(torch.randn(8, 8, generator=torch.Generator().manual_seed(0)))
    G = (U * torch.linspace(1, 3, 8)) @ Vh
    turned = U.mT @ orthogonalised(G[None])[0] @ Vh.mT
    assert (turned - torch.diag(turned.diag())).abs().max() < 1e-4


def test_muon_agrees_with_torch_s_own(make_settings):
    torch.manual_seed(0)
    ours, theirs = torch.nn.Linear(8, 24, bias=False), torch.nn.Linear(8, 24, bias=False)
    theirs.load_state_dict(ours.state_dict())
    wrapped = torch.nn.ModuleDict({"in_proj": ours, "other": torch.nn.Linear(1, 1)})
    optimiser = Optimiser(wrapped, OptimSettings(lr_muon=0.02, weight_decay=0.1))
    reference = torch.optim.Muon(theirs.parameters(), lr=0.02, weight_decay=0.1, momentum=0.95)
    for _ in range(3):
        for p in wrapped.parameters():
            p.grad = torch.randn_like(p)
        theirs.weight.grad = ours.weight.grad.clone()
        optimiser.step()
        reference.step()
    assert (ours.weight - theirs.weight).abs().max() < 2e-3  # theirs is computed in bfloat16


def test_muon_gets_the_projections_and_adamw_the_rest(network):
    optimiser = Optimiser(network, OptimSettings(optimiser="muon"))
    assert all(name.endswith(MUON) for name in optimiser.muon.parameters)
    assert len(optimiser.muon.parameters) == 6
    assert {*optimiser.muon.parameters, *optimiser.rest} == {n for n, _ in network.named_parameters()}
    assert not Optimiser(network, OptimSettings(optimiser="adamw")).muon.parameters


@pytest.mark.parametrize("layer", ["s6", "s4d"])
def test_nothing_that_makes_the_dynamics_decays(make_settings, layer):
    settings = make_settings(layer=layer)
    network = build(settings.task, settings.model, seed=0)
    decayed = {re.sub(r"layers\.\d\.mixer\.", "", name) for name, p in network.named_parameters() if decays(name, p)}
    selective = {"x_proj.weight", "dt_proj.weight"} if layer == "s6" else set()
    assert decayed == selective | {
        "embedding.weight",
        "lm_head.weight",
        "in_proj.weight",
        "conv1d.weight",
        "out_proj.weight",
    }
    groups = Optimiser(network, OptimSettings(optimiser="adamw", weight_decay=0.1)).adamw.param_groups
    assert {g["weight_decay"]: len(g["params"]) for g in groups}.keys() == {0.0, 0.1}


def test_training_moves_delta_s_bias_but_never_sets_it_anew(network):
    name = "layers.0.mixer.dt_proj.bias"
    before = network.get_parameter(name).detach().clone()
    optimiser = Optimiser(network, OptimSettings(lr=1e-4))
    assert (network.get_parameter(name) == before).all()
    stepper = EagerStepper(network, optimiser, 1.0)
    stepper.step(torch.zeros(2, 18, dtype=torch.int64), torch.zeros(2, 2, dtype=torch.int64), 1.0)
    assert 0 < (network.get_parameter(name) - before).abs().max() < 2e-4


def test_a_rate_of_zero_changes_nothing(network):
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    stepper = EagerStepper(network, Optimiser(network, OptimSettings(weight_decay=0.1)), 1.0)
    stepper.step(torch.zeros(2, 18, dtype=torch.int64), torch.zeros(2, 2, dtype=torch.int64), 0.0)
    assert all((p == before[n]).all() for n, p in network.named_parameters())
