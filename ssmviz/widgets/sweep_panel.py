"""What a sweep is started with: a task, two axes with their values, seeds. Everything stands in the URL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from pydantic import ValidationError

from ssmviz.classroom.access import quota_of
from ssmviz.presets import LAB, PRESETS, Runs, with_changes
from ssmviz.runs import sweeps
from ssmviz.runs.estimate import estimate
from ssmviz.runs.grid import AXES, KINDS_OF_RUN, MAX_SEEDS, MAX_VALUES, SMALL, Axis, Cell, Grid, Hole, fill, read_values
from ssmviz.runs.records import Refused
from ssmviz.runs.sweep_rows import SweepRow
from ssmviz.settings import explain, get
from ssmviz.widgets import services
from ssmviz.widgets.controls import ALL, Control, groups, set_all, url_notes, widget
from ssmviz.widgets.live_view import settings_words
from ssmviz.widgets.sweep_view import PARAMETER
from ssmviz.widgets.task_choice import task_words, trainable

PAGE = "sweep"
MOST_SAID = 4  # reasons why something is not trained


@dataclass(frozen=True)
class Question:
    """A grid that teaches something."""

    rows: str = "layer"
    columns: str = "N"
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # of an axis, where not its own
    seeds: int = 2
    settings: Mapping[str, Any] = field(default_factory=dict)  # by the names of their controls
    preset: str = LAB[0]


FIRST = Question()


def sweep_panel(shown: SweepRow | None) -> SweepRow | None:
    """Draw the controls and start a sweep when asked to.

    Args:
        shown: the sweep that the page shows.

    Returns:
        The sweep to show: the one that was started just now, else `shown`.
    """
    raw = st.query_params.to_dict()
    if shown is not None and f"{PAGE}_rows" not in st.session_state and not _said_in_url():
        adopt(shown.grid)  # the link names the sweep alone
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pressed = st.button("Start", type="primary", icon=":material/play_arrow:", key=f"{PAGE}_start")
        preset = _task()
        rows = _axis("Rows", FIRST.rows, list(AXES), name="rows")
        columns = _axis("Columns", FIRST.columns, [name for name in AXES if name != rows], name="columns")
        seeds = st.number_input(
            "Seeds", 1, MAX_SEEDS, FIRST.seeds, key=f"{PAGE}_seeds", bind="query-params", width=110,
            help="Every place is trained once with each, and shows their mean.",
        )  # fmt: skip
        changes = _more(preset, (AXES[rows].path, AXES[columns].path))
    left, right = st.columns(2)
    with left:
        across = _values(rows)
    with right:
        down = _values(columns)
    _note(raw)
    grid = _grid(preset, changes, (rows, across), (columns, down), int(seeds))
    if grid is None:
        return shown
    cells, holes = _filled(grid)
    if cells or holes:
        _say(grid, cells, holes)
    if shown is not None and shown.grid != grid:
        words = "Set the controls to the sweep below"
        st.button(words, type="tertiary", icon=":material/tune:", on_click=adopt, args=(shown.grid,))
    if pressed and cells:
        return _start(grid) or shown
    return shown


def ask(words: str, question: Question) -> None:
    """A link that sets the controls to a grid."""
    st.button(words, type="tertiary", icon=":material/arrow_forward:", on_click=_put, args=(question,))


def adopt(grid: Grid) -> None:
    """Put a grid into the controls; for callbacks, before they are drawn."""
    state = st.session_state
    base = _base(grid.preset)[0][1]
    state[f"{PAGE}_task"] = grid.preset
    set_all(base, page=PAGE)
    for control in ALL:
        if control.path in grid.changes:
            state[f"{PAGE}_{control.name}"] = grid.changes[control.path]
    for name in KINDS_OF_RUN:
        axis = name.removeprefix("model.")
        state[f"{PAGE}_{axis}"] = grid.changes.get(name, get(base, name))
    for side, on in (("rows", grid.rows), ("columns", grid.columns)):
        state[f"{PAGE}_{side}"] = on.name
        state[f"{PAGE}_of_{on.name}"] = list(on.values) if on.kind.names else _text(on.values)
    state[f"{PAGE}_seeds"], state[f"{PAGE}_seed"] = len(grid.seeds), grid.seeds[0]


def _put(question: Question) -> None:
    preset, values = question.preset, question.values
    axes = (Axis(name=name, values=values.get(name, AXES[name].start)) for name in (question.rows, question.columns))
    rows, columns = axes
    changes = {c.path: question.settings[c.name] for c in ALL if c.name in question.settings}
    adopt(Grid(preset=preset, changes=changes, rows=rows, columns=columns, seeds=tuple(range(question.seeds))))
    st.query_params.pop(PARAMETER, None)


def _note(raw: dict[str, str]) -> None:
    """Say what the address asked for and did not get."""
    state = st.session_state
    said = {key: state[key] for key in raw if key in state and isinstance(state[key], int | float)}
    notes = url_notes(raw, {key: text for key, text in raw.items() if key in state} | said, page=PAGE)
    kept: list[str] = state.setdefault(f"_{PAGE}_notes", notes)
    if kept:
        st.warning("From the address of this page: " + "; ".join(kept) + ".", icon=":material/link_off:")


def _said_in_url() -> bool:
    return any(key.startswith(f"{PAGE}_") for key in st.query_params)


def _base(preset: str) -> Runs:
    return with_changes(PRESETS[preset].runs, SMALL.get(preset, {}))


# -- controls ---------------------------------------------------------------------------------------------------------


def _task() -> str:
    options = trainable(LAB)
    return str(
        st.selectbox(
            "Task", options, format_func=task_words, key=f"{PAGE}_task", bind="query-params", on_change=_other_task
        )
    )


def _other_task() -> None:
    """Another task has sizes of its own."""
    set_all(_base(st.session_state[f"{PAGE}_task"])[0][1], page=PAGE)


def _axis(label: str, start: str, options: list[str], *, name: str) -> str:
    key = f"{PAGE}_{name}"
    if st.session_state.get(key, start) not in options:
        st.session_state[key] = options[0]  # the rows have taken it
    first = options.index(start) if start in options else 0
    said = st.selectbox(label, options, first, format_func=lambda n: AXES[n].label, key=key, bind="query-params")
    return str(said)


def _values(name: str) -> str | list[str]:
    kind, key = AXES[name], f"{PAGE}_of_{name}"
    if kind.names:
        said: list[str] = st.multiselect(
            kind.label, list(kind.names), list(kind.start), format_func=lambda v: kind.names[v], key=key,
            bind="query-params", max_selections=MAX_VALUES,
        )  # fmt: skip
        return said
    help_ = f"Numbers with commas between them, at most {MAX_VALUES}."
    return st.text_input(kind.label, _text(kind.start), key=key, bind="query-params", help=help_, max_chars=200) or ""


def _more(preset: str, axes: tuple[str, str]) -> dict[str, Any]:
    """Everything else that can be set; what differs from the preset."""
    runs = _base(preset)
    default = runs[0][1]
    changes = dict(SMALL.get(preset, {}))
    with st.popover("More", icon=":material/tune:", key=f"{PAGE}_more"):
        with st.container(horizontal=True):
            for path in KINDS_OF_RUN:
                if path not in axes and (said := _kind_of_run(path, get(default, path))) != get(default, path):
                    changes[path] = said
        for name, controls in groups(runs).items():
            shown = [c for c in controls if c.path not in (*axes, *KINDS_OF_RUN)]
            if shown:
                st.caption(name)
            with st.container(horizontal=True):
                said_here = {c: widget(c, default, page=PAGE) for c in shown}
            changes |= _changed(said_here, default)
    return {path: value for path, value in changes.items() if path not in axes}


def _changed(said: Mapping[Control, Any], default: Any) -> dict[str, Any]:
    return {c.path: value for c, value in said.items() if value != get(default, c.path)}


def _kind_of_run(path: str, start: str) -> str:
    kind, key = AXES[path.removeprefix("model.")], f"{PAGE}_{path.removeprefix('model.')}"
    options = list(kind.names)
    return str(
        st.selectbox(
            kind.label, options, options.index(start), format_func=lambda v: kind.names[v], key=key,
            bind="query-params", width=180,
        )
    )  # fmt: skip


def _text(values: tuple[Any, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


# -- what they say ----------------------------------------------------------------------------------------------------


def _grid(
    preset: str,
    changes: dict[str, Any],
    rows: tuple[str, str | list[str]],
    columns: tuple[str, str | list[str]],
    seeds: int,
) -> Grid | None:
    """The grid that the controls ask for; None where it is none, which is said."""
    first = changes.pop("seed", 0)
    try:
        axes = []
        for name, said in (rows, columns):
            values = read_values(name, said) if isinstance(said, str) else tuple(said)
            if not values:
                raise ValueError(f"{AXES[name].label} has no values; give at least one")
            axes.append(Axis(name=name, values=values))
        return Grid(
            preset=preset, changes=changes, rows=axes[0], columns=axes[1], seeds=tuple(range(first, first + seeds))
        )
    except ValidationError as error:
        st.error(f"This is no grid: {explain(error)}.", icon=":material/error:")
    except ValueError as error:
        st.error(f"This is no grid: {error}.", icon=":material/error:")
    return None


def _filled(grid: Grid) -> tuple[list[Cell], list[Hole]]:
    try:
        return fill(grid)
    except ValidationError as error:
        st.error(f"This cannot be trained: {explain(error)}.", icon=":material/error:")
        return [], []


def _say(grid: Grid, cells: list[Cell], holes: list[Hole]) -> None:
    """How much it is, how long it takes, and what of it is impossible."""
    places = services.client().store.slots()
    count = len(cells) // len(grid.seeds)
    words = f"**{len(cells)} runs**: {count} places, {len(grid.seeds)} seed{'s' if len(grid.seeds) > 1 else ''} each"
    words += f", {min(places, len(cells))} at a time. {_time(cells, places)}"
    if cells:
        words += f" One of them: {settings_words(cells[0].settings)}."
    st.caption(words)
    reasons = Counter(hole.why for hole in holes)
    if reasons:
        lines = [f"{why} ({'one place' if n == 1 else f'{n} places'})" for why, n in reasons.most_common(MOST_SAID)]
        more = [f"and {len(reasons) - MOST_SAID} more reasons"] if len(reasons) > MOST_SAID else []
        st.warning("\n- ".join(["Not trained:\n", *lines, *more]), icon=":material/grid_off:")


def _time(cells: list[Cell], places: int) -> str:
    known = estimate(services.client().store, cells, places)
    if known is None:
        return "How long it takes is not known yet: nothing like it was trained here."
    minutes = known.seconds / 60
    words = f"{known.seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} minutes"
    sure = "" if known.known == known.runs else f", a guess: only {known.known} of {known.runs} are known"
    return f"About {words} of training, from what runs like these took here{sure}."


def _start(grid: Grid) -> SweepRow | None:
    """Start it and name it in the URL; why not, if not."""
    person = services.person()
    if not person.is_known:
        st.error("Sign in first: nothing is started for somebody unknown.", icon=":material/error:")
        return None
    quota = quota_of(person, services.classroom())
    try:
        row = sweeps.start(services.client(), grid, owner=person.id, quota=quota)
    except Refused as refusal:
        st.error(f"Nothing was started: {refusal}.", icon=":material/error:")
        return None
    st.query_params[PARAMETER] = row.id
    return row
