"""Start a server for a class: `python -m ssmviz.serve`, or `make serve`.

What Streamlit must be told stands in `deploy/streamlit.toml`, what the class is like in `deploy/classroom.toml`; here
the two are checked, and the first words printed. Secrets are kept in files and never printed.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ssmviz import home, port
from ssmviz.classroom.config import KEY_VARIABLE, VARIABLE, BadClassroom, Classroom, read_classroom

PROJECT = Path(__file__).parent.parent
DEPLOY = PROJECT / "deploy"
KEY_FILE = "presenter.key"
HOSTS = "SSMVIZ_HOSTS"
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - addresses that mean every network of this machine
PRESENT = "api/presenter"  # where presenters give their key


class CannotServe(Exception):  # noqa: N818 - a sentence for who starts the server
    """Nothing was started; the text says why and what to do."""


def flags(config: Path, hosts: Sequence[str], address: str, number: str, shown: str) -> list[str]:
    """Arguments of `streamlit run`.

    Args:
        config: Streamlit's options for a class, as in any `config.toml`.
        hosts: names that the server answers to.
        address: of the network card, "0.0.0.0" for all.
        number: of the port.
        shown: name that Streamlit prints.
    """
    found = [f"--{name}={value}" for name, value in _options(tomllib.loads(config.read_text()))]
    found += [f"--server.address={address}", f"--server.port={number}", f"--browser.serverAddress={shown}"]
    return [*found, *(f"--server.allowedHosts={host}" for host in hosts)]


def _options(table: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _options(value, f"{above}{name}.")
        else:
            for one in value if isinstance(value, list) else [value]:
                yield f"{above}{name}", str(one).lower() if isinstance(one, bool) else str(one)


def names(classroom: Classroom, given: str, address: str) -> list[str]:
    """Host names that people may use: those given, else of the classroom's address, else of this machine."""
    chosen = [name.strip() for name in given.split(",") if name.strip()]
    if not chosen and classroom.address:
        chosen = [urlsplit(classroom.address).hostname or ""]
    if not chosen:
        chosen = [_address_here(), socket.gethostname()] if address in EVERYWHERE else [address]
    return list(dict.fromkeys([*chosen, "localhost", "127.0.0.1"]))  # this machine asks for its own health


def _address_here() -> str:
    """The address under which others on the same network find this machine; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation: no machine has it
            return str(probe.getsockname()[0])
        except OSError:
            return "localhost"


def presenter_key(root: Path) -> tuple[str, Path]:
    """The key of this store's presenter, and the file it is in: made once, readable by its owner alone."""
    path = root / KEY_FILE
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(18))
    return path.read_text().strip(), path


def welcome(classroom: Classroom, url: str, number: str, key: str) -> str:
    """What is printed at the start; `key` says where the presenter's key is, not what it is."""
    present = f"open {url}/{PRESENT} and give {key}" if key else "sign in with one of the addresses in `presenters`"
    lines = {
        "students": f"open {url}, and join with the code or the QR code on the presenter's screen",
        "presenter": present,
        "health": f"http://localhost:{number}/api/health",
        "stop": "Ctrl-C: every run is saved first, and can be resumed",
    }
    if not classroom.address and not url.startswith("https"):
        lines["public?"] = "put it behind TLS first: docs/deployment.md"
    title = f" ({classroom.title})" if classroom.title else ""
    return f"ssmviz: a classroom{title} at {url}\n" + "".join(f"  {what:10} {how}\n" for what, how in lines.items())


def prepared(options: argparse.Namespace) -> tuple[list[str], dict[str, str], str]:
    """The command, what its environment has in addition, and the first words.

    Raises:
        CannotServe: the port is taken, or the classroom's file is wrong.
    """
    if problem := port.problem(options.port, command="make serve"):
        raise CannotServe(problem)
    more = {VARIABLE: str(options.classroom.expanduser().resolve())}
    try:
        classroom = read_classroom(more[VARIABLE]) or Classroom()
    except BadClassroom as bad:
        raise CannotServe(str(bad)) from None
    root, notice = home.prepare()
    if notice:
        raise CannotServe(notice)
    key = ""
    if classroom.sign_in == "none":
        key = "the presenter's key"
        if not classroom.presenter_key:
            more[KEY_VARIABLE], path = presenter_key(root)
            key = f"the key that is kept in {path}"
    hosts = names(classroom, options.hosts or os.environ.get(HOSTS, ""), options.address)
    url = classroom.address.rstrip("/") or f"http://{hosts[0]}:{options.port}"
    told = flags(options.streamlit, hosts, options.address, options.port, hosts[0])
    command = [sys.executable, "-m", "streamlit", "run", str(PROJECT / "app.py"), *told]
    return command, more, welcome(classroom, url, options.port, key)


def main(arguments: Sequence[str]) -> int:
    """Check, print, and become the server."""
    parser = argparse.ArgumentParser(prog="python -m ssmviz.serve", description="Start a server for a class.")
    parser.add_argument("--address", default="0.0.0.0", help="network card; 127.0.0.1 behind a proxy")  # noqa: S104
    parser.add_argument("--port", default="8501")
    parser.add_argument(
        "--hosts", default="", help=f"names that people use, with commas; {HOSTS} or found out when empty"
    )
    parser.add_argument(
        "--classroom", type=Path, default=Path(os.environ.get(VARIABLE) or DEPLOY / "classroom.toml"), help="its file"
    )
    parser.add_argument("--streamlit", type=Path, default=DEPLOY / "streamlit.toml", help="Streamlit's options")
    options, rest = parser.parse_known_args(arguments)  # what is left is Streamlit's
    try:
        command, more, words = prepared(options)
    except CannotServe as why:
        sys.stderr.write(f"ssmviz: {why}\n")
        return 1
    sys.stdout.write(words)
    sys.stdout.flush()
    os.chdir(PROJECT)
    if sys.platform == "win32":
        return subprocess.call([*command, *rest], env=os.environ | more)  # noqa: S603 - fixed words
    os.execve(command[0], [*command, *rest], os.environ | more)  # noqa: S606 - so that signals reach the server itself


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
