"""A small model."""

import pytest

from ssmviz.weights.__main__ import random_weights
from tests.weights.cases import SIZES


@pytest.fixture
def tensors():
    return random_weights(SIZES, 0)
