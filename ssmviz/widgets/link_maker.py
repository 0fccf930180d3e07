"""Links that show a page as a lesson needs it: large, with controls that are locked or gone."""

from __future__ import annotations

import importlib
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

from ssmviz.lessons.controls import Control
from ssmviz.widgets import pages, services, showing
from ssmviz.widgets.controls import ALL as PANEL
from ssmviz.widgets.room_panel import entrance_address

OWN = {"show", "lock", "hide", "code"}
WAYS = {"As they are": "", "Lock all": "lock", "Hide all": "hide", "Choose": "choose"}
PLACES = {"": "Start", "lab": "Lab"} | {name: title for name, (title, _, _) in pages.LESSONS.items()}


def link_maker() -> None:
    """A few choices, and the link that says them."""
    st.subheader("A link for your lesson")
    st.markdown("Set a page up as you like, copy its address to here, and choose what others may change.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Page", list(PLACES), format_func=PLACES.__getitem__, key="link_page", width=180)
        pasted = st.text_input("or its address, as you have set it up", key="link_address", max_chars=8000)
    page, query = (chosen, {}) if not pasted else _read(pasted)
    if page not in PLACES:
        st.error("This is no address of a page here; copy it from your browser's address bar.", icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        large = st.toggle("Large type, no menu", key="link_large")
        way = st.segmented_control("Controls", list(WAYS), default="As they are", required=True, key="link_way")
    query |= {"show": showing.PRESENT} if large else {}
    query |= _choice(page) if WAYS[way] == "choose" else {WAYS[way]: showing.ALL} if WAYS[way] else {}
    st.code(f"{entrance_address()}/{page}" + (f"?{urlencode(query)}" if query else ""), language=None, wrap_lines=True)
    st.caption("Who opens it sees the values of the address; what is locked says that you have set it.")
    if not st.session_state.get(showing.LARGE):
        words = "Large type in this tab, on every page"
        st.button(words, key="large_here", icon=":material/format_size:", on_click=showing.set_large, args=(True,))


def _read(address: str) -> tuple[str | None, dict[str, str]]:
    """Page and parameters of an address; None for a page when it is none of ours."""
    parts = urlsplit(address.strip())
    path = parts.path.removeprefix(services.base_path()).strip("/")
    query = {key: value for key, value in parse_qsl(parts.query) if key not in OWN}
    return (path if path in PLACES else None), query


def _choice(page: str) -> dict[str, str]:
    """Names of controls by what is done to them."""
    words = control_names(page)
    locked = st.multiselect("Locked", list(words), format_func=words.__getitem__, key=f"link_lock_{page}")
    hidden = st.multiselect("Hidden", list(words), format_func=words.__getitem__, key=f"link_hide_{page}")
    found = {"lock": ",".join(locked), "hide": ",".join(hidden)}
    return {key: names for key, names in found.items() if names}


def control_names(page: str) -> dict[str, str]:
    """Parameter of every control of a page, and what people read beside it."""
    trains = "lab" if page == "lab" else f"train_{page}"
    panel = {f"{trains}_{control.name}": f"Training: {control.label or control.name}" for control in PANEL}
    if page == "lab":
        return panel
    lesson = page or "gate"
    controls: tuple[Control, ...] = importlib.import_module(f"ssmviz.lessons.{lesson}").CONTROLS
    return {f"{lesson}_{control.name}": control.label for control in controls} | (panel if page else {})
