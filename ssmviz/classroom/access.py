"""Whose a run is: what one person may see, touch and start. Routes and pages ask here before anything else.

What a person may not see is absent for them, in the same words as what never was.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress

from ssmviz.classroom.config import Classroom
from ssmviz.classroom.people import Person
from ssmviz.runs.client import Client
from ssmviz.runs.quota import UNLIMITED, Quota
from ssmviz.runs.records import RESUMABLE, ExperimentRow, Refused
from ssmviz.runs.store import Store
from ssmviz.runs.view import ExperimentView, Library, StoredExperiment, Summary
from ssmviz.settings import TrainSettings

MOST_LISTED = 50

audit = logging.getLogger("ssmviz.audit")


class NotYours(Refused):
    """It may be looked at, not changed."""


class NotKnown(Refused):
    """Somebody who is not signed in asks for what only people of the class may do."""


def may_see(person: Person, experiment: ExperimentRow) -> bool:
    """Whether it exists for this person."""
    return may_touch(person, experiment) or (experiment.shared and person.is_known)


def may_touch(person: Person, experiment: ExperimentRow) -> bool:
    """Whether this person may steer, stop, share and delete it."""
    return person.presents or (person.is_known and person.id == experiment.owner)


def quota_of(person: Person, classroom: Classroom | None) -> Quota:
    """How much a person may use: in a classroom presenters are bound by the clock alone."""
    if classroom is None:
        return UNLIMITED
    if person.presents:
        return Quota(wall_s=classroom.wall_seconds)
    return Quota(
        running=classroom.runs_per_person,
        waiting=classroom.runs_waiting_per_person,
        kept=classroom.experiments_per_person,
        per_hour=classroom.submits_per_hour,
        wall_s=classroom.wall_seconds,
    )


class Access:
    """The runs of a server, as far as one person is concerned.

    Args:
        person: who asks.
        client: steers runs.
        library: reads them.
        quota: of this person.
    """

    def __init__(self, person: Person, client: Client, library: Library, quota: Quota = UNLIMITED) -> None:
        self.person = person
        self._client = client
        self._library = library
        self._quota = quota

    @property
    def store(self) -> Store:
        """Of everybody's runs: for what is known to be this person's."""
        return self._client.store

    # looking

    def view(self, experiment: str) -> ExperimentView:
        """The experiment of this id, or the recording of this name.

        Raises:
            Refused: neither a UUID nor the name of a recording.
            KeyError: there is none that this person may see.
        """
        return self._seen(self._library.view(experiment), f"there is no experiment {experiment}")

    def view_of_run(self, run: str) -> ExperimentView:
        """The experiment that a run belongs to; raises as `view`."""
        return self._seen(self._library.view_of_run(run), f"there is no run {run}")

    def summaries(self) -> list[Summary]:
        """What this person may see of what was trained or imported here, newest first."""
        store, found = self._client.store, []
        if not self.person.is_known:
            return []
        owner = None if self.person.presents else self.person.id
        for experiment in store.experiments(MOST_LISTED, seen_by=owner):
            with suppress(KeyError):  # deleted since
                found.append(StoredExperiment(store, experiment.id).summary())
        return [summary for summary in found if summary.runs]

    def may_touch(self, experiment: ExperimentRow) -> bool:
        """See the function of this name."""
        return may_touch(self.person, experiment)

    def _seen(self, view: ExperimentView, absent: str) -> ExperimentView:
        if isinstance(view, StoredExperiment) and not may_see(self.person, self._client.store.experiment(view.id)):
            raise KeyError(f"{absent}; it may have been deleted")
        return view

    # touching

    def touch(self, experiment: str) -> ExperimentRow:
        """The row of an experiment that is about to be changed.

        Raises:
            KeyError: there is none that this person may see.
            NotYours: it is shared, to be looked at.
        """
        row = self._client.store.experiment(experiment)
        if not may_see(self.person, row):
            raise KeyError(f"there is no experiment {experiment}; it may have been deleted")
        if not may_touch(self.person, row):
            raise NotYours("this run is somebody else's: look at it as you like, and press Train for one of your own")
        return row

    def start(
        self,
        title: str,
        runs: Sequence[tuple[str, TrainSettings]],
        *,
        key: str | None = None,
        preset: str | None = None,
    ) -> ExperimentRow:
        """Start an experiment of this person: see `Client.start_experiment`.

        Raises:
            NotKnown: nobody is signed in.
            Refused: settings out of bounds, or more than this person may use now.
        """
        self._must_be_known()
        owner, quota = self.person.id, self._quota
        row = self._client.start_experiment(title, runs, key=key, preset=preset, owner=owner, quota=quota)
        self.note("started", row.id)
        return row

    def restart(self, experiment: str) -> ExperimentRow:
        """Train it again, as an experiment of this person. A recording may be restarted by everybody who is known."""
        self._must_be_known()
        self.touch(experiment)
        row = self._client.restart(experiment, owner=self.person.id, quota=self._quota)
        self.note("restarted", experiment)
        self.note("started", row.id)
        return row

    def resume(self, experiment: str) -> None:
        """Go on with every run of it that can go on.

        Raises:
            Refused: there is none, or this person has too many at work.
        """
        self.touch(experiment)
        runs = [run for run in self._client.store.runs_of(experiment) if run.state in RESUMABLE]
        if not runs:
            raise Refused("no run of this experiment can be resumed; restart it instead")
        for run in runs:
            self._client.resume_run(run.id, quota=self._quota)
        self.note("resumed", experiment)

    def stop(self, experiment: str) -> None:
        """End its runs; each saves a checkpoint first."""
        self.touch(experiment)
        self._client.stop(experiment)
        self.note("stopped", experiment)

    def delete(self, experiment: str) -> None:
        """Stop its runs and remove everything about it."""
        self.touch(experiment)
        self._client.delete(experiment)
        self.note("deleted", experiment)

    def share(self, experiment: str, *, on: bool = True) -> None:
        """Let everybody look at it, or nobody else any more."""
        self.touch(experiment)
        self._client.store.share(experiment, on)
        self.note("shared" if on else "unshared", experiment)

    def note(self, did: str, experiment: str) -> None:
        """One line of the log: who, by a digest that only this server can make, did what. No names, no addresses."""
        if self.person.id:
            audit.info("%s %s %s", self.person.id[:8], did, experiment)

    def _must_be_known(self) -> None:
        if not self.person.is_known:
            raise NotKnown("sign in first, or reload the page: nothing is started for somebody unknown")
