"""Which task: a choice drawn in the browser, where the picture changes at once and the server hears of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from ssmviz.live.assets import assets, style
from ssmviz.settings import has_cuda
from ssmviz.widgets import services, showing

GPU = "_gpu"  # how the names of presets end that a CPU cannot train in a minute

_mount = st.components.v2.component(
    "ssmviz.tasks", css=style("live/tasks.css"), js=assets()["live/tasks.js"][0].decode()
)


def task_choice(
    presets: Sequence[str], raw: dict[str, str], *, page: str, choose: Callable[[str], None], legend: str = "Task"
) -> str:
    """Draw the choice, bound to the URL.

    Choosing shows the task's recording in the page's live view (its key is `<page>_live`) without waiting for the
    server; meanwhile `choose` is called with the preset's name, before the page runs again.

    Args:
        presets: names to choose from; the first is chosen at first, and not written into the URL.
        raw: parameters of the URL.
        page: prefix of this page's parameters.
        choose: sets everything else that comes with a task.
        legend: what is chosen, in a word.

    Returns:
        Name of the chosen preset.
    """
    key = f"{page}_task"
    preset, *_ = names = trainable(presets)
    shown = showing.now()
    if key not in st.session_state or shown.locks(key):
        asked = raw.get(key, "").replace(" ", "_")  # as people read them, or as the command line names them
        st.session_state[key] = asked if asked in names else preset
    chosen = str(st.session_state[key])
    if chosen != preset:
        st.query_params[key] = task_words(chosen)
    else:
        st.query_params.pop(key, None)
    if len(names) == 1 or shown.hides(key):
        return chosen
    if shown.locks(key):
        st.markdown(f"{legend}: **{task_words(chosen)}**", help=showing.BY_TEACHER, width="content")
        return chosen
    options = [{"name": name, "words": task_words(name), "recording": recording_of(name)} for name in names]
    # a tuple: Streamlit loads pandas and pyarrow, 55 MB, to see whether a list is a table
    data = {"legend": legend, "options": tuple(options), "chosen": chosen, "view": f"{page}_live"}
    _mount(key=f"{page}_tasks", data=data, on_task_change=lambda: _choose(names, choose, page=page), width="content")
    return chosen


def set_task(preset: str, *, page: str) -> None:
    """Choose it; for callbacks, before the page runs again."""
    st.session_state[f"{page}_task"] = preset


def task_words(preset: str) -> str:
    """As people read it."""
    return preset.replace("_", " ")


def trainable(presets: Sequence[str]) -> list[str]:
    """Those that this machine has the device for, and the first in any case."""
    return [name for name in presets if not name.endswith(GPU) or has_cuda() or name == presets[0]]


def recordings(presets: Sequence[str]) -> list[str]:
    """Names of those that have a recording: what choosing them shows."""
    return [name for name in presets if recording_of(name)]


def recording_of(preset: str) -> str | None:
    """Name of the preset's recording, None when there is none."""
    return preset if any(recording.id == preset for recording in services.library().recordings()) else None


def _choose(names: list[str], choose: Callable[[str], None], *, page: str) -> None:
    asked = getattr(st.session_state[f"{page}_tasks"], "task", None)
    if asked in names:
        choose(asked)
