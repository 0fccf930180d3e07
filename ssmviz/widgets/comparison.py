"""Two or more experiments over each other."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ssmviz.figures.curves import Curve, accuracy_curves, in_words
from ssmviz.live.series import Series
from ssmviz.runs.view import ExperimentView
from ssmviz.widgets import services
from ssmviz.widgets.symbols import theme

MEASURES = {"tokens right": "token_accuracy", "sequences right": "sequence_accuracy"}


def comparison(experiments: Sequence[str]) -> None:
    """Draw the test accuracies of several experiments in one figure."""
    what = st.segmented_control("Measure", list(MEASURES), default="tokens right", required=True, key="compare_what")
    measure = MEASURES[what or "tokens right"]
    curves = [
        curve
        for group, experiment in enumerate(experiments)
        for curve in _curves(services.access().view(experiment), group, measure)
    ]
    st.plotly_chart(accuracy_curves(curves, what=what or "", theme=theme()), key="compare_figure", theme="streamlit")
    st.caption(f"Measured here. At the end: {in_words(curves)}.")


def _curves(view: ExperimentView, group: int, measure: str) -> list[Curve]:
    curves = []
    for member, run in enumerate(view.summary().runs):
        series = Series()
        rowid = 0
        while page := view.metrics_since(run.id, rowid):
            series.fold(page)
            rowid = page[-1].rowid
        columns = series.columns["evaluations"]
        if run.settings.task.says_signal:  # errors do not compare with accuracies
            continue
        label = f"{group + 1}: {run.label}, L={run.settings.task.L}, N={run.settings.model.N}, seed {run.settings.seed}"
        curves.append(Curve(label, group, member, columns["step"], columns[measure]))
    return curves
