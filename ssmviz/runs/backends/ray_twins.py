"""Runs of one experiment march together although they are on several machines: a twin says when it has caught up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayError

from ssmviz.runs.twins import LEAD

SECONDS = 0.5  # a twin answers by then, caught up or not
AHEAD = LEAD // 2  # steps in advance of need, so that the answer is there when it counts
SEARCH_SECONDS = 0.1  # between two looks for a twin that has not begun


@dataclass
class Twin:
    """Another run's actor, as seen from here."""

    actor: Any = None
    step: int = 0  # it had done at least so many when it last answered
    asked: Any = None
    gone: bool = False
    next_search: float = 0.0


class RayTwins:
    """See `driver.March`; runs are named by their actors."""

    def __init__(self) -> None:
        self._twins: dict[str, Twin] = {}

    def set(self, runs: tuple[str, ...]) -> None:
        """Who they are now."""
        self._twins = {name: self._twins.get(name) or Twin() for name in runs}

    def are_far_behind(self, step: int) -> bool:
        """Whether a run at `step` must wait. A twin whose process is gone holds nobody up."""
        behind = [self._is_far_behind(name, twin, step) for name, twin in self._twins.items()]  # all are asked at once
        return any(behind)

    def _is_far_behind(self, name: str, twin: Twin, step: int) -> bool:
        if twin.gone or step - twin.step <= AHEAD:
            return False
        self._ask(name, twin, step - AHEAD)
        return not twin.gone and step - twin.step > LEAD

    def _ask(self, name: str, twin: Twin, step: int) -> None:
        if twin.asked is not None and ray.wait([twin.asked], timeout=0)[0]:
            asked, twin.asked = twin.asked, None
            try:
                twin.step = max(twin.step, ray.get(asked))
            except ActorUnavailableError:
                pass
            except RayError:
                twin.gone = True
        if twin.actor is None and time.monotonic() >= twin.next_search:
            twin.next_search = time.monotonic() + SEARCH_SECONDS
            try:
                twin.actor = ray.get_actor(name)
            except ValueError:
                return
        if twin.asked is None and twin.actor is not None and twin.step < step:
            twin.asked = twin.actor.reached.remote(step, SECONDS)
