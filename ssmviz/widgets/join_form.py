"""Into the room: with the code that the projector shows, or with the address that its QR code holds."""

from __future__ import annotations

import streamlit as st

from ssmviz.classroom.ballot import RoomError
from ssmviz.classroom.room import LENGTH, Room
from ssmviz.widgets import services

CODE = "code"


def join_form() -> None:
    """A field for the code; with `?code=` in the address the person is in at once."""
    room, person = services.room(), services.person()
    if room is None:
        st.info("This server is for one person: there is no class to join.", icon=":material/person:")
        return
    if person.presents:
        st.info("You present: open the room on the page Present.", icon=":material/co_present:")
        return
    if problem := _arrive(room):
        st.error(problem, icon=":material/error:")
    if room.has(person.id):
        st.success(
            "You are in. Above every page you now see where your teacher is; **Follow** takes you there.",
            icon=":material/check:",
        )
        if st.button("Leave the class", key="room_leave"):
            room.leave(person.id)
            st.rerun()
        return
    with st.form("room_join", border=False):
        code = st.text_input(f"The {LENGTH} letters and digits on the projector", max_chars=40, width=320)
        pressed = st.form_submit_button("Join", type="primary", icon=":material/login:")
    if pressed and not (problem := _enter(room, code)):
        st.rerun()
    if pressed:
        st.error(problem, icon=":material/error:")


def _arrive(room: Room) -> str:
    """With the code of the address, once; why not, if not."""
    code = st.query_params.pop(CODE, "")
    if not code or room.has(services.person().id):
        return ""
    problem = _enter(room, code)
    if not problem:
        st.rerun()
    return problem


def _enter(room: Room, code: str) -> str:
    try:
        room.join(services.person().id, code, address=st.context.ip_address or "")
    except RoomError as error:
        return f"{str(error)[:1].upper()}{str(error)[1:]}."
    return ""
