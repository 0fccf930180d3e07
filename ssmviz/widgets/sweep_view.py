"""A sweep in the browser: its heat map, live while it goes on."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ssmviz.live.guard import Refused as BadId
from ssmviz.live.guard import known_id
from ssmviz.live.sweep_routes import may_touch, seen_by
from ssmviz.runs.records import Refused
from ssmviz.runs.sweep_rows import SweepRow
from ssmviz.widgets import services
from ssmviz.widgets.component import Component

MOST_LISTED = 8
PARAMETER = "sweep"  # of the URL: the id of the sweep that is shown

_sweep = Component("ssmviz.sweep", "sweep/sweep.js", "canvas/canvas.css", "sweep/sweep.css")


def sweep_view(sweep: str, *, key: str) -> None:
    """Show a sweep; when the person deletes it there, the URL forgets it."""
    data = {"sweep": sweep, "base": services.base_path()}
    _sweep(data, key=key, on_gone_change=partial(_forget, key))


def chosen_sweep() -> tuple[SweepRow | None, str]:
    """The sweep that `?sweep=` names, or None and why there is no such thing."""
    text = st.query_params.get(PARAMETER)
    if text is None:
        return None, ""
    try:
        row = services.client().store.sweep(known_id(text))
    except BadId as refusal:
        return None, f"Cannot open this sweep: {refusal}."
    except (KeyError, Refused):
        row = None
    if row is None or not may_touch(services.person(), row):
        return None, "This sweep is not on this machine; it may have been deleted. The controls say what the link asks."
    return row, ""


def _forget(key: str) -> None:
    if getattr(st.session_state[key], "gone", None):
        st.query_params.pop(PARAMETER, None)


def earlier_sweeps(shown: SweepRow | None) -> None:
    """Links to the others that this person may see."""
    person, client = services.person(), services.client()
    others = [row for row in seen_by(person, client) if shown is None or row.id != shown.id]
    if not others:
        return
    st.subheader("Earlier sweeps")
    with st.container(gap="xxsmall"):
        for row in others[:MOST_LISTED]:
            size = f"{len(row.grid.rows.values)} × {len(row.grid.columns.values)} places, {row.runs} runs"
            words = f"{row.title} · {size} · {row.state}"
            st.button(
                words, type="tertiary", icon=":material/grid_view:", key=f"sweep_{row.id}", on_click=_open, args=(row,)
            )


def _open(row: SweepRow) -> None:
    st.query_params[PARAMETER] = row.id
