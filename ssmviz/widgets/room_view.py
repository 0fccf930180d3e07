"""What every page shows of the class's room: the bar, the run that is shown to all, and the vote of a predict step.

On a server without a classroom none of it exists, and none of it costs anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from ssmviz.classroom.ballot import RoomError
from ssmviz.classroom.room import Link, Room, State
from ssmviz.widgets import services
from ssmviz.widgets.component import Component
from ssmviz.widgets.live_view import live_view
from ssmviz.widgets.markdown import plain
from ssmviz.widgets.train_panel import chosen_run

OURS = {"show", "code"}  # parameters that are the presenter's own
APART = {"present", "join"}  # pages where no class is led
ALONG = "room_along"
LED = "_room_run"  # the run that the presenter's bar knows of

_bar = Component("ssmviz.room_bar", "room/bar.js", "room/room.css")
_votes = Component("ssmviz.room_votes", "room/votes.js", "room/room.css")


def bar(page: StreamlitPage, site: Mapping[str, Sequence[StreamlitPage]]) -> None:
    """Above every page, for who is in the open room.

    Args:
        page: the one that runs now.
        site: all pages, by section: where the presenter may lead to.
    """
    room, state = _open_room()
    if room is None or state is None:
        return
    if services.person().presents:
        _lead(room, state, page)
    else:
        _follow(state, site)


def settle() -> None:
    """After every page: the presenter's bar has heard of a run that the page has just started."""
    if st.session_state.pop(LED, None) not in (None, st.query_params.get("run", "")):
        st.rerun()


def _lead(room: Room, state: State, page: StreamlitPage) -> None:
    """The presenter's bar: who is here, and what the class sees."""
    st.session_state[LED] = st.query_params.get("run", "")
    with st.container(horizontal=True, vertical_alignment="center", key="room_lead"):
        st.markdown(f":material/groups: **{state.code}**", width="content")
        _bar(_data(state, presents=True), key="room_bar", on_changed_change=_nothing, width="content")
        if page.url_path not in APART:
            _lead_here(room, state, page)
        run, _ = chosen_run()
        if run and run != state.experiment and st.button("Show this run", key="room_run", icon=":material/cast:"):
            show_run(run)
            st.rerun()
        stoppable = state.experiment and page.url_path not in APART
        if stoppable and st.button("Stop showing the run", key="room_stop", icon=":material/cancel:"):
            room.broadcast(None)
            st.rerun()


def _lead_here(room: Room, state: State, page: StreamlitPage) -> None:
    """Send the class to this page, or take it along from page to page."""
    here = page.url_path, urlencode({k: v for k, v in st.query_params.items() if k not in OURS})
    sent = state.link is not None and (state.link.page, state.link.query) == here
    words = "The class is sent here" if sent else "Send the class here"
    pressed = st.button(words, key="room_show", disabled=sent, icon=":material/send:")
    st.session_state[ALONG] = st.session_state.get(ALONG, False)  # it outlives pages without it
    along = st.toggle("Take it along", key=ALONG, help="Every page that you open is where the class is sent.")
    if not sent and (pressed or along):
        run, _ = chosen_run()
        if run:
            _lend(room, run)
        room.show(*here, page.title)
        st.rerun()


def _follow(state: State, site: Mapping[str, Sequence[StreamlitPage]]) -> None:
    """A student's bar, and the run that is shown to all."""
    told = _bar(_data(state, presents=False), key="room_bar", on_changed_change=_nothing, on_follow_change=_nothing)
    if getattr(told, "follow", None) and state.link:
        go_to(state.link, site)
    if state.experiment is None or st.query_params.get("run") == state.experiment:
        return
    with st.expander(f"Shown to the class: {plain(state.experiment_title)}", expanded=True, icon=":material/cast:"):
        try:
            live_view(state.experiment, key="room_shown", controls=False, autoplay=False)
        except KeyError:
            st.caption("This run was deleted.")


def go_to(link: Link, site: Mapping[str, Sequence[StreamlitPage]]) -> None:
    """Go where the presenter is."""
    for page in (page for section in site.values() for page in section):
        if page.url_path == link.page:
            st.switch_page(page, query_params=dict(parse_qsl(link.query)))


