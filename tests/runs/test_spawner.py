"""How processes for runs are started."""

import os
import subprocess
import sys

import pytest

from ssmviz.runs.client import PROJECT

SAY = "from ssmviz.runs.backends.embedded import context; print(context('tests.runs.fake:train').get_start_method())"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork server anyway")
@pytest.mark.parametrize(("folder", "method"), [("tmp", "forkserver"), ("x" * 100, "spawn")])
def test_a_path_too_long_for_a_socket_costs_time_and_no_run(tmp_path, folder, method):
    long = tmp_path / folder
    long.mkdir()
    if method == "forkserver" and len(str(long)) > 70:
        pytest.skip("the tests' own folder is too long")
    environ = os.environ | {"TMPDIR": str(long)}
    done = subprocess.run(
        [sys.executable, "-c", SAY], cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.returncode) == (method, 0), done.stderr
    assert ("TMPDIR to a shorter path" in done.stderr) == (method == "spawn")
