"""The one room of a server: who is in it, what its presenter shows, and how it votes. Kept in `classroom.db`.

A room is open until its presenter closes it, also across restarts; opened again it has another code. What a closed room
was asked and answered is kept until the next one opens.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from ssmviz.classroom import ballot
from ssmviz.classroom.ballot import Ballot, Question, RoomError
from ssmviz.classroom.guesses import Guesses
from ssmviz.runs.connections import Connections, create, transaction
from ssmviz.runs.locks import FileLock

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that is read as something else: no 0 O 1 I L
LENGTH = 6
PER_PERSON, PER_ADDRESS = 5, 60  # wrong codes a minute; a whole school may share one address
LONGEST_QUERY = 8192  # characters of a page's parameters
PAGE = re.compile(r"[a-z_]{0,40}")

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS rooms (
    number INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, title TEXT NOT NULL, opened REAL NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0, link TEXT, moves INTEGER NOT NULL DEFAULT 0, experiment TEXT,
    experiment_title TEXT NOT NULL DEFAULT '', asked TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 0,
    lent TEXT NOT NULL DEFAULT '[]')""",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_open_room ON rooms (closed) WHERE closed = 0",
    """CREATE TABLE IF NOT EXISTS members (
    room INTEGER NOT NULL, person TEXT NOT NULL, PRIMARY KEY (room, person)) WITHOUT ROWID""",
    *ballot.SCHEMA,
)


@dataclass(frozen=True)
class Link:
    """Where the presenter is. `serial` grows with every move."""

    page: str  # its path, "" for the start page
    query: str  # "two_views_r=0.9&lock=all"
    title: str
    serial: int


@dataclass(frozen=True)
class State:
    """An open room, or the last one that was closed. `version` grows when students' pages must change."""

    number: int
    code: str
    title: str
    link: Link | None
    experiment: str | None  # shown to everybody
    experiment_title: str
    asked: str  # name of the question that is asked now, "" for none
    version: int
    members: int
    questions: dict[str, Question]


