"""What a file means: the mathematics, written from the paper alone."""

import numpy as np
import pytest
from safetensors.numpy import load

from ssmviz.settings import ModelSettings, TaskSettings
from ssmviz.systems.block import network
from ssmviz.weights import LAYOUTS, read, write
from tests.weights.cases import algorithm_2


def test_a_file_means_what_the_paper_says(tensors):
    tensors["lm_head.weight"] = tensors["lm_head.weight"][::-1].copy()
    data = write(tensors, "hf")
    tokens = np.random.default_rng(1).integers(0, 16, 12)
    wanted = algorithm_2(load(data), tokens)
    assert np.abs(network(read(data).tensors, tokens)[0] - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_network_of_this_package_means_the_same_once_it_is_published():
    import torch

    from ssmviz.models import build

    net = build(TaskSettings(vocab=10), ModelSettings(d_model=8, N=4, dt_rank=3), seed=0)
    data = write({name: p.detach().numpy() for name, p in net.named_parameters()}, "hf")
    assert not read(data).tied
    tokens = np.random.default_rng(2).integers(0, 10, 12)
    with torch.no_grad():
        ours = net(torch.as_tensor(tokens)[None])[0].numpy()
    wanted = algorithm_2(load(data), tokens)
    assert np.abs(ours - wanted).max() < 1e-5 * np.abs(wanted).max()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_published_file_loads_into_the_network_of_this_package(tensors, layout):
    import torch

    from ssmviz.models import build

    net = build(TaskSettings(vocab=16), ModelSettings(d_model=16, N=4, dt_rank=1), seed=0)
    model = read(write(tensors, layout))
    net.load_state_dict({name: torch.tensor(array) for name, array in model.tensors.items()}, strict=True)
    tokens = np.random.default_rng(3).integers(0, 16, 12)
    wanted = algorithm_2(load(write(tensors, "hf")), tokens)
    state = net.initial_state(1)
    with torch.no_grad():
        ours = net(torch.as_tensor(tokens)[None])[0].numpy()
        for t, token in enumerate(tokens):
            said, state = net.step(torch.tensor([token]), state)
            assert np.abs(said[0].numpy() - wanted[t]).max() < 1e-5 * np.abs(wanted).max()
    assert np.abs(ours - wanted).max() < 1e-5 * np.abs(wanted).max()
