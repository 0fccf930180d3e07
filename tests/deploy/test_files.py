"""What a server is set up with agrees with the app, with itself, and with the tools that read it."""

import ast
import base64
import configparser
import hashlib
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import streamlit
from streamlit import config

from ssmviz.classroom.config import Classroom, read_classroom
from ssmviz.serve import DEPLOY, PROJECT, flags

CONTAINER = (DEPLOY / "Containerfile").read_text()
CADDY = (DEPLOY / "Caddyfile").read_text()
UNIT = (DEPLOY / "ssmviz.service").read_text()
STREAMLIT = tomllib.loads((DEPLOY / "streamlit.toml").read_text())
LOCAL = tomllib.loads((PROJECT / ".streamlit/config.toml").read_text())
INDEX = (Path(streamlit.__file__).parent / "static/index.html").read_text()


def instructions():
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in CONTAINER.splitlines() if not line.startswith("#")))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def last(name):
    return [text for word, text in instructions() if word == name][-1]


def copied():
    """Paths of this project that an image has."""
    for word, text in instructions():
        if word == "COPY" and not text.startswith("--from"):
            yield from text.split()[:-1]


# Streamlit's options


def test_every_option_is_one_that_the_installed_streamlit_has():
    told = flags(DEPLOY / "streamlit.toml", ["a.example"], "127.0.0.1", "8501", "a.example")
    for flag in told:
        option = config._config_options_template[flag.removeprefix("--").partition("=")[0]]
        assert not option.deprecated, flag
        assert not option.sensitive, "a secret on a command line can be read by everybody on the machine"


@pytest.mark.parametrize("table", [STREAMLIT, LOCAL], ids=["classroom", "local"])
def test_a_server_gives_strangers_as_little_as_it_can(table):
    wanted = {
        "server": {
            "maxUploadSize": 16,
            "maxMessageSize": 32,
            "maxWidgetStateSize": 2,
            "fileWatcherType": "none",
            "enableStaticServing": False,
            "enableXsrfProtection": True,
            "enableCORS": True,
            "headless": True,
        },
        "client": {"showErrorDetails": "none", "toolbarMode": "viewer"},
        "browser": {"gatherUsageStats": False},
    }
    for section, options in wanted.items():
        assert options.items() <= table[section].items()


def test_the_local_default_answers_to_this_machine_alone():
    assert LOCAL["server"]["address"] == "localhost"
    assert set(LOCAL["server"]["allowedHosts"]) == {"localhost", "127.0.0.1", "::1"}


# the class


def test_the_example_of_a_classroom_is_valid_and_has_no_secret(monkeypatch):
    monkeypatch.delenv("SSMVIZ_PRESENTER_KEY", raising=False)
    classroom = read_classroom(DEPLOY / "classroom.toml")
    assert classroom.presenter_key == ""
    assert classroom.runs_per_person == Classroom().runs_per_person


def test_the_document_names_every_key_of_a_classroom():
    text = (PROJECT / "docs/deployment.md").read_text()
    assert [name for name in Classroom.model_fields if f"`{name}`" not in text] == []


# the container


def test_everything_that_an_image_copies_is_in_the_project():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=False
    ).stdout.split()
    for path in copied():
        assert list(PROJECT.glob(path)), path
        folder = path.removesuffix("*.md")
        assert not tracked or any(name == path or name.startswith(folder) for name in tracked), path


def test_an_image_has_every_package_of_ours_that_the_app_imports():
    have = {path.split("/")[0].removesuffix(".py") for path in copied()}
    used = set()
    for path in (path for name in ("app.py", "pages", "ssmviz", "kernels") for path in files(PROJECT / name)):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            used |= {name.split(".")[0] for name in names}
    ours = {path.name.removesuffix(".py") for path in PROJECT.iterdir() if (path / "__init__.py").exists()}
    assert used & ours - have == set()


def files(path):
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def test_an_image_runs_as_nobody_and_keeps_only_the_volume():
    assert last("USER") not in ("root", "0")
    environment = dict(pair.split("=", 1) for pair in last("ENV").split())
    assert environment["SSMVIZ_HOME"] == last("VOLUME")
    assert not [name for name in environment if "KEY" in name or "SECRET" in name]
    words = [word for word, _ in instructions()]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word in ("RUN", "COPY"))
    assert all(text.startswith("python:3.11-") for word, text in instructions() if word == "FROM")


def test_everybody_means_the_same_port_and_the_same_health():
    ports = {last("EXPOSE"), ast.literal_eval(last("CMD"))[-1]}
    ports |= set(re.findall(r"127\.0\.0\.1:(\d+)", last("HEALTHCHECK") + CADDY))
    ports |= set(re.findall(r"--port (\d+)", UNIT)) | set(re.findall(r"^PORT +\?= (\d+)", makefile(), re.MULTILINE))
    assert ports == {"8501"}
    assert "/api/health'" in last("HEALTHCHECK")
    assert '"{base}/api/health"' in (PROJECT / "ssmviz/live/routes.py").read_text().replace("f'", 'f"')


def makefile():
    return (PROJECT / "Makefile").read_text()


# systemd


def test_the_unit_may_write_its_own_folders_and_nothing_else():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(UNIT)
    service = parser["Service"]
    hardened = {
        "DynamicUser": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "NoNewPrivileges": "yes",
        "CapabilityBoundingSet": "",
        "StateDirectory": "ssmviz",
    }
    assert hardened.items() <= dict(service).items()
    assert "SSMVIZ_HOME=/var/lib/ssmviz" in UNIT
    assert "KEY" not in "".join(line for line in UNIT.splitlines() if not line.startswith("#"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path):
    unit = tmp_path / "ssmviz.service"  # the paths of a server are not those of this machine
    unit.write_text(UNIT.replace("/opt/ssmviz/.venv/bin/python", "/usr/bin/env").replace("=/opt/ssmviz\n", "=/\n"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# the proxy


def test_the_proxy_forbids_all_scripts_but_the_apps_own():
    policy = re.search(r'Content-Security-Policy "(.*)"', CADDY)[1]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";")}
    inside = re.findall(r"<script>(.*?)</script>", INDEX, re.DOTALL)
    digests = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inside}
    assert set(rules["script-src"]) == {"'self'", "blob:"} | digests
    assert rules["default-src"] == ["'none'"]
    assert rules["frame-ancestors"] == ["'none'"]
    assert "'unsafe-eval'" not in policy


def test_the_proxy_sends_the_headers_of_a_public_server_and_logs_nobody():
    for header in (
        "Strict-Transport-Security",
        "X-Content-Type-Options nosniff",
        "Referrer-Policy",
        "Permissions-Policy",
    ):
        assert header in CADDY
    assert int(re.search(r"max_size (\d+)MB", CADDY)[1]) == STREAMLIT["server"]["maxUploadSize"] + 1
    for field in ("request>remote_ip delete", "request>headers delete", 'request>uri regexp "\\?.*" ""'):
        assert field in CADDY


@pytest.mark.skipif(shutil.which("caddy") is None, reason="no Caddy here")
def test_caddy_understands_its_file(tmp_path):
    command = [shutil.which("caddy"), "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