class Room(Ballot):
    """Every method may be called from any thread, by every process that uses the same folder.

    Args:
        root: folder of `classroom.db`; the file is made when a room is opened for the first time.
        guesses: slows wrong codes.
    """

    def __init__(self, root: Path, guesses: Guesses | None = None) -> None:
        self.path = root / "classroom.db"
        self._guesses = guesses or Guesses()
        self._connections = Connections()

    # the room itself

    def open(self, title: str = "") -> State:
        """Open a room with a new code; the one that is open, if there is one."""
        self._create()
        code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        with transaction(self._db()) as db:
            if db.execute("SELECT 1 FROM rooms WHERE closed = 0").fetchone() is None:
                for table in ("members", "questions", "votes", "rooms"):
                    db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
                db.execute("INSERT INTO rooms (code, title, opened) VALUES (?, ?, ?)", (code, title[:80], time.time()))
        state = self.state()
        if state is None:
            raise RoomError("the room was closed by somebody else; open it again")
        return state

    def close(self) -> tuple[str, ...]:
        """End it for everybody; votes stay until the next room opens.

        Returns:
            The experiments that the class could see for this room's sake: no longer to be shared.
        """
        if not self.path.exists():
            return ()
        with transaction(self._db()) as db:
            row = db.execute("SELECT lent FROM rooms WHERE closed = 0").fetchone()
            db.execute("UPDATE rooms SET closed = number, experiment = NULL, asked = '', lent = '[]' WHERE closed = 0")
        return tuple(json.loads(row["lent"])) if row else ()

    def state(self, *, last: bool = False) -> State | None:
        """The room as it stands, None when none is open.

        Args:
            last: the one that was closed last, if none is open.
        """
        if not self.path.exists():
            return None
        where = "" if last else "WHERE closed = 0"
        row = self._db().execute(f"SELECT * FROM rooms {where} ORDER BY number DESC LIMIT 1").fetchone()  # noqa: S608
        if row is None:
            return None
        members = self._db().execute("SELECT count(*) FROM members WHERE room = ?", (row["number"],)).fetchone()[0]
        return State(
            number=row["number"],
            code=row["code"],
            title=row["title"],
            link=Link(**json.loads(row["link"]), serial=row["moves"]) if row["link"] else None,
            experiment=row["experiment"],
            experiment_title=row["experiment_title"],
            asked=row["asked"],
            version=row["version"],
            members=members,
            questions=self._questions(row["number"]),
        )

    def changes(self) -> int:
        """A number that changes, for this thread, when somebody else has written: cheap to poll."""
        return int(self._db().execute("PRAGMA data_version").fetchone()[0]) if self.path.exists() else -1

    # people

    def join(self, person: str, code: str, *, address: str = "") -> None:
        """Let a person in.

        Args:
            person: their id.
            code: as they typed it.
            address: where they come from, for the limit on wrong codes.

        Raises:
            RoomError: no room, another code, too many wrong ones, or nobody in particular.
        """
        limits = {f"person {person}": PER_PERSON, f"address {address}": PER_ADDRESS}
        if wait := self._guesses.wait(limits):
            raise RoomError(f"too many wrong codes; wait {wait} s, then type the code again")
        state = self.state()
        if state is None:
            raise RoomError("no room is open; wait for your teacher to open it")
        if not person:
            raise RoomError("your browser keeps no cookie of this page; allow cookies, then reload")
        typed = re.sub(r"[\s-]", "", code[:40]).upper()
        if not hmac.compare_digest(typed.encode(), state.code.encode()):
            self._guesses.note(limits)
            raise RoomError(f"this is not the code of the room; it has {LENGTH} letters and digits, never 0 O 1 I L")
        self._write("INSERT OR IGNORE INTO members VALUES (?, ?)", state.number, person)

    def leave(self, person: str) -> None:
        """Let a person out; their votes stay."""
        self._write("DELETE FROM members WHERE person = ?", person)

    def has(self, person: str) -> bool:
        """Whether a person is in the open room."""
        query = "SELECT 1 FROM members JOIN rooms ON number = room WHERE closed = 0 AND person = ?"
        return self.path.exists() and self._db().execute(query, (person,)).fetchone() is not None

    # what the presenter shows

    def show(self, page: str, query: str, title: str) -> None:
        """The presenter is on this page: who follows comes there, too.

        Raises:
            RoomError: no page of ours, or too long an address.
        """
        if not PAGE.fullmatch(page) or len(query) > LONGEST_QUERY:
            raise RoomError(f"a page's path and at most {LONGEST_QUERY} characters of parameters, got {page[:40]!r}")
        link = json.dumps({"page": page, "query": query, "title": title[:80]})
        self._change("link = ?, moves = moves + 1", link)

    def broadcast(self, experiment: str | None, title: str = "") -> None:
        """Show an experiment on every page of the class; None: show none."""
        self._change("experiment = ?, experiment_title = ?, version = version + 1", experiment, title[:80])

    def lend(self, experiment: str) -> None:
        """It is shared for as long as the room is open."""
        self._change("lent = json_insert(lent, '$[#]', ?)", experiment)

    # the file

    def _create(self) -> None:
        lock = FileLock(self.path.with_suffix(".lock"))
        if not lock.acquire(timeout=10):
            raise RoomError("another room is being opened; try again")
        try:
            create(self.path, SCHEMA)  # SQLite lets nobody wait for a file that becomes one with a log
        finally:
            lock.release()

    def _change(self, what: str, *values: object) -> None:
        """Of the open room; nothing when none is."""
        self._write(f"UPDATE rooms SET {what} WHERE closed = 0", *values)  # noqa: S608

    def _write(self, statement: str, *values: object) -> None:
        if self.path.exists():
            self._db().execute(statement, values)

    def _db(self) -> sqlite3.Connection:
        return self._connections.get(self.path)
