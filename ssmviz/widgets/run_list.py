"""What was trained here: one row per experiment, with what can be done to it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from ssmviz.runs.fair import Place
from ssmviz.runs.records import LIVE, RESUMABLE, ExperimentRow, Refused, RunRow
from ssmviz.runs.view import Summary
from ssmviz.widgets import pages, services
from ssmviz.widgets.live_view import device_words, settings_words
from ssmviz.widgets.markdown import plain
from ssmviz.widgets.model_choice import CHOICE, publishable

TICKED = "runs_ticked"
REFRESH = 2.0  # seconds, while something trains
STATE_WORDS = {
    "done": ":green-badge[done]",
    "running": ":blue-badge[running]",
    "starting": ":blue-badge[starting]",
    "queued": ":gray-badge[queued]",
    "cancelled": ":gray-badge[stopped]",
    "interrupted": ":orange-badge[interrupted]",
    "timeout": ":orange-badge[out of time]",
    "oom": ":red-badge[out of memory]",
    "diverged": ":red-badge[diverged]",
    "failed": ":red-badge[failed]",
    "unreadable": ":red-badge[unreadable]",
}


def run_list() -> list[str]:
    """Draw the list, refreshed while something trains.

    Returns:
        Ids of the experiments that are ticked to be compared.
    """
    listed = services.access().summaries()
    live = any(run.state in LIVE for summary in listed for run in summary.runs)
    st.fragment(_rows, run_every=REFRESH if live else None)()
    ticked: list[str] = st.session_state[TICKED]
    return ticked


def _rows() -> None:
    listed = services.access().summaries()
    waits = any(run.state == "queued" for summary in listed for run in summary.runs)
    places = services.client().store.line().standing() if waits else {}
    for summary in listed:
        _row(summary, places.get(summary.experiment.id))
    ticked = [summary.experiment.id for summary in listed if st.session_state.get(_tick(summary))]
    if st.session_state.setdefault(TICKED, []) != ticked:
        st.session_state[TICKED] = ticked
        st.rerun()  # what is compared is drawn outside this fragment


def _row(summary: Summary, place: Place | None) -> None:
    experiment, resumable, weights = summary.experiment, _resumable(summary), publishable(summary)
    mine = services.access().may_touch(experiment)
    with st.container(border=True):
        head, buttons = st.columns([3, 2], vertical_alignment="center")
        with head:
            words = f"**{plain(experiment.title)}** · {_when(experiment.created)}{_whose(experiment)}"
            st.checkbox(words, key=_tick(summary))
            st.caption(settings_words(summary.runs[0].settings))
            for run in summary.runs:
                st.markdown(_run_words(run))
            if place:
                st.caption(f"{place}.")
        with buttons, st.container(horizontal=True, horizontal_alignment="right"):
            key = experiment.id
            if st.button("Open", key=f"open_{key}", icon=":material/open_in_full:"):
                st.switch_page(pages.lab(), query_params={"run": key})
            if weights and st.button("Weights", key=f"weights_{key}", icon=":material/deployed_code:"):
                st.switch_page(pages.weights(), query_params={CHOICE: weights[0].id})
            if mine and resumable and st.button("Resume", key=f"resume_{key}", icon=":material/resume:"):
                _resume(key)
            if mine and st.button("Delete", key=f"delete_{key}", icon=":material/delete:"):
                _confirm(key, experiment.title)


@st.dialog("Delete this experiment?")
def _confirm(experiment: str, title: str) -> None:
    st.markdown(f"**{plain(title)}**: its curves, pictures and checkpoints will be gone.")
    with st.container(horizontal=True):
        if st.button("Delete it", type="primary", key="delete_yes"):
            try:
                services.access().delete(experiment)
            except (KeyError, Refused):
                st.toast("It was deleted already.")
            st.session_state.pop(f"tick_{experiment}", None)
            st.rerun()
        if st.button("Keep it", key="delete_no"):
            st.rerun()


def _resume(experiment: str) -> None:
    try:
        services.access().resume(experiment)
    except (Refused, KeyError) as refusal:
        st.error(f"Not resumed: {refusal.args[0]}.")
        return
    st.switch_page(pages.lab(), query_params={"run": experiment})


def _resumable(summary: Summary) -> list[RunRow]:
    runs = [run for run in summary.runs if run.state in RESUMABLE]
    return [] if summary.experiment.read_only else runs


def _run_words(run: RunRow) -> str:
    words = f"**{plain(run.label)}** {STATE_WORDS[run.state]} step {run.step} of {run.steps}"
    if run.token_accuracy is not None and run.sequence_accuracy is not None:
        tokens, sequences = f"{run.token_accuracy:.1%}", f"{run.sequence_accuracy:.1%}"
        signal = run.settings.task.reads_signal
        words += f" · {tokens} right" if signal else f" · {tokens} of tokens, {sequences} of sequences"
    if run.device:
        words += f" · {run.backend} on {device_words(run.device)}, {run.seconds:.0f} s"
    return words + (f" · {plain(run.reason)}" if run.reason else "")


def _whose(experiment: ExperimentRow) -> str:
    """In a class: whose it is, for presenters; what everybody may look at."""
    who = services.person()
    if not who.id:
        return ""
    name = f" · {plain(services.people().name_of(experiment.owner))}"
    shared = " :gray-badge[shared with the class]" if experiment.shared else ""
    return (name if who.presents and experiment.owner != who.id else "") + shared


def _tick(summary: Summary) -> str:
    return f"tick_{summary.experiment.id}"


def _when(created: float) -> str:
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    return datetime.fromtimestamp(created, zone).strftime("%Y-%m-%d %H:%M")
