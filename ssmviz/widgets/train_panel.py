"""The train panel: any page can launch real training with it.

experiment = train_panel("induction_heads", page="attention")
"""

from __future__ import annotations

import hashlib
from typing import Any

import streamlit as st
from pydantic import ValidationError

from ssmviz.live.guard import Refused as BadId
from ssmviz.live.guard import known_id
from ssmviz.presets import PRESETS, S4D, S6, twins
from ssmviz.runs.client import Client
from ssmviz.runs.records import LIVE, Refused
from ssmviz.settings import TrainSettings, explain, has_cuda
from ssmviz.widgets import services
from ssmviz.widgets.controls import ALL, CONTROLS, get, nested, set_all, url_notes, widget

GPU = "_gpu"  # how the names of presets end that a CPU cannot train in a minute


def train_panel(preset: str, *, page: str) -> str | None:
    """A Train button with everything that can be set, bound to the URL.

    Args:
        preset: name of the preset that makes the page's point; people may switch to another.
        page: prefix of this page's parameters in the URL.

    Returns:
        What to show with `live_view`: the experiment that the URL names or that was started just now, else the
        preset's recording, None when there is neither.
    """
    raw = st.query_params.to_dict()
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button("Train", type="primary", icon=":material/play_arrow:", key=f"{page}_train")
        name = _task(preset, raw, page=page)
        default = PRESETS[name].runs[0][1]
        values = _controls(default, page=page)
    st.caption(PRESETS[name].sentence)
    used = {f"{page}_{c.name}": values[c.path] for c in ALL} | {f"{page}_task": _words(name)}
    _show_notes(url_notes(raw, used, page=page), page=page)
    if pressed:
        _start(name, default, values)
    chosen = chosen_run()
    if chosen is not None:
        _offer_settings(chosen, values, page=page)
    return chosen or recording_of(name)


def try_this(label: str, preset: str, *, page: str, **settings: object) -> None:
    """A link that sets the controls (and with them the URL): the preset with some settings changed.

    Args:
        label: what there is to try.
        preset: name of the preset to start from.
        page: whose controls.
        settings: by their names in the URL, `N=2`.
    """
    st.button(
        label,
        type="tertiary",
        icon=":material/arrow_forward:",
        on_click=_set,
        args=(preset, settings),
        kwargs={"page": page},
    )


def _set(preset: str, settings: dict[str, object], *, page: str) -> None:
    st.session_state[f"{page}_task"] = _words(preset)
    set_all(PRESETS[preset].runs[0][1], page=page)
    for name, value in settings.items():
        st.session_state[f"{page}_{name}"] = value
    st.query_params.pop("run", None)


def recording_of(preset: str) -> str | None:
    """Name of the preset's recording, None when there is none."""
    return preset if any(recording.id == preset for recording in services.library().recordings()) else None


def chosen_run() -> str | None:
    """The experiment that `?run=` names, None with a message when there is no such thing."""
    text = st.query_params.get("run")
    if text is None:
        return None
    try:
        experiment = known_id(text)
        services.library().view(experiment)
    except BadId as refusal:
        st.error(f"Cannot open this run: {refusal}.", icon=":material/error:")
        return None
    except (KeyError, Refused):
        st.error("This run is not on this machine; it may have been deleted.", icon=":material/error:")
        return None
    return experiment


def start_twins(client: Client, preset: str, settings: TrainSettings) -> str:
    """Start S6 and its twin; the experiment that already trains these settings when there is one.

    Raises:
        Refused: no room, too much waiting.
    """
    digest = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16]
    prefix = f"train:{digest}:"
    earlier = [experiment for _, experiment in client.store.keys_like(prefix)]
    ended = sum(all(run.state not in LIVE for run in client.store.runs_of(e)) for e in earlier)
    runs = list(zip((S6, S4D), twins(settings), strict=True))
    return client.start_experiment(PRESETS[preset].title, runs, key=f"{prefix}{ended}", preset=preset).id


def _task(preset: str, raw: dict[str, str], *, page: str) -> str:
    key = f"{page}_task"
    names = {_words(name): name for name in PRESETS if not name.endswith(GPU) or has_cuda() or name == preset}
    asked = raw.get(key, "").replace("_", " ")
    if key not in st.session_state and asked in names:
        st.session_state[key] = asked  # the names of the command line are understood too
    chosen = st.segmented_control(
        "Task",
        list(names),
        default=_words(preset),
        required=True,
        key=key,
        bind="query-params",
        on_change=_use_preset,
        kwargs={"page": page},
        label_visibility="collapsed",
    )
    return names[chosen or _words(preset)]


def _use_preset(*, page: str) -> None:
    """Another task comes with its own sizes, and its own recording."""
    _set(st.session_state[f"{page}_task"].replace(" ", "_"), {}, page=page)


def _words(preset: str) -> str:
    return preset.replace("_", " ")


def _controls(default: TrainSettings, *, page: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    with st.popover("More", icon=":material/tune:"):
        for group, controls in CONTROLS.items():
            st.caption(group)
            with st.container(horizontal=True):
                for control in controls:
                    with st.container(width=148):
                        values[control.path] = widget(control, default, page=page)
        gpu = "an NVIDIA GPU" if has_cuda() else "no NVIDIA GPU: training runs on the CPU"
        st.caption(f"This machine has {gpu}. What really runs is written beside each run.")
        st.button("Back to the preset", on_click=set_all, args=(default,), kwargs={"page": page}, key=f"{page}_reset")
    return values


def _start(preset: str, default: TrainSettings, values: dict[str, Any]) -> None:
    try:
        settings = TrainSettings.model_validate(_merged(default, values))
        st.query_params["run"] = start_twins(services.client(), preset, settings)
    except ValidationError as error:
        st.error(f"Nothing was started: {explain(error)}.", icon=":material/error:")
    except Refused as refusal:
        st.error(f"Nothing was started: {refusal}.", icon=":material/error:")


def _merged(default: TrainSettings, values: dict[str, Any]) -> dict[str, Any]:
    """The preset with the controls' values in it."""
    tree = default.model_dump()
    for part, value in nested(values).items():
        tree[part] = tree[part] | value if isinstance(value, dict) else value
    return tree


def _offer_settings(experiment: str, values: dict[str, Any], *, page: str) -> None:
    """The controls say what Train would start, not what is shown: offer to make them agree."""
    settings = services.library().view(experiment).summary().runs[0].settings
    if any(get(settings, path) != value for path, value in values.items()):
        words = "Set the controls to the settings of the run below"
        st.button(
            words, type="tertiary", icon=":material/tune:", key=f"{page}_adopt", on_click=_adopt, args=(settings, page)
        )


def _adopt(settings: TrainSettings, page: str) -> None:
    st.session_state[f"{page}_task"] = _words(settings.task.name)
    set_all(settings, page=page)


def _show_notes(notes: list[str], *, page: str) -> None:
    kept: list[str] = st.session_state.setdefault(f"_{page}_notes", notes)
    if kept:
        st.warning("From the address of this page: " + "; ".join(kept) + ".", icon=":material/link_off:")
