import socket

import pytest

from ssmviz.port import problem


def test_a_free_port_is_no_problem():
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    assert problem(str(port)) is None


def test_a_taken_port_is_named_with_a_way_out():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        message = problem(str(taken.getsockname()[1]))
    assert message is not None
    assert "make run PORT=" in message


@pytest.mark.parametrize("port", ["0", "65536", "-1", "abc", "", "٣"])
def test_what_is_not_a_port_is_refused(port):
    assert "from 1 to 65535" in (problem(port) or "")
