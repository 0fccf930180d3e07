"""`make serve`: what is checked, printed and started."""

import os
import socket
import subprocess
import sys

import pytest

from ssmviz import serve
from ssmviz.classroom.config import Classroom
from ssmviz.serve import DEPLOY, PROJECT
from tests.browser.conftest import free_port

ALL = "0.0.0.0"  # noqa: S104 - every network card


@pytest.fixture
def started(tmp_path, monkeypatch):
    """What the process would have become."""
    monkeypatch.setenv("SSMVIZ_HOME", str(tmp_path / "home"))
    for name in ("SSMVIZ_PRESENTER_KEY", "SSMVIZ_CLASSROOM", "SSMVIZ_HOSTS"):
        monkeypatch.delenv(name, raising=False)
    became = {}

    def execve(program, command, environment):
        became.update(program=program, command=command, environment=environment)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.chdir(PROJECT)
    return became


def serve_with(*arguments):
    return serve.main(["--port", str(free_port()), *arguments])


def test_it_becomes_streamlit_with_every_option_of_the_class(started, capsys):
    assert serve_with("--hosts", "ssm.example.org, class.local", "--server.baseUrlPath=/course") is None
    command = started["command"]
    assert command[1:5] == ["-m", "streamlit", "run", str(PROJECT / "app.py")]
    assert "--server.maxWidgetStateSize=2" in command
    assert "--server.enableXsrfProtection=true" in command
    hosts = [flag.partition("=")[2] for flag in command if flag.startswith("--server.allowedHosts")]
    assert hosts == ["ssm.example.org", "class.local", "localhost", "127.0.0.1"]
    assert command[-1] == "--server.baseUrlPath=/course"
    assert started["environment"]["SSMVIZ_CLASSROOM"] == str(DEPLOY / "classroom.toml")
    words = capsys.readouterr().out
    assert "http://ssm.example.org:" in words
    for what in ("students", "presenter", "/api/presenter", "health", "Ctrl-C"):
        assert what in words


def test_the_presenters_key_is_made_once_kept_in_private_and_never_shown(started, capsys, tmp_path):
    keys = set()
    for _ in range(2):
        serve_with()
        keys.add(started["environment"]["SSMVIZ_PRESENTER_KEY"])
    key = keys.pop()
    assert not keys
    assert len(key) >= 20
    file = tmp_path / "home" / "presenter.key"
    assert file.stat().st_mode & 0o077 == 0
    words = capsys.readouterr().out
    assert str(file) in words
    assert key not in words
    assert key not in " ".join(started["command"])


def test_a_key_of_ones_own_is_used_and_no_other_made(started, monkeypatch, tmp_path):
    monkeypatch.setenv("SSMVIZ_PRESENTER_KEY", "correct-horse-battery")
    serve_with()
    assert started["environment"]["SSMVIZ_PRESENTER_KEY"] == "correct-horse-battery"
    assert not (tmp_path / "home" / "presenter.key").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("runs_per_persson = 2", "runs_per_persson"),
        ("runs_per_person = 0", "runs_per_person"),
        ("not toml", "TOML"),
        (None, "cannot be read"),
    ],
)
def test_a_classroom_that_is_wrong_is_explained_and_nothing_starts(started, capsys, tmp_path, text, words):
    file = tmp_path / "class.toml"
    if text is not None:
        file.write_text(text)
    assert serve_with("--classroom", str(file)) == 1
    assert words in capsys.readouterr().err
    assert not started


def test_a_home_that_cannot_be_written_to_is_no_place_for_a_class(started, capsys, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SSMVIZ_HOME", str(tmp_path / "file" / "home"))
    assert serve_with() == 1
    assert "cannot be written to" in capsys.readouterr().err
    assert not started


def test_a_port_in_use_ends_with_a_clear_text_before_anything_is_loaded():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        number = taken.getsockname()[1]
        command = [sys.executable, "-m", "ssmviz.serve", "--port", str(number)]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"port {number} cannot be used" in done.stderr
    assert "make serve PORT=" in done.stderr
    assert "Traceback" not in done.stderr


def test_people_are_told_an_address_that_others_can_open(monkeypatch):
    assert serve.names(Classroom(address="https://ssm.example.org/course"), "", ALL)[0] == "ssm.example.org"
    assert serve.names(Classroom(), "", "192.0.2.7")[0] == "192.0.2.7"
    here = serve.names(Classroom(), "", ALL)
    assert here[0] not in serve.EVERYWHERE
    assert socket.gethostname() in here
    with_key = serve.welcome(Classroom(address="https://ssm.example.org"), "https://ssm.example.org", "8501", "the key")
    assert "public?" not in with_key
    assert "sign in" in serve.welcome(Classroom(sign_in="oidc"), "http://x:1", "1", "")
