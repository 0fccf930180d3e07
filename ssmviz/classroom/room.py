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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmviz.classroom.guesses import Guesses
from ssmviz.runs.connections import Connections, create, transaction

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that is read as something else: no 0 O 1 I L
LENGTH = 6
PER_PERSON, PER_ADDRESS = 5, 60  # wrong codes a minute; a whole school may share one address
LONGEST_QUERY, LONGEST_TEXT, MOST_OPTIONS = 8192, 300, 12
PAGE = re.compile(r"[a-z_]{0,40}")

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS rooms (
    number INTEGER PRIMARY KEY AUTOINCREMENT, code TEXT NOT NULL, title TEXT NOT NULL, opened REAL NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0, link TEXT, moves INTEGER NOT NULL DEFAULT 0, experiment TEXT,
    experiment_title TEXT NOT NULL DEFAULT '', asked TEXT NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 0)""",
    "CREATE UNIQUE INDEX IF NOT EXISTS one_open_room ON rooms (closed) WHERE closed = 0",
    """CREATE TABLE IF NOT EXISTS members (
    room INTEGER NOT NULL, person TEXT NOT NULL, PRIMARY KEY (room, person)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS questions (
    room INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, options TEXT NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0, shown INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (room, name)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS votes (
    room INTEGER NOT NULL, question TEXT NOT NULL, person TEXT NOT NULL, choice INTEGER NOT NULL,
    PRIMARY KEY (room, question, person)) WITHOUT ROWID""",
)


class RoomError(ValueError):
    """It cannot be done; the text says why, to the person who asked."""


@dataclass(frozen=True)
class Link:
    """Where the presenter is. `serial` grows with every move."""

    page: str  # its path, "" for the start page
    query: str  # "two_views_r=0.9&lock=all"
    title: str
    serial: int


@dataclass(frozen=True)
class Question:
    """A predict step and how the class has answered; `counts` has one number for each of `options`."""

    name: str
    text: str
    options: tuple[str, ...]
    closed: bool
    shown: bool
    counts: tuple[int, ...]


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


class Room:
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
        create(self.path, SCHEMA)
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

    def close(self) -> None:
        """End it for everybody; votes stay until the next room opens."""
        self._change("closed = number, experiment = NULL, asked = ''")

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
            link=Link(*json.loads(row["link"]), row["moves"]) if row["link"] else None,
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
        link = json.dumps([page, query, title[:80]])
        self._change("link = ?, moves = moves + 1", link)

    def broadcast(self, experiment: str | None, title: str = "") -> None:
        """Show an experiment on every page of the class; None: show none."""
        self._change("experiment = ?, experiment_title = ?, version = version + 1", experiment, title[:80])

    def is_broadcast(self, experiment: str) -> bool:
        """Whether everybody may look at it now."""
        state = self.state()
        return state is not None and state.experiment == experiment

    # questions and votes

    def ask(self, name: str, text: str, options: Sequence[str]) -> None:
        """Ask the class this question now; votes of before stay.

        Raises:
            RoomError: no room is open.
        """
        with transaction(self._db()) as db:
            number = _number(db)
            _know(db, number, name, text, options)
            db.execute("UPDATE questions SET closed = 0, shown = 0 WHERE room = ? AND name = ?", (number, name))
            db.execute("UPDATE rooms SET asked = ?, version = version + 1 WHERE number = ?", (name, number))

    def close_question(self, name: str) -> None:
        """No vote counts or changes any more."""
        self._set_question(name, "closed = 1")

    def reveal(self, name: str, shown: bool = True) -> None:
        """Show the class how it has voted; voting ends with it. Or take the histogram away again."""
        self._set_question(name, "closed = 1, shown = 1" if shown else "shown = 0")

    def vote(self, person: str, name: str, text: str, options: Sequence[str], choice: int | None) -> bool:
        """One vote of one person, in place of an earlier one; None takes it back.

        Args:
            person: id of a member.
            name: of the question.
            text: what the page asks, for the presenter's list.
            options: what the page offers.
            choice: index into them.

        Returns:
            Whether it counts: not after the question was closed, nor from who is not in the room.

        Raises:
            RoomError: no such choice.
        """
        if choice is not None and not 0 <= choice < len(options):
            raise RoomError(f"choose one of {len(options)} answers, got number {choice}")
        with transaction(self._db()) as db:
            number = _number(db)
            if db.execute("SELECT 1 FROM members WHERE room = ? AND person = ?", (number, person)).fetchone() is None:
                return False
            _know(db, number, name, text, options)
            key = (number, name)
            if db.execute("SELECT closed FROM questions WHERE room = ? AND name = ?", key).fetchone()[0]:
                return False
            db.execute("DELETE FROM votes WHERE room = ? AND question = ? AND person = ?", (*key, person))
            if choice is not None:
                db.execute("INSERT INTO votes VALUES (?, ?, ?, ?)", (*key, person, choice))
        return True

    def vote_of(self, person: str, name: str) -> int | None:
        """What a person has voted in the open room."""
        query = "SELECT choice FROM votes JOIN rooms ON number = room WHERE closed = 0 AND question = ? AND person = ?"
        row = self._db().execute(query, (name, person)).fetchone() if self.path.exists() else None
        return None if row is None else int(row[0])

    def ballots(self, number: int) -> list[tuple[str, str, int]]:
        """(question, person, choice) of every vote in a room."""
        query = "SELECT question, person, choice FROM votes WHERE room = ? ORDER BY question, person"
        return [tuple(row) for row in self._db().execute(query, (number,))]

    # the file

    def _questions(self, number: int) -> dict[str, Question]:
        counts: dict[str, dict[int, int]] = {}
        grouped = "SELECT question, choice, count(*) FROM votes WHERE room = ? GROUP BY question, choice"
        for name, choice, count in self._db().execute(grouped, (number,)):
            counts.setdefault(name, {})[choice] = count
        found = {}
        for row in self._db().execute("SELECT * FROM questions WHERE room = ? ORDER BY name", (number,)):
            options, mine = tuple(json.loads(row["options"])), counts.get(row["name"], {})
            votes = tuple(mine.get(i, 0) for i in range(len(options)))
            words = (row["name"], row["text"], options)
            found[row["name"]] = Question(*words, bool(row["closed"]), bool(row["shown"]), votes)
        return found

    def _set_question(self, name: str, change: str) -> None:
        with transaction(self._db()) as db:
            number = _number(db)
            db.execute(f"UPDATE questions SET {change} WHERE room = ? AND name = ?", (number, name))  # noqa: S608
            db.execute("UPDATE rooms SET version = version + 1 WHERE number = ?", (number,))

    def _change(self, what: str, *values: object) -> None:
        """Of the open room; nothing when none is."""
        self._write(f"UPDATE rooms SET {what} WHERE closed = 0", *values)  # noqa: S608

    def _write(self, statement: str, *values: object) -> None:
        if self.path.exists():
            self._db().execute(statement, values)

    def _db(self) -> sqlite3.Connection:
        return self._connections.get(self.path)


def _number(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT number FROM rooms WHERE closed = 0").fetchone()
    if row is None:
        raise RoomError("the room is closed")
    return int(row[0])


def _know(db: sqlite3.Connection, number: int, name: str, text: str, options: Sequence[str]) -> None:
    """What the page asks, as it stands in the page."""
    words = json.dumps([option[:LONGEST_TEXT] for option in options[:MOST_OPTIONS]])
    db.execute(
        "INSERT INTO questions (room, name, text, options) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (room, name) DO UPDATE SET text = excluded.text, options = excluded.options",
        (number, name, text[:LONGEST_TEXT], words),
    )
