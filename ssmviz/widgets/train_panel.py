"""The train panel: any page can launch real training with it.

experiment = train_panel("induction_heads", page="attention")
"""

from __future__ import annotations

import hashlib
from functools import partial
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
from ssmviz.widgets.task_choice import recording_of, set_task, task_choice, task_words


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
        name = task_choice(preset, raw, page=page, choose=partial(_set, settings={}, page=page))
        default = PRESETS[name].runs[0][1]
        if pressed:
            refusal = _start(name, default, _values(default, page=page))
        chosen, unknown = chosen_run()
        shown = None if chosen is None else services.library().view(chosen).summary().runs[0].settings
        _more(default, shown, page=page)
    st.caption(PRESETS[name].sentence)
    used = {f"{page}_{c.name}": value for c, value in zip(ALL, _values(default, page=page).values(), strict=True)}
    _show_notes(url_notes(raw, used | {f"{page}_task": task_words(name)}, page=page), page=page)
    for problem in (refusal if pressed else "", unknown):
        if problem:
            st.error(problem, icon=":material/error:")
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
    set_task(preset, page=page)
    set_all(PRESETS[preset].runs[0][1], page=page)
    for name, value in settings.items():
        st.session_state[f"{page}_{name}"] = value
    st.query_params.pop("run", None)


def chosen_run() -> tuple[str | None, str]:
    """The experiment that `?run=` names, or None and why there is no such thing."""
    text = st.query_params.get("run")
    if text is None:
        return None, ""
    try:
        experiment = known_id(text)
        services.library().view(experiment)
    except BadId as refusal:
        return None, f"Cannot open this run: {refusal}."
    except (KeyError, Refused):
        return None, "This run is not on this machine; it may have been deleted."
    return experiment, ""


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


@st.fragment
def _more(default: TrainSettings, shown: TrainSettings | None, *, page: str) -> None:
    """Everything that can be set. Opening and closing it runs this function again, an edit only its group."""
    with st.popover("More", icon=":material/tune:", key=f"{page}_more", on_change="rerun"):
        for group in CONTROLS:
            _group(group, default, shown, page=page)
        gpu = "an NVIDIA GPU" if has_cuda() else "no NVIDIA GPU: training runs on the CPU"
        st.caption(f"This machine has {gpu}. What really runs is written beside each run.")
        st.button("Back to the preset", on_click=set_all, args=(default,), kwargs={"page": page}, key=f"{page}_reset")
    if shown is not None:
        _offer_settings(shown, _values(default, page=page), page=page)


@st.fragment
def _group(group: str, default: TrainSettings, shown: TrainSettings | None, *, page: str) -> None:
    """The controls of one group, and a way to make them agree with the run that is shown."""
    controls = CONTROLS[group]
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(group, width="content")
        place = st.container(width="content")
    with st.container(horizontal=True):
        for control in controls:
            widget(control, default, page=page)
    if shown is None:
        return
    values = _values(default, page=page)
    agrees = all(get(shown, control.path) == values[control.path] for control in controls)
    place.button(
        "As in the run below",
        type="tertiary",
        key=f"{page}_adopt_{group}",
        disabled=agrees,
        on_click=set_all,
        args=(shown, controls),
        kwargs={"page": page},
    )


def _values(default: TrainSettings, *, page: str) -> dict[str, Any]:
    """What the controls say, by the settings' paths."""
    return {c.path: st.session_state.get(f"{page}_{c.name}", get(default, c.path)) for c in ALL}


def _start(preset: str, default: TrainSettings, values: dict[str, Any]) -> str:
    """Start it and name it in the URL; why not, if not."""
    try:
        settings = TrainSettings.model_validate(_merged(default, values))
        st.query_params["run"] = start_twins(services.client(), preset, settings)
    except ValidationError as error:
        return f"Nothing was started: {explain(error)}."
    except Refused as refusal:
        return f"Nothing was started: {refusal}."
    return ""


def _merged(default: TrainSettings, values: dict[str, Any]) -> dict[str, Any]:
    """The preset with the controls' values in it."""
    tree = default.model_dump()
    for part, value in nested(values).items():
        tree[part] = tree[part] | value if isinstance(value, dict) else value
    return tree


def _offer_settings(shown: TrainSettings, values: dict[str, Any], *, page: str) -> None:
    """The controls say what Train would start, not what is shown: offer to make them agree."""
    if any(get(shown, path) != value for path, value in values.items()):
        words = "Set the controls to the settings of the run below"
        if st.button(
            words, type="tertiary", icon=":material/tune:", key=f"{page}_adopt", on_click=_adopt, args=(shown, page)
        ):
            st.rerun()  # the task, too, may be another


def _adopt(settings: TrainSettings, page: str) -> None:
    set_task(settings.task.name, page=page)
    set_all(settings, page=page)


def _show_notes(notes: list[str], *, page: str) -> None:
    kept: list[str] = st.session_state.setdefault(f"_{page}_notes", notes)
    if kept:
        st.warning("From the address of this page: " + "; ".join(kept) + ".", icon=":material/link_off:")
