"""What the class of a room is asked, and how it votes: one vote of one person for a question, in `classroom.db`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmviz.runs.connections import transaction

LONGEST_TEXT = 300  # characters of a question or an answer

SCHEMA = (
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
class Question:
    """A predict step and how the class has answered; `counts` has one number for each of `options`."""

    name: str
    text: str
    options: tuple[str, ...]
    closed: bool
    shown: bool
    counts: tuple[int, ...]


class Ballot:
    """The part of a room that votes."""

    path: Path

    def _db(self) -> sqlite3.Connection:
        """This thread's connection; FileNotFoundError before a room was ever opened."""
        raise NotImplementedError

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


def _number(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT number FROM rooms WHERE closed = 0").fetchone()
    if row is None:
        raise RoomError("the room is closed")
    return int(row[0])


def _know(db: sqlite3.Connection, number: int, name: str, text: str, options: Sequence[str]) -> None:
    """What the page asks, as it stands in the page."""
    words = json.dumps([option[:LONGEST_TEXT] for option in options])
    db.execute(
        "INSERT INTO questions (room, name, text, options) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (room, name) DO UPDATE SET text = excluded.text, options = excluded.options",
        (number, name, text[:LONGEST_TEXT], words),
    )
