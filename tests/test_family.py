"""The cards say of every layer what its code does."""

import pytest

from ssmviz.family import BLOCKS, LAYERS, STORY, Sizes
from ssmviz.family.costs import measured
from ssmviz.models import build
from ssmviz.settings import ModelSettings, TaskSettings

TASK = TaskSettings(name="selective_copying", L=16, vocab=8, n_data=3)
every_layer = pytest.mark.parametrize("name", LAYERS)


def mixer(name, *, D=12, N=5, heads=3):
    return build(TASK, ModelSettings(layer=name, block="linear", n_layers=1, d_model=D, N=N, heads=heads), seed=0)


def test_the_story_tells_of_every_layer():
    assert {card.name for card in STORY} == {*LAYERS, "hippo", "h3"}


@every_layer
def test_the_layer_has_as_many_parameters_as_the_card_says(name):
    layer = mixer(name).layers[0].mixer
    assert sum(p.numel() for p in layer.parameters()) == LAYERS[name].parameters(Sizes(D=12, N=5, heads=3, L=1))


@every_layer
def test_a_trace_has_what_the_card_promises_and_lacks_what_it_explains_away(name):
    (trace,) = mixer(name).trace([0, 1, 2, 3, 4]).layers
    card = LAYERS[name]
    assert (trace.h is not None) == bool(card.memory.rows)
    assert (trace.delta is not None) == (not card.no_delta)
    assert (trace.weights is not None) == (not card.no_weights)


@pytest.mark.parametrize("cards", [LAYERS, BLOCKS], ids=["layers", "blocks"])
def test_a_card_names_settings_that_exist(cards):
    for card in cards.values():
        assert set(card.fields) <= ModelSettings.model_fields.keys(), card.name


def test_measured_costs_are_of_layers_that_exist():
    for machine in measured():
        assert machine.layers.keys() <= LAYERS.keys()
        for lengths in machine.layers.values():
            assert len(lengths.L) == len(lengths.ms) == len(lengths.bytes)
