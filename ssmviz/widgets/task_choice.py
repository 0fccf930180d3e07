"""Which task: a choice drawn in the browser, where the picture changes at once and the server hears of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ssmviz.live.assets import assets, style
from ssmviz.presets import PRESETS
from ssmviz.settings import has_cuda
from ssmviz.widgets import services

GPU = "_gpu"  # how the names of presets end that a CPU cannot train in a minute

_mount = st.components.v2.component(
    "ssmviz.tasks", css=style("live/tasks.css"), js=assets()["live/tasks.js"][0].decode()
)


def task_choice(preset: str, raw: dict[str, str], *, page: str, choose: Callable[[str], None]) -> str:
    """Draw the choice, bound to the URL.

    Choosing shows the task's recording in the page's live view (its key is `<page>_live`) without waiting for the
    server; meanwhile `choose` is called with the preset's name, before the page runs again.

    Args:
        preset: what is chosen at first, and not written into the URL.
        raw: parameters of the URL.
        page: prefix of this page's parameters.
        choose: sets everything else that comes with a task.

    Returns:
        Name of the chosen preset.
    """
    key = f"{page}_task"
    names = [name for name in PRESETS if not name.endswith(GPU) or has_cuda() or name == preset]
    if key not in st.session_state:
        asked = raw.get(key, "").replace(" ", "_")  # as people read them, or as the command line names them
        st.session_state[key] = asked if asked in names else preset
    chosen = str(st.session_state[key])
    if chosen != preset:
        st.query_params[key] = task_words(chosen)
    else:
        st.query_params.pop(key, None)
    options = [{"name": name, "words": task_words(name), "recording": recording_of(name)} for name in names]
    # a tuple: Streamlit loads pandas and pyarrow, 55 MB, to see whether a list is a table
    data = {"options": tuple(options), "chosen": chosen, "view": f"{page}_live"}
    _mount(key=f"{page}_tasks", data=data, on_task_change=lambda: _choose(names, choose, page=page), width="content")
    return chosen


def set_task(preset: str, *, page: str) -> None:
    """Choose it; for callbacks, before the page runs again."""
    st.session_state[f"{page}_task"] = preset


def task_words(preset: str) -> str:
    """As people read it."""
    return preset.replace("_", " ")


def recordings() -> list[str]:
    """Names of all recordings of presets: what choosing a task shows."""
    return [name for name in PRESETS if recording_of(name)]


def recording_of(preset: str) -> str | None:
    """Name of the preset's recording, None when there is none."""
    return preset if any(recording.id == preset for recording in services.library().recordings()) else None


def _choose(names: list[str], choose: Callable[[str], None], *, page: str) -> None:
    asked = getattr(st.session_state[f"{page}_tasks"], "task", None)
    if asked in names:
        choose(asked)
