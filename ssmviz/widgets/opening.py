"""How the lab opens: what the networks read, what they are asked, and what is different between them."""

from __future__ import annotations

import streamlit as st

from ssmviz.presets import PRESETS
from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS
from ssmviz.widgets.layer_choice import chosen, problem_of
from ssmviz.widgets.panel import Panel
from ssmviz.widgets.symbols import tex

NUMBERS = {1: "One network reads", 2: "Two networks read", 3: "Three networks read", 4: "Four networks read"}


def opening(*, page: str) -> str:
    """A paragraph on what the controls of a page say; after they were drawn."""
    preset, choice = st.session_state[f"{page}_task"], chosen(page=page)
    panel = Panel(preset, page, choice if choice and not problem_of(PRESETS[preset].runs, choice) else None)
    runs = panel.base
    read, asked = question(panel.default.task)
    start = f"{NUMBERS[len(runs)]} {read} **once**, from left to right, and must {asked}"
    layers = [settings.model.layer for _, settings in runs]
    if len(runs) == 1:
        return f"{start}. *Predict: can a state hold enough for that?*"
    if layers == ["s6", "s4d"]:
        delta = tex("delta", "t")
        return (
            f"{start}: same width, same seed, same batches. One difference: **S6** may choose its step ${delta}$, and "
            "what it writes and reads, anew at every position; **S4D** may not. *Predict: does it need to?*"
        )
    names = ", ".join(f"**{label}**" for label, _ in runs[:-1])
    words = f"{names} against **{runs[-1][0]}**"
    return f"{start}: same seed, same batches. Side by side: {words}. *Predict: who does better?*"


def question(task: TaskSettings) -> tuple[str, str]:
    """What is read, and what must be done with it."""
    one, about = TASKS[task.name], TASKS[task.name].about(task)
    if task.says_signal:
        return f"*{about['reads']}*, number by number,", f"say *{about['says']}* at every one"
    if task.reads_signal:
        read = "a picture, pixel by pixel," if "width" in about else "a signal, number by number,"
        return read, f"then say the {about['says']}"
    if "operators" in about:
        return "a list of lists", "then say what the whole comes to"
    if one.answers(task) == one.length(task):
        return "a text", "say at every character which one comes next"
    return "a row of letters", "then recall some of them"
