import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """These sizes are too small for two threads, which only wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
