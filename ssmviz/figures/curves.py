"""Curves of several runs in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

COLOURS = {  # Okabe-Ito, as in the lab: lighter on a dark page
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"),
    "dark": ("#56B4E9", "#FF8C42", "#2FBF94", "#CC79A7", "#E69F00", "#F0E442", "#0072B2"),
}
DASHES = ("solid", "dash", "dot", "dashdot")  # the second sign beside the colour


@dataclass(frozen=True)
class Curve:
    """One line: values in [0, 1] against optimiser steps. Curves of one group share a colour."""

    label: str
    group: int
    member: int
    steps: Sequence[int]
    values: Sequence[float]


def accuracy_curves(curves: Sequence[Curve], *, what: str, theme: str = "light") -> go.Figure:
    """Accuracies on one axis; one colour per experiment, one dash per run of it.

    Args:
        curves: what to draw, in the order of the legend.
        what: name of the vertical axis.
        theme: of the page, "light" or "dark".
    """
    figure, colours = go.Figure(), COLOURS[theme]
    for curve in curves:
        colour, dash = colours[curve.group % len(colours)], DASHES[curve.member % len(DASHES)]
        figure.add_scatter(
            x=list(curve.steps),
            y=list(curve.values),
            name=curve.label,
            mode="lines+markers" if len(curve.steps) < 3 else "lines",
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate="%{y:.1%} at step %{x}",
        )
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        height=380,
        hovermode="x unified",
        legend={"orientation": "h", "yanchor": "top", "y": -0.18},
    )
    figure.update_xaxes(title="optimiser step", rangemode="tozero")
    figure.update_yaxes(title=what, range=[0, 1.02], tickformat=".0%")
    return figure


def in_words(curves: Sequence[Curve]) -> str:
    """The text alternative: where every curve ends."""
    ends = [f"{c.label}: {c.values[-1]:.1%} at step {c.steps[-1]}" for c in curves if c.steps]
    return "; ".join(ends) if ends else "no evaluation yet"
