"""The train panel: any page can launch real training with it.

experiment = train_panel("induction_heads", page="attention")
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial

import streamlit as st
from pydantic import ValidationError

from ssmviz.classroom.access import Access
from ssmviz.live.guard import Refused as BadId
from ssmviz.live.guard import known_id
from ssmviz.presets import PRESETS, RATES, Runs
from ssmviz.runs.records import LIVE, Refused
from ssmviz.runs.view import Summary
from ssmviz.settings import TrainSettings, explain, has_cuda
from ssmviz.widgets import services, showing
from ssmviz.widgets.controls import ALL, into_address, set_all, url_notes, widget
from ssmviz.widgets.layer_choice import (
    NAMES,
    Choice,
    choice_of,
    chosen,
    layer_choice,
    problem_of,
    set_choice,
    used,
)
from ssmviz.widgets.panel import Panel
from ssmviz.widgets.task_choice import recording_of, set_task, task_choice, task_words


def train_panel(
    presets: str | Sequence[str], *, page: str, legend: str = "Task", any_layers: bool = False
) -> str | None:
    """A Train button with everything that can be set, bound to the URL.

    Args:
        presets: the preset that makes the page's point; or several, of which people choose one, the first at first.
        page: prefix of this page's parameters in the URL.
        legend: what is chosen among several, in a word.
        any_layers: offer any two layers of the family, in any block, in the preset's place.

    Returns:
        What to show with `live_view`: the experiment that the URL names or that was started just now, else the
        preset's recording, None when there is neither.
    """
    names = (presets,) if isinstance(presets, str) else tuple(presets)
    raw = st.query_params.to_dict()
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = _train_button(page)
        choose = partial(_set_task, page=page)
        preset = task_choice(names, raw, page=page, choose=choose, legend=legend)
        beside = st.container()
    refit = partial(_refit, preset, page=page)
    choice = layer_choice(PRESETS[preset].runs, page=page, on_change=refit) if any_layers else None
    misfit = problem_of(PRESETS[preset].runs, choice) if choice else ""
    panel = Panel(preset, page, choice_of(PRESETS[preset].runs) if misfit else choice)
    extra = ["task", "train", *(NAMES if any_layers else ())]
    showing.note_controls([*panel.keys, *(f"{page}_{name}" for name in extra)])
    early = any(key in raw and key not in st.session_state for key in panel.keys)  # pressed before they were drawn
    refusal = _start(panel) if pressed and not misfit and not early else ""
    run, unknown = chosen_run()
    shown = None if run is None else services.access().view(run).summary()
    with beside:
        _more(panel, names, shown)
    if pressed and not misfit and early and not (refusal := _start(panel)):
        st.rerun()
    st.caption(panel.sentence)
    said = {f"{page}_{control.name}": panel.value(control) for control in panel.controls}
    said |= {f"{page}_task": task_words(preset)} | (used(choice, page=page) if choice else {})
    _show_notes(url_notes(raw, said, page=page), page=page)
    for problem in (misfit, refusal, unknown):
        if problem:
            st.error(problem, icon=":material/error:")
    return run or recording_of(panel.known) or recording_of(panel.preset)


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


def _train_button(page: str) -> bool:
    """Whether it was pressed; a teacher can lock and hide it by its name alone: what is set for all may be trained."""
    shown, key = showing.now(), f"{page}_train"
    if key in shown.hidden:
        return False
    locked = key in shown.locked
    why = "Locked by your teacher" if locked else None
    pressed = st.button("Train", type="primary", icon=":material/play_arrow:", key=key, disabled=locked, help=why)
    return pressed and not locked


def _set_task(preset: str, *, page: str) -> None:
    """Another task, for the layers that were chosen; where they were the former task's own, for its own."""
    choice, own = chosen(page=page), choice_of(PRESETS[st.session_state[f"{page}_task"]].runs)
    _set(preset, {}, page=page)
    if choice not in (None, own):
        set_choice(choice, page=page)
        _refit(preset, page=page)


def _refit(preset: str, *, page: str) -> None:
    """Other layers have other learning rates."""
    panel = Panel(preset, page, chosen(page=page))
    if panel.choice and not problem_of(PRESETS[preset].runs, panel.choice):
        set_all(panel.default, [control for control in ALL if control.path in RATES], page=page)


def _set(preset: str, settings: dict[str, object], *, page: str) -> None:
    set_task(preset, page=page)
    runs = PRESETS[preset].runs
    set_all(runs[0][1], page=page)
    if chosen(page=page):
        set_choice(choice_of(runs), page=page)
    for name, value in settings.items():
        st.session_state[f"{page}_{name}"] = value
    if set(NAMES) & settings.keys():
        _refit(preset, page=page)
    mine = {control.name for control in Panel(preset, page).controls}
    for name in {control.name for control in ALL} - mine:  # no widget is left that could take them out of the URL
        st.query_params.pop(f"{page}_{name}", None)
    st.query_params.pop("run", None)