def show_run(experiment: str) -> None:
    """Show a run to the class; whoever it belongs to, all may look at it until the room closes."""
    room = services.room()
    if room:
        room.broadcast(experiment, _lend(room, experiment))


def _lend(room: Room, experiment: str) -> str:
    """Let the class look at an experiment while the room is open. Returns its title."""
    access = services.access()
    row = access.view(experiment).summary().experiment
    if not row.read_only and not row.shared:
        access.share(experiment)
        room.lend(experiment)
    return row.title


def close_room() -> None:
    """End it for everybody, and take back what was shared for it."""
    room, access = services.room(), services.access()
    for experiment in room.close() if room else ():
        with suppress(KeyError):  # deleted since
            access.share(experiment, on=False)


def histogram(name: str, options: Sequence[str], *, key: str) -> None:
    """How the class has voted: live for presenters, for students once it is shown."""
    data = _data(None, presents=services.person().presents)
    _votes(data | {"question": name, "options": json.dumps(list(options))}, key=key)


class Vote:
    """One person's part in a predict step; outside a room it says nothing and changes nothing.

    Args:
        name: of the question.
        question: what the page asks.
        options: the answers that it offers.
    """

    def __init__(self, name: str, question: str, options: Sequence[str]) -> None:
        self._name, self._question, self._options = name, question, tuple(options)
        self._room, self._state = _open_room()
        self._person = services.person() if self._room else None
        asked = self._state.questions.get(name) if self._state else None
        self._presents = bool(self._person and self._person.presents)
        self.closed = bool(asked and asked.closed) and not self._presents
        self._shown = bool(asked and asked.shown)
        self._last = f"_{name}_voted_{self._state.number if self._state else 0}"  # in this tab and this room
        self.own = st.session_state.setdefault(self._last, self._voted())

    @property
    def waits(self) -> bool:
        """The class is asked now: what is right is said when the teacher shows it."""
        asked_now = self._state is not None and self._state.asked == self._name
        return asked_now and not self._presents and not self._shown

    def cast(self, guess: str | None) -> None:
        """Count a student's choice; draw what there is to see of all."""
        if self._room is None or self._person is None:
            return
        if not self._presents and guess != self.own and not self.closed:
            st.session_state[self._last] = guess
            choice = None if guess is None else self._options.index(guess)
            with suppress(RoomError):  # closed in this very moment: the bar says so
                self._room.vote(self._person.id, self._name, self._question, self._options, choice)
        histogram(self._name, self._options, key=f"{self._name}_votes")
        if self._presents:
            self._steer(self._room)

    def _voted(self) -> str | None:
        """What this person has voted before, perhaps in another tab."""
        if self._room is None or self._person is None or self._presents:
            return None
        choice = self._room.vote_of(self._person.id, self._name)
        return None if choice is None or choice >= len(self._options) else self._options[choice]

    def _steer(self, room: Room) -> None:
        """The presenter's buttons."""
        state = self._state
        asked = state.questions.get(self._name) if state else None
        with st.container(horizontal=True):
            if not (asked and state and state.asked == self._name and not asked.closed):
                words = "Ask again" if asked and asked.closed else "Ask the class"
                if st.button(words, key=f"{self._name}_ask", icon=":material/how_to_vote:"):
                    room.ask(self._name, self._question, self._options)
                    st.rerun()
            elif st.button("Close the vote", key=f"{self._name}_close", icon=":material/lock:"):
                room.close_question(self._name)
                st.rerun()
            if asked and not asked.shown and st.button("Show it to all", key=f"{self._name}_reveal", type="primary"):
                room.reveal(self._name)
                st.rerun()
            if asked and asked.shown and st.button("Hide it again", key=f"{self._name}_hide"):
                room.reveal(self._name, False)
                st.rerun()


def _open_room() -> tuple[Room | None, State | None]:
    """The room that this person is in, as it stands; (None, None) outside of one."""
    room = services.room()
    state = room.state() if room else None
    if room is None or state is None:
        return None, None
    person = services.person()
    return (room, state) if person.presents or room.has(person.id) else (None, None)


def _data(state: State | None, *, presents: bool) -> dict[str, object]:
    about = {"room": state.number, "version": state.version} if state else {}
    return about | {"base": services.base_path(), "presents": presents}


def _nothing() -> None:
    """Streamlit gives a component's triggers to who asks for them."""
