"""How processes for runs are started."""

import os
import subprocess
import sys
import tempfile

import pytest

from ssmviz.runs.client import PROJECT

SAY = "from ssmviz.runs.backends.embedded import context; print(context('tests.runs.fake:train').get_start_method())"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork server anyway")
@pytest.mark.parametrize(("name", "method"), [("t", "forkserver"), ("t" * 100, "spawn")])
def test_a_path_too_long_for_a_socket_costs_time_and_no_run(name, method):
    with tempfile.TemporaryDirectory(prefix=name, dir="/tmp") as folder:  # the tests' own is long already
        environ = os.environ | {"TMPDIR": folder}
        command = [sys.executable, "-c", SAY]
        done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == (method, 0), done.stderr
    assert ("TMPDIR to a shorter path" in done.stderr) == (method == "spawn")