def chosen_run() -> tuple[str | None, str]:
    """The experiment that `?run=` names, or None and why there is no such thing."""
    text = st.query_params.get("run")
    if text is None:
        return None, ""
    try:
        experiment = known_id(text)
        services.access().view(experiment)
    except BadId as refusal:
        return None, f"Cannot open this run: {refusal}."
    except (KeyError, Refused):
        return None, "This run is not on this machine; it may have been deleted."
    return experiment, ""


def start_runs(access: Access, preset: str, runs: Runs, title: str = "") -> str:
    """Start an experiment; the one that already trains these runs when there is one.

    Args:
        access: of who starts it.
        preset: whose experiment it is.
        runs: what is trained.
        title: what people read; "": the preset's.

    Raises:
        Refused: no room, too much waiting.
    """
    store, whose = access.store, access.person.id
    words = whose + json.dumps([(label, settings.model_dump()) for label, settings in runs])
    prefix = f"train:{hashlib.sha256(words.encode()).hexdigest()[:16]}:"
    earlier = [experiment for _, experiment in store.keys_like(prefix)]
    ended = sum(all(run.state not in LIVE for run in store.runs_of(e)) for e in earlier)
    return access.start(title or PRESETS[preset].title, runs, key=f"{prefix}{ended}", preset=preset).id


@st.fragment
def _more(panel: Panel, names: Sequence[str], shown: Summary | None) -> None:
    """Everything that can be set. Opening and closing it runs this function again, an edit only its group.

    What was never opened, and where nothing was set, is not drawn: two dozen controls are half of a page's work.
    """
    popover = st.popover("More", icon=":material/tune:", key=f"{panel.page}_more", on_change="rerun")
    if popover.open or any(key in st.session_state or key in st.query_params for key in panel.keys):
        if not st.session_state.get(drawn := f"{panel.page}_drawn"):
            st.session_state[drawn] = True
            into_address(panel.controls, panel.default, page=panel.page)
        with popover:
            _controls(panel, None if shown is None else shown.runs[0].settings)
    if shown is not None:
        _offer_settings(panel, names, shown)


def _controls(panel: Panel, shown: TrainSettings | None) -> None:
    for group in panel.groups:
        _group(panel, group, shown)
    gpu = "an NVIDIA GPU" if has_cuda() else "no NVIDIA GPU: training runs on the CPU"
    st.caption(f"This machine has {gpu}. What really runs is written beside each run.")
    reset = partial(set_all, panel.default, page=panel.page)
    st.button("Back to the preset", on_click=reset, key=f"{panel.page}_reset")


@st.fragment
def _group(panel: Panel, group: str, shown: TrainSettings | None) -> None:
    """The controls of one group, and a way to make them agree with the run that is shown."""
    controls, page = panel.groups[group], panel.page
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(group, width="content")
        place = st.container(width="content")
    with st.container(horizontal=True):
        for control in controls:
            widget(control, panel.default, page=page)
    if shown is None:
        return
    place.button(
        "As in the run below",
        type="tertiary",
        key=f"{page}_adopt_{group}",
        disabled=panel.agrees(shown, controls),
        on_click=set_all,
        args=(shown, controls),
        kwargs={"page": page},
    )


def _start(panel: Panel) -> str:
    """Start it and name it in the URL; why not, if not."""
    try:
        st.query_params["run"] = start_runs(services.access(), panel.known, panel.runs(), panel.title)
    except ValidationError as error:
        return f"Nothing was started: {explain(error)}."
    except Refused as refusal:
        return f"Nothing was started: {refusal}."
    return ""


def _offer_settings(panel: Panel, names: Sequence[str], shown: Summary) -> None:
    """The controls say what Train would start, not what is shown: offer to make them agree."""
    settings = shown.runs[0].settings
    wanted = next((n for n in (shown.experiment.preset, settings.task.name) if n in names), panel.preset)
    layers = choice_of([(run.label, run.settings) for run in shown.runs])
    if wanted != panel.preset or panel.choice not in (None, layers) or not panel.agrees(settings):
        words = "Set the controls to the settings of the run below"
        arguments = (wanted, settings, layers if panel.choice else None, panel.page)
        if st.button(
            words, type="tertiary", icon=":material/tune:", key=f"{panel.page}_adopt", on_click=_adopt, args=arguments
        ):
            st.rerun()  # the task, too, may be another


def _adopt(preset: str, settings: TrainSettings, layers: Choice | None, page: str) -> None:
    set_task(preset, page=page)
    set_all(settings, page=page)
    if layers:
        set_choice(layers, page=page)


def _show_notes(notes: list[str], *, page: str) -> None:
    kept: list[str] = st.session_state.setdefault(f"_{page}_notes", notes)
    if kept:
        st.warning("From the address of this page: " + "; ".join(kept) + ".", icon=":material/link_off:")
