"""How a page is shown to a class: large, with controls that are locked or gone. All of it stands in the address.

    ?show=present           large type, without the menu, until it is left
    ?lock=two_views_r       names of controls, as the address has them, with commas; or "all"
    ?hide=two_views_theta   the same; what is hidden is locked, too

A locked control has the value of the address, whatever a browser says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

ALL = "all"
NAMES = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,79}")
MOST = 64  # names in one parameter
PRESENT = "present"
LARGE, KNOWN, NOTICE = "_large_type", "_controls_here", "_showing_notice"
BY_TEACHER = "Set by your teacher"

STYLE = """
:root { font-size: 22px !important; --ssm-zoom: 1.375; }
.stAppHeader { display: none; }
.stMainBlockContainer { padding-top: 1.5rem; max-width: none; }
"""


@dataclass(frozen=True)
class Showing:
    """What an address says about the page's controls; names are parameters of the address."""

    locked: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def locks(self, name: str) -> bool:
        """Whether a control has the value of the address."""
        return bool({name, ALL} & self.locked) or self.hides(name)

    def hides(self, name: str) -> bool:
        """Whether a control is not drawn."""
        return bool({name, ALL} & self.hidden)


def read(query: Mapping[str, str]) -> tuple[Showing, tuple[str, ...]]:
    """What the parameters of an address say, and a note for each that says nothing usable."""
    notes = []
    if query.get("show", PRESENT) != PRESENT:
        notes.append(f"show can only be {PRESENT}, got {query['show'][:40]!r}")
    found: dict[str, frozenset[str]] = {}
    for key in ("lock", "hide"):
        names = [name for name in query.get(key, "").split(",") if name]
        odd = [name for name in names if not NAMES.fullmatch(name)]
        if odd:
            notes.append(f"{key} must be names of controls, or {ALL}, got {odd[0][:40]!r}")
        if len(names) > MOST:
            notes.append(f"{key} may have {MOST} names, got {len(names)}; write {ALL} for all")
        found[key] = frozenset(name for name in names[:MOST] if NAMES.fullmatch(name))
    return Showing(found["lock"], found["hide"]), tuple(notes)


def now() -> Showing:
    """What the address of the page says that runs now."""
    return read(st.query_params)[0]


def fixed(key: str, value: object) -> dict[str, Any]:
    """For a widget that is locked: it has this value, whatever a browser says, and is drawn so that people see why."""
    st.session_state[key] = value
    return {"disabled": True, "help": BY_TEACHER}


def note_controls(names: Iterable[str]) -> None:
    """These controls are on the page: a name that no part of it notes is a mistake in the address."""
    st.session_state.setdefault(KNOWN, set()).update(names)


def begin() -> bool:
    """Before a page: its size. Returns whether it is large."""
    st.session_state[KNOWN] = set()
    if st.query_params.get("show") == PRESENT:
        st.session_state[LARGE] = True
    large = bool(st.session_state.get(LARGE))
    if large:
        st.html(f"<style>{STYLE}</style>")
    if {"show", "lock", "hide"} & set(st.query_params):
        st.session_state[NOTICE] = st.empty()
    return large


def end() -> None:
    """After a page, once all controls are known: what the address asked for in vain, and the way out of large type."""
    if st.session_state.get(LARGE):
        st.button("Leave large type", key="large_leave", type="tertiary", on_click=set_large, args=(False,))
    place = st.session_state.pop(NOTICE, None)
    if place is None:
        return
    showing, notes = read(st.query_params)
    strange = (showing.locked | showing.hidden) - st.session_state[KNOWN] - {ALL}
    notes += tuple(f"there is no control {name} on this page" for name in sorted(strange))
    if notes:
        place.warning("From the address of this page: " + "; ".join(notes) + ".", icon=":material/link_off:")


def set_large(on: bool) -> None:
    """Large type from the next page on, in this tab."""
    st.session_state[LARGE] = on
    if not on:
        st.query_params.pop("show", None)
