"""The presenter's part of the room: open it, show how to come in, choose a run, read the votes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import urlsplit

import segno
import streamlit as st

from ssmviz.classroom.room import Room, State
from ssmviz.runs.records import LIVE
from ssmviz.widgets import services
from ssmviz.widgets.markdown import plain
from ssmviz.widgets.room_view import close_room, histogram, show_run

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute
MOST_RUNS = 8
HERE = {"localhost", "127.0.0.1", "::1"}

CODE = """<div style="font-size:1.2rem;overflow-wrap:anywhere">{address}</div>
<div style="font:700 5rem/1.2 ui-monospace,monospace;letter-spacing:.12em">{code}</div>"""


def room_panel() -> None:
    """The room of the class, open or not."""
    st.subheader("Your class")
    room = services.room()
    if room is None:
        st.markdown(
            "This server is for one person. For a class on their own laptops and phones, start it with a classroom's "
            "settings: see `docs/classroom.md`. Links and large type below work here, too."
        )
        return
    state = room.state()
    if state is None:
        st.markdown(
            "Open a room: your students join it with a code. They then see where you are and follow with a click, "
            "look at a run that you show, and vote on every lesson's guess."
        )
        if st.button("Open the room", type="primary", icon=":material/meeting_room:", key="room_open"):
            room.open(_title())
            st.rerun()
    else:
        _entrance(state)
        _runs(room, state)
    _ballots(room)


def entrance_address() -> str:
    """Where people find this server: as its settings say, or as this browser does."""
    classroom = services.classroom()
    if classroom and classroom.address:
        return classroom.address.rstrip("/")
    here = urlsplit(st.context.url or "")
    return f"{here.scheme}://{here.netloc}{services.base_path()}"


def _title() -> str:
    classroom = services.classroom()
    return classroom.title if classroom else ""


def _entrance(state: State) -> None:
    """Code, address and QR code, large enough for the last row."""
    address = f"{entrance_address()}/join"
    qr = segno.make(f"{address}?code={state.code}", error="m").svg_inline(scale=8, dark="#000", light="#fff")
    with st.container(horizontal=True, vertical_alignment="center", gap="large"):
        st.image(qr, width=320)
        st.html(CODE.format(address=escape(address.partition("://")[2]), code=state.code), width="content")
    if urlsplit(address).hostname in HERE:
        words = "Only this machine knows itself by that name: set `address` in the classroom's settings."
        st.warning(words, icon=":material/wifi_off:")
    with st.popover("Close the room", icon=":material/logout:"):
        st.markdown("For everybody, at once. Opened again, it has another code.")
        if st.button("Close it", type="primary", key="room_close"):
            close_room()
            st.rerun()


def _runs(room: Room, state: State) -> None:
    """What trains now, and what was trained last: one of them can be on every page of the class."""
    st.subheader("A run for all")
    st.caption("Everybody sees it on their own page, scrubs and points as they like, and steers nothing.")
    if state.experiment:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"The class sees **{plain(state.experiment_title)}**.", width="content")
            if st.button("Stop showing it", key="room_unshow", icon=":material/cancel:"):
                room.broadcast(None)
                st.rerun()
    found = services.access().summaries()
    if not found:
        st.caption("Nothing was trained here yet: press Train on any page, then **Show this run** above it.")
    others = [summary for summary in found if summary.experiment.id != state.experiment]
    for summary in sorted(others, key=lambda s: all(run.state not in LIVE for run in s.runs))[:MOST_RUNS]:
        experiment = summary.experiment
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Show it", key=f"room_show_{experiment.id}", icon=":material/cast:"):
                show_run(experiment.id)
                st.rerun()
            steps = ", ".join(f"{run.label}: step {run.step}" for run in summary.runs)
            st.markdown(f"**{plain(experiment.title)}** · {plain(steps)}", width="content")


def _ballots(room: Room) -> None:
    """Every question that was voted on in this room, or in the one that was closed last."""
    state = room.state(last=True)
    if state is None or not state.questions:
        return
    st.subheader("Votes")
    for question in state.questions.values():
        st.markdown(f"**{plain(question.text)}**")
        if room.state() is None:
            answers = zip(question.options, question.counts, strict=True)
            st.markdown("\n".join(f"- {plain(answer)}: {count}" for answer, count in answers))
        else:
            histogram(question.name, question.options, key=f"room_votes_{question.name}")
    text = ballots_csv(state, room.ballots(state.number))
    st.download_button("Votes as CSV", text, "votes.csv", "text/csv", key="room_csv", icon=":material/download:")


def ballots_csv(state: State, ballots: Iterable[tuple[str, str, int]]) -> str:
    """One line a vote; voters are numbers, given anew in every file's order, and no cell is a formula."""
    voters: dict[str, int] = {}
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("lesson", "question", "answer", "voter"))
    for name, person, choice in ballots:
        question = state.questions[name]
        voter = voters.setdefault(person, len(voters) + 1)
        table.writerow(_cells((name, question.text, question.options[choice], voter)))
    return out.getvalue()


def _cells(row: Sequence[object]) -> list[str]:
    return [f"'{text}" if text.startswith(FORMULA) else text for text in map(str, row)]
