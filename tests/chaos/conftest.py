"""What may happen to processes, disks and clocks, and what must not happen to runs: the same for every run backend.

A backend is a line in `LABS`: a `Lab` that knows how its processes are found and killed. Tests name no backend, but
where a fault exists on one machine alone. `docs/promises.md` says which test holds which promise.
"""

import os

import pytest

from tests.cluster import lab as cluster
from tests.runs.lab import Lab, needs_proc

LABS = {"embedded": Lab, "ray": cluster.RayLab}
BACKENDS = ["embedded", pytest.param("ray", marks=pytest.mark.slow)]
EMBEDDED_ONLY = pytest.mark.parametrize("backend", ["embedded"], indirect=True)


def pytest_collection_modifyitems(items):
    """Faults are injected as POSIX does."""
    here = os.path.dirname(__file__)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(needs_proc)
            item.add_marker(pytest.mark.skipif(not hasattr(os, "fork"), reason="kills as POSIX does"))


@pytest.fixture(scope="package", params=BACKENDS)
def backend(request):
    """The class of labs whose launcher starts its workers in this way."""
    if request.param == "ray":
        pytest.importorskip("ray", reason="needs the extra `cluster`")
    yield LABS[request.param]
    if request.param == "ray":
        cluster.stop()


@pytest.fixture
def lab(backend, tmp_path):
    """An app of its own: launcher and all may be killed."""
    lab = backend(tmp_path / "home").open()
    yield lab
    assert lab.close() == [], "processes were left behind"


@pytest.fixture(scope="package")
def shared_lab(backend, tmp_path_factory):
    """One app for the tests that leave it as they found it."""
    lab = backend(tmp_path_factory.mktemp("lab") / "home").open()
    yield lab
    assert lab.close() == [], "processes were left behind"
