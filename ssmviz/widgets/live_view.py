"""The browser component: one experiment, live or replayed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from ssmviz.live.assets import assets_path
from ssmviz.runs.view import Summary
from ssmviz.settings import TrainSettings
from ssmviz.widgets import services
from ssmviz.widgets.component import Component

_lab = Component("ssmviz.lab", "live/lab.js", "canvas/canvas.css", "live/lab.css")


def live_view(
    experiment: str,
    *,
    key: str,
    autoplay: bool = True,
    controls: bool = True,
    nearby: Sequence[str] = (),
    lazy: bool = False,
) -> None:
    """Show an experiment: its twins side by side, live while they train, scrubbable at any time.

    Says whether it was measured here or recorded elsewhere. When the person restarts it, `?run=` names the new one.

    Args:
        experiment: its id, or the name of a recording.
        key: of this view; different experiments may take turns in one view.
        autoplay: replay a finished run at once.
        controls: offer buttons that change the run.
        nearby: recordings that the page leads to: fetched ahead, when the first picture stands.
        lazy: fetch and draw nothing before it is nearly in sight.
    """
    access = services.access()
    summary = access.view(experiment).summary()
    st.caption(provenance(summary))
    mine = summary.experiment.read_only or access.may_touch(summary.experiment)
    data = {
        "experiment": experiment,
        "view": key,
        "base": services.base_path(),
        "autoplay": autoplay,
        "controls": controls and mine,
        "nearby": tuple(nearby),  # see `task_choice`: never a list
        "lazy": lazy,
    }
    _lab(data, key=key, on_open_change=partial(_open, key))


def start_head(preset: str, *, page: str) -> str:
    """HTML for the head of a page that shows a run: the view's files and first frames, fetched at once.

    Args:
        preset: whose recording the page shows unless its address says otherwise.
        page: prefix of the page's parameters in the URL.
    """
    asked = urlencode(
        {
            "base": services.base_path(),
            "parameter": f"{page}_task",
            "preset": preset,
            "recorded": [recording.id for recording in services.library().recordings()],
        },
        doseq=True,
    )
    return services.head("live/lab.js", start=f"{assets_path(services.base_path())}live/begin.js?{asked}")


def provenance(summary: Summary) -> str:
    """Where the numbers come from: nothing recorded poses as measured here."""
    run = summary.runs[0]
    words = settings_words(run.settings)
    if summary.experiment.read_only:
        where = f" on {device_words(run.device)}" if run.device else ""
        return f":blue-badge[:material/replay: Recorded run] trained earlier{where}, replayed here: {words}"
    return f":green-badge[:material/memory: Measured here] {words}"


def device_words(device: str) -> str:
    """A device as people say it: "cuda: NVIDIA H200" is an NVIDIA H200."""
    return "a CPU" if device == "cpu" else device.removeprefix("cuda: ")


def settings_words(settings: TrainSettings) -> str:
    """One line of what is trained."""
    task, model, optim = settings.task, settings.model, settings.optim
    tokens = "" if task.reads_signal else f"{task.vocab} tokens, "
    own = ", data of your own" if task.data else ""
    layers = "one layer" if model.n_layers == 1 else f"{model.n_layers} layers"
    return (
        f"{task.name.replace('_', ' ')}{own}, L={task.L}, {tokens}N={model.N}, {layers} of "
        f"width {model.d_model}, {optim.steps} steps of {optim.batch} sequences, seed {settings.seed}"
    )


def _open(key: str) -> None:
    asked = getattr(st.session_state[key], "open", None)
    if isinstance(asked, str):
        st.query_params["run"] = asked
