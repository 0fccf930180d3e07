"""What a class that listens costs its server: `python -m benchmarks.room`.

The app itself, thirty sockets of students and one of the presenter. Printed is processor time of the app's process:
what the room costs, whatever else the machine does. Votes are cast from here: the rerun of a click is not in it.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from websockets.sync.client import ClientConnection, connect

from benchmarks.browser import start
from ssmviz.classroom.config import KEY_VARIABLE, VARIABLE, Classroom
from ssmviz.classroom.people import COOKIE, Anonymous, read_key
from ssmviz.classroom.room import Room

KEY = "a-presenters-key"
TICK = os.sysconf("SC_CLK_TCK")
SETTLES = 5.0  # seconds after which the app has nothing left to do from its start


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def listen(socket: ClientConnection, heard: list[int]) -> None:
    """Note the length of every message."""
    for message in socket:
        heard.append(len(message))


def measure(pid: int, url: str, home: Path, students: int, seconds: int, stack: ExitStack) -> None:
    """Open the room, fill it, and print what each situation costs."""
    people, room = Anonymous(Classroom(presenter_key=KEY), read_key(home)), Room(home)
    code = room.open().code
    cookies = [people.new_cookie() for _ in range(students)]
    ids = [people({COOKIE: cookie}).id for cookie in cookies]
    heard: list[int] = []
    for person in ids:
        room.join(person, code)
    for cookie in [*cookies, str(people.presenter_cookie({}, KEY))]:
        headers = {"Cookie": f"{COOKIE}={cookie}"}
        address = f"{url.replace('http', 'ws')}/api/room/live"
        socket = stack.enter_context(connect(address, origin=url, additional_headers=headers, proxy=None))
        threading.Thread(target=listen, args=(socket, heard), daemon=True).start()

    def vote(second: int) -> None:
        for i, person in enumerate(ids):
            room.vote(person, "two_views", "How far?", ("a", "b", "c"), i * second % 3)

    situations = {
        "nothing happens": lambda second: None,
        "everybody votes every second": vote,
        "the presenter moves every second": lambda second: room.show("lab", f"lab_N={second + 1}", "Lab"),
    }
    time.sleep(SETTLES)
    print(f"{platform.machine()}, {os.cpu_count()} cores; {students} students and the presenter\n")
    print("| while | share of a core | messages | bytes |\n|---|---|---|---|")
    for words, act in situations.items():
        heard.clear()
        began, clock = cpu_seconds(pid), time.monotonic()
        for second in range(seconds):
            act(second)
            time.sleep(max(0.0, clock + second + 1 - time.monotonic()))
        share = (cpu_seconds(pid) - began) / (time.monotonic() - clock)
        print(f"| {words} | {share:.2%} | {len(heard)} | {sum(heard)} |")


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="for each situation")
    parser.add_argument("--students", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "class.toml").write_text("")
        os.environ |= {VARIABLE: str(home / "class.toml"), KEY_VARIABLE: KEY}
        app, url = start(home)
        try:
            with ExitStack() as stack:
                measure(app.pid, url, home, options.students, options.seconds, stack)
        finally:
            app.terminate()
            app.wait()


if __name__ == "__main__":
    main()
