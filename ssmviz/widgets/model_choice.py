"""A published Mamba to look into: the one that ships with the app, a run that was trained here, or a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from ssmviz.lessons import inside
from ssmviz.lessons.inside import Model, Reading
from ssmviz.runs.records import RunRow
from ssmviz.runs.view import Summary
from ssmviz.widgets import services
from ssmviz.widgets.lesson import Lesson

CHOICE = "weights_model"  # in the URL, too: a run's id, or absent
SHIPPED, FILE = "shipped", "file"
PROMPT = "1 2 3 0 2 2 1 3 1 2 3 0"  # of the smallest vocabulary
KEPT, SECONDS = 4, 3600  # models of at most 64 MiB, and for how long


@dataclass(frozen=True)
class Opened:
    """A model, and what it is called in caches and in names of files."""

    key: str
    name: str
    model: Model


def model_choice() -> Opened | None:
    """Draw the choice. None where there is no model yet; why not is said."""
    runs = {run.id: run for summary in services.access().summaries() for run in publishable(summary)}
    asked = st.session_state.setdefault(CHOICE, st.query_params.get(CHOICE, SHIPPED))
    if asked not in (SHIPPED, FILE, *runs):
        st.warning("This run is not on this machine, or has no weights yet.", icon=":material/link_off:")
        st.session_state[CHOICE] = SHIPPED
    words = {SHIPPED: "Tiny and random: ships with the app", FILE: "A file of yours"}
    words |= {run.id: _run_words(run) for run in runs.values()}
    choice = st.selectbox("Model", list(words), format_func=words.__getitem__, key=CHOICE)
    if choice in runs:
        st.query_params[CHOICE] = choice
    else:
        st.query_params.pop(CHOICE, None)
    try:
        return _opened(choice, runs)
    except ValueError as error:
        st.error(f"Not opened: {error}.", icon=":material/error:")
        return None


def publishable(summary: Summary) -> list[RunRow]:
    """Its runs that have weights, and a network that the layouts can hold."""
    return [run for run in summary.runs if run.checkpoint_step is not None and not inside.unpublishable(run.settings)]


def prompt_choice(opened: Opened) -> Reading | None:
    """Draw the prompt and how many tokens to add. None where it is no prompt of this model; why not is said."""
    most = opened.model.sizes.vocab - 1
    left, right = st.columns([4, 1])
    text = left.text_input(f"Prompt: token ids, 0 to {most}", PROMPT, key="weights_prompt", bind="query-params")
    more = right.number_input("Tokens to add", 0, inside.MOST_MORE, 12, key="weights_more", bind="query-params")
    try:
        prompt = inside.prompt_of(text or "", opened.model)
    except ValueError as error:
        st.error(f"Not read: {error}.", icon=":material/error:")
        return None
    if len(prompt) + more > (longest := inside.longest(opened.model)):
        st.caption(f"This model is read for {longest} tokens at most: {longest - len(prompt)} are added.")
    return _followed(opened.key, prompt, int(more), opened.model)


@st.fragment
def look(opened: Opened, reading: Reading) -> None:
    """Draw what happens inside; another layer or channel runs this alone."""
    lesson = Lesson("inside", inside.CONTROLS, extra=partial(_pictures, opened.model, reading))
    if lesson.notes:
        st.warning("From the address of this page: " + "; ".join(lesson.notes) + ".", icon=":material/link_off:")
    lesson.play()


def save_buttons(opened: Opened) -> None:
    """Save the model in either layout, with the config that goes with it."""
    model = opened.model
    with st.container(horizontal=True):
        for layout in inside.LAYOUTS:
            st.download_button(
                f"Save in the layout {layout}",
                partial(inside.write, model.tensors, layout),
                file_name=f"{opened.name}-{layout}.safetensors",
                icon=":material/download:",
                key=f"weights_save_{layout}",
                on_click="ignore",
            )
    with st.expander("The config.json that goes with it", icon=":material/settings:"):
        for layout in inside.LAYOUTS:
            st.markdown(f"Layout {layout}:")
            st.code(json.dumps(inside.config(model.sizes, layout, tied=model.tied), indent=1), language="json")


def _pictures(model: Model, reading: Reading, now: Mapping[str, Any]) -> dict[str, Any]:
    return inside.pictures(model, reading, layer=now["layer"], channel=now["channel"])


def _opened(choice: str, runs: dict[str, RunRow]) -> Opened | None:
    if choice == SHIPPED:
        return Opened(SHIPPED, inside.SHIPPED.stem, _model(SHIPPED, lambda: inside.SHIPPED))
    if choice in runs:
        run = runs[choice]
        key = f"{run.id} {run.checkpoint_step}"
        return Opened(
            key, f"{run.settings.task.name}-step-{run.checkpoint_step}", _model(key, lambda: _weights_of(run))
        )
    most = inside.MOST_BYTES // 1024**2
    file = st.file_uploader(
        f"A .safetensors file in either layout, at most {most} MiB", max_upload_size=most, key="weights_file"
    )
    if file is None:
        return None
    return Opened(file.file_id, Path(file.name).stem[:60], _model(file.file_id, file.getvalue))


@st.cache_resource(max_entries=KEPT, ttl=SECONDS, show_spinner=False)
def _model(key: str, _source: Callable[[], bytes | Path]) -> Model:
    return inside.read(_source(), most=inside.MOST_BYTES)


@st.cache_resource(max_entries=KEPT, ttl=SECONDS, show_spinner="The model reads")
def _followed(key: str, prompt: tuple[int, ...], more: int, _model: Model) -> Reading:
    return inside.follow(_model, prompt, more)


def _run_words(run: RunRow) -> str:
    task = run.settings.task.name.replace("_", " ")
    return f"Trained here: {run.label}, {task}, step {run.checkpoint_step}, {run.id[:8]}"


def _weights_of(run: RunRow) -> bytes:
    saved = services.client().store.load_checkpoint(run.id)
    if saved is None:
        raise ValueError("this run has no readable checkpoint; train it again")
    return inside.write(inside.of_checkpoint(saved[1]), "hf")
