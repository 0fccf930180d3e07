"""The queue as the store knows it: who waits, who works, and how much more somebody may ask for."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ssmviz.runs import fair, records
from ssmviz.runs.index import Index
from ssmviz.runs.quota import NotNow, Quota
from ssmviz.runs.records import ACTIVE, LIVE, Refused

SOON = 15  # seconds: a queue of short runs moves on
AT_ONCE, SLOTS, PLACES = "at_once", "slots", "places"


class Queue:
    """The part of the store that knows the queue."""

    _index: Index

    def _set_flags(self, values: dict[str, int]) -> None:
        raise NotImplementedError

    def run_at_once(self, runs: int) -> None:
        """Decide how many runs may compute at the same time; 0: as many as whoever starts them says."""
        self._set_flags({AT_ONCE: runs})

    def line(self, slots: int | None = None, places: int | None = None) -> fair.Line:
        """Who waits and who works now.

        Args:
            slots: runs that may compute at the same time, as whoever starts them says; everybody else leaves it out.
            places: runs that may be there, paused ones included.
        """
        query = (
            "SELECT r.id, r.experiment, r.state, r.failures, e.owner, e.most, c.paused FROM runs r"
            " JOIN experiments e ON e.id = r.experiment LEFT JOIN control c ON c.experiment = r.experiment"
            " WHERE r.state IN (?, ?, ?) ORDER BY r.number"
        )
        live = self._index.all(query, *LIVE)
        active = [row for row in live if row["state"] in ACTIVE]
        begun = {row["experiment"] for row in active} | {row["experiment"] for row in live if row["failures"]}
        queued: dict[str, list[Any]] = {}
        for row in live:
            if row["state"] == "queued":
                queued.setdefault(row["experiment"], []).append(row)
        waiting = tuple(
            fair.Waiting(id_, rows[0]["owner"], tuple(row["id"] for row in rows), id_ in begun, rows[0]["most"])
            for id_, rows in queued.items()
        )
        busy = Counter(row["owner"] for row in active if not row["paused"])
        held = Counter(row["owner"] for row in active)
        return fair.Line(waiting, busy, held, *self._room(slots, places)) if waiting else fair.Line((), busy, held)

    def slots(self, said: int | None = None) -> int:
        """Runs that may compute at the same time: as was decided, or as who starts them says, or said last."""
        return self._room(said, None)[0]

    def _room(self, slots: int | None, places: int | None) -> tuple[int, int]:
        """Slots and places. What the launcher says is kept for those who only look."""
        flags = {row["key"]: int(row["value"]) for row in self._index.all("SELECT key, value FROM flags")}
        if slots is not None and places is not None:
            said = {SLOTS: slots, PLACES: places}
            if said != {key: flags.get(key) for key in said}:
                self._set_flags(said)
        slots = flags.get(SLOTS, fair.slots()) if slots is None else slots
        places = flags.get(PLACES, fair.MAX_WORKERS) if places is None else places
        return min(flags.get(AT_ONCE) or slots, places), places

    def check_queue(self, owner: str, runs: int, quota: Quota) -> None:
        """Whether somebody may have `runs` more in the queue.

        Raises:
            Refused: too many wait already, of this person or of everybody.
        """
        query = "FROM runs r JOIN experiments e ON e.id = r.experiment WHERE r.state = 'queued'"
        counts = self._index.all(f"SELECT count(*) AS everybody, sum(e.owner = ?) AS mine {query}", owner)[0]
        everybody, mine = counts["everybody"], counts["mine"] or 0
        if quota.waiting and mine and mine + runs > quota.waiting:  # an experiment larger than the limit waits alone
            allowed = f"one person may have {quota.waiting}"
            do = "wait until they start, or stop some"
            raise NotNow(f"{mine} of your runs are waiting already, {allowed}; {do}", SOON)
        if mine + runs > records.MAX_QUEUED or everybody + runs > records.MAX_QUEUED_IN_ALL:
            raise NotNow(f"{everybody} runs are waiting already; try again when some are done", SOON)

    def check_kept(self, owner: str, quota: Quota) -> None:
        """Whether somebody may keep one experiment more.

        Raises:
            Refused: they keep too many.
        """
        mine = "WHERE owner = ? AND key NOT LIKE 'sweep:%'"  # those of sweeps are counted with their sweep
        kept = self._index.all(f"SELECT count(*) AS count FROM experiments {mine}", owner)[0]["count"]  # noqa: S608
        if quota.kept and kept >= quota.kept:
            words = "1 experiment" if kept == 1 else f"{kept} experiments"
            raise Refused(f"you keep {words}, as many as one person may; delete old ones on the page Runs")
