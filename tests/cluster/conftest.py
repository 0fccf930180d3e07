"""Labs on a local Ray cluster; skipped where Ray is missing."""

import pytest

from tests.cluster import lab as labs


@pytest.fixture(scope="session")
def cluster():
    """Three nodes on this machine."""
    yield labs.cluster()
    labs.stop()


@pytest.fixture
def lab(cluster, tmp_path):
    lab = labs.RayLab(tmp_path / "home").open()
    yield lab
    assert lab.close() == [], "processes were left behind"


@pytest.fixture(scope="package")
def shared_lab(cluster, tmp_path_factory):
    lab = labs.RayLab(tmp_path_factory.mktemp("lab") / "home").open()
    yield lab
    assert lab.close() == [], "processes were left behind"
