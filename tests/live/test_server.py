"""What the app does about the server around it."""

import signal
import socket

import pytest
import uvicorn

from ssmviz.live.server import STOPS, quiet_end, send_at_once


def test_answers_leave_at_once_on_connections_accepted_after_the_call():
    with socket.socket() as listener:  # as Streamlit makes its own: without saying that it is TCP
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert send_at_once() >= 1
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


class Waiting(uvicorn.Server):
    """A server that would end with a signal of its own."""

    def __init__(self) -> None:
        super().__init__(uvicorn.Config(app="none:none"))
        self.passed_on = []

    def handle_exit(self, sig, frame):
        self.passed_on.append(sig)


@pytest.fixture
def waiting():
    server = Waiting()
    before = {number: signal.signal(number, server.handle_exit) for number in STOPS}
    yield server
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPS)
def test_the_first_signal_only_asks_the_server_to_end(waiting, number):
    with quiet_end():
        signal.raise_signal(number)
    assert waiting.should_exit
    assert waiting.passed_on == []


def test_the_second_signal_is_passed_on(waiting):
    with quiet_end():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert waiting.passed_on == [signal.SIGINT]


def test_an_end_that_fails_is_no_success(waiting):
    def save():
        signal.raise_signal(signal.SIGTERM)
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"), quiet_end():
        save()
    assert waiting.passed_on == [signal.SIGTERM]
