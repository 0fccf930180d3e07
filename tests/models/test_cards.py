"""What the cards of the family say, held against the layers."""

import pytest
import torch

from ssmviz import family
from ssmviz.models import BLOCKS, LAYERS
from ssmviz.settings import ModelSettings
from tests.models.variants import network


def numbers(memory):
    """Real numbers in a memory: a complex one counts twice; whole ones count positions and are none."""
    if isinstance(memory, torch.Tensor):
        return memory.numel() * (2 if memory.is_complex() else 1) * (memory.is_floating_point() or memory.is_complex())
    return sum(map(numbers, memory))


def test_every_layer_and_block_has_a_card_and_every_card_a_layer_or_block():
    assert set(LAYERS) == set(family.LAYERS)
    assert set(BLOCKS) == set(family.BLOCKS)


@pytest.mark.parametrize("L", [0, 1, 7])
@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_remembers_as_many_numbers_as_its_card_says(layer, L):
    settings = ModelSettings(layer=layer, block="plain", d_model=24, heads=3, N=5)
    mixer = network(settings).layers[0].mixer
    h = mixer.initial_h(1)
    with torch.no_grad():
        for _ in range(L):
            _, h = mixer.recur(torch.ones(1, settings.D, dtype=torch.float64), h)
    sizes = family.Sizes(D=settings.D, N=settings.N, heads=settings.heads, L=L)
    assert numbers(h) == family.LAYERS[layer].memory.numbers(sizes)
