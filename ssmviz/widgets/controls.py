"""Controls made from the settings themselves and bound to the URL: one line of `CONTROLS` is one widget.

A parameter of the URL is `<page>_<name>`; defaults do not appear there. Streamlit drops values it cannot use, and
`url_notes` says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

import annotated_types
import streamlit as st

from ssmviz.family import BLOCKS, LAYERS, BlockCard, Card
from ssmviz.presets import RATES, Runs, differing
from ssmviz.settings import TrainSettings, get
from ssmviz.tasks import TASKS
from ssmviz.widgets import showing
from ssmviz.widgets.own_data import own_data

GREATEST_INT = 2**31 - 1
WIDTH = 148  # pixels of one control


@dataclass(frozen=True)
class Control:
    """One widget.

    Args:
        name: in the URL.
        path: of the setting, "task.L".
        label: what people read; $...$ is mathematics. A task says itself what its sizes are called.
    """

    name: str
    path: str
    label: str = ""

    def concerns(self, runs: Runs, different: set[str]) -> bool:
        """Whether it makes sense for an experiment: it means something to a run, and no run is defined by it.

        Args:
            runs: of the experiment.
            different: `differing(runs)`, found once for all controls.
        """
        first = runs[0][1]
        if self.path in different and self.path not in RATES:
            return False
        if self.path == "task.data" and TASKS[first.task.name].upload is None:
            return False
        if (self.path == "optim.curriculum" and not TASKS[first.task.name].curriculum) or not self.words(first):
            return False
        return self.path not in PARTICULAR or any(self.path in particular(settings) for _, settings in runs)

    def words(self, settings: TrainSettings) -> str:
        """What people read beside it; nothing where it means nothing to the task."""
        return self.label or str(getattr(TASKS[settings.task.name].sizes, self.path.removeprefix("task.")))


def particular(settings: TrainSettings) -> set[str]:
    """Paths of the settings that mean something to its layer and block, and not to all."""
    return {f"model.{field}" for field in LAYERS[settings.model.layer].fields + BLOCKS[settings.model.block].fields}


CARDS: tuple[Card | BlockCard, ...] = (*LAYERS.values(), *BLOCKS.values())
PARTICULAR = {f"model.{field}" for card in CARDS for field in card.fields}


CONTROLS: dict[str, tuple[Control, ...]] = {
    "Sequence": (
        Control("L", "task.L"),
        Control("vocab", "task.vocab"),
        Control("data", "task.n_data"),
        Control("own", "task.data", "Own data"),
    ),
    "Network": (
        Control("block", "model.block", "Block"),
        Control("layers", "model.n_layers", "Layers"),
        Control("d", "model.d_model", "Width $d$"),
        Control("N", "model.N", "States per channel $N$"),
        Control("expand", "model.expand", "Expansion"),
        Control("conv", "model.d_conv", "Convolution taps"),
        Control("gate", "model.gate", "Gate"),
        Control("skip", "model.skip", "Skip connection $D$"),
        Control("select", "model.selective", "Selective"),
        Control("rank", "model.dt_rank", "Rank of $\\Delta$"),
        Control("dtmin", "model.dt_min", "Smallest initial $\\Delta$"),
        Control("dtmax", "model.dt_max", "Largest initial $\\Delta$"),
        Control("b", "model.b_discretisation", "$\\bar B$"),
        Control("heads", "model.heads", "Heads"),
        Control("pos", "model.positions", "Positions"),
        Control("window", "model.window", "Window of the memory"),
        Control("poles", "model.s4d_init", "Initial poles"),
    ),
    "Training": (
        Control("steps", "optim.steps", "Steps"),
        Control("batch", "optim.batch", "Batch"),
        Control("opt", "optim.optimiser", "Optimiser"),
        Control("lr", "optim.lr", "Learning rate"),
        Control("lrm", "optim.lr_muon", "Learning rate of Muon"),
        Control("schedule", "optim.schedule", "Schedule"),
        Control("short", "optim.curriculum", "Short first"),
        Control("seed", "seed", "Seed"),
        Control("eval", "eval_every", "Steps between tests"),
    ),
    "Machine": (
        Control("device", "device", "Device"),
        Control("scan", "backend", "Scan"),
    ),
}
ALL: tuple[Control, ...] = tuple(control for group in CONTROLS.values() for control in group)


def groups(runs: Runs) -> dict[str, tuple[Control, ...]]:
    """The controls that make sense for an experiment; groups without any are left out."""
    different = differing(runs)
    chosen = {name: tuple(c for c in controls if c.concerns(runs, different)) for name, controls in CONTROLS.items()}
    return {name: controls for name, controls in chosen.items() if controls}


def widget(control: Control, default: TrainSettings, *, page: str) -> Any:
    """Draw one control and return its value; one that is locked cannot be changed, one that is hidden is not drawn."""
    value = get(default, control.path)
    label = control.words(default)
    key = f"{page}_{control.name}"
    shown = showing.now()
    locked = showing.fixed(key, value_of(control, default, page=page)) if shown.locks(key) else {}
    if shown.hides(key) or (locked and control.path == "task.data"):
        return st.session_state[key]
    if control.path == "task.data":
        return own_data(TASKS[default.task.name], label, key=key)
    field = _field(control.path)
    shared: dict[str, Any] = {"key": key, "bind": "query-params", "help": field.description, "width": WIDTH} | locked
    if isinstance(value, bool):
        return st.checkbox(label, value, **shared)
    if isinstance(value, str):
        options = _options(control)
        return st.selectbox(label, options, options.index(value), **shared)
    low, high = bounds(control.path)
    if isinstance(value, int):
        return st.number_input(label, int(low), int(high), value, 1, **shared)
    return st.number_input(label, float(low), float(high), value, value / 2 or 0.01, format="%g", **shared)


def value_of(control: Control, default: TrainSettings, *, page: str) -> Any:
    """What a control says: its widget, or the address where it is locked."""
    key, usual = f"{page}_{control.name}", get(default, control.path)
    if not showing.now().locks(key):
        return st.session_state.get(key, usual)
    text = st.query_params.get(key, str(usual))
    if isinstance(usual, bool):
        return text.lower() == "true" if text.lower() in ("true", "false") else usual
    if isinstance(usual, str):
        return text if text in _options(control) else usual
    low, high = bounds(control.path)
    try:
        value = type(usual)(text)
    except ValueError:
        return usual
    return value if low <= value <= high else usual


def bounds(path: str) -> tuple[float, float]:
    """Smallest and largest value of a number, as its setting says (open ends included: validation is stricter)."""
    low, high = 0.0, float(GREATEST_INT)
    for rule in _field(path).metadata:
        if isinstance(rule, annotated_types.Ge | annotated_types.Gt):
            low = float(getattr(rule, "ge", getattr(rule, "gt", low)))
        elif isinstance(rule, annotated_types.Le):
            high = float(rule.le)  # type: ignore[arg-type]
    return low, high


def set_all(settings: TrainSettings, controls: Iterable[Control] = ALL, *, page: str) -> None:
    """Put settings into the controls; for callbacks, before the widgets are drawn."""
    for control in controls:
        st.session_state[f"{page}_{control.name}"] = get(settings, control.path)


def into_address(controls: Iterable[Control], default: TrainSettings, *, page: str) -> None:
    """Write what was set before its widget was drawn: of such values Streamlit (1.67) tells the address nothing."""
    for control in controls:
        key, usual = f"{page}_{control.name}", get(default, control.path)
        value = st.session_state.get(key, usual)
        if value != usual and key not in st.query_params:
            st.query_params[key] = str(value).lower() if isinstance(value, bool) else str(value)


def url_notes(raw: dict[str, str], used: dict[str, Any], *, page: str) -> list[str]:
    """What the URL asked for and did not get, in words.

    Args:
        raw: parameters before the widgets were drawn.
        used: value of every control by its parameter.
        page: prefix of this page's parameters.
    """
    mine = {key: text for key, text in raw.items() if key.startswith(f"{page}_")}
    notes = []
    for key, text in mine.items():
        if key not in used:
            notes.append(f"{key[:40]} is no setting of this page")
        elif not _same(text, used[key]):
            notes.append(f"{key} cannot be {text[:40]!r}; {used[key]} is used instead")
    return notes


def _options(control: Control) -> list[str]:
    """What a control of words can be set to."""
    return list(BLOCKS if control.path == "model.block" else get_args(_field(control.path).annotation))


def _same(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, int | float):
        try:
            return float(text) == float(value)
        except ValueError:
            return False
    return text in (value, str(value).replace(" ", "_"))


def _field(path: str) -> Any:
    *parents, leaf = path.split(".")
    model: Any = TrainSettings
    for parent in parents:
        model = model.model_fields[parent].annotation
    return model.model_fields[leaf]
