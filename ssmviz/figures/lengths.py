"""What is measured against the length of a sequence: accuracies and times over log L."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from ssmviz.figures.curves import COLOURS, DASHES

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "cross", "triangle-down")


@dataclass(frozen=True)
class OverLength:
    """One line: values at lengths L."""

    label: str
    L: Sequence[int]
    values: Sequence[float]
    style: int | None = None  # lines of one thing in several figures share a number; else their places count


def over_length(lines: Sequence[OverLength], *, what: str, theme: str = "light", log: bool = False) -> go.Figure:
    """Lines over log L; each has a colour and a sign of its own.

    Args:
        lines: what to draw, in the order of the legend.
        what: name of the vertical axis, with its unit.
        theme: of the page, "light" or "dark".
        log: whether the vertical axis is logarithmic, too.
    """
    figure, colours = go.Figure(), COLOURS[theme]
    for place, line in enumerate(lines):
        i = place if line.style is None else line.style
        figure.add_scatter(
            x=[L.bit_length() - 1 for L in line.L],
            y=list(line.values),
            name=line.label,
            mode="lines+markers",
            line={"color": colours[i % len(colours)], "dash": DASHES[i // len(colours) % len(DASHES)], "width": 2},
            marker={"symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8},
            hovertemplate="%{y:.3~g} at L = 2^%{x}",
        )
    powers = sorted({L.bit_length() - 1 for line in lines for L in line.L})
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        height=380,
        legend={"orientation": "h", "yanchor": "top", "y": -0.28},
    )
    shown = [p for p in powers if len(powers) <= 8 or p % 2 == 0]
    figure.update_xaxes(title="length L", tickvals=shown, ticktext=[f"2<sup>{p}</sup>" for p in shown], zeroline=False)
    figure.update_yaxes(title=what, **({"type": "log", "dtick": 1} if log else {"range": [-3, 104]}))
    return figure


def in_words(lines: Sequence[OverLength], unit: str) -> str:
    """The text alternative: where every line begins and ends."""
    return "; ".join(
        f"{line.label}: {line.values[0]:.3g}{unit} at {line.L[0]:,}, {line.values[-1]:.3g}{unit} at {line.L[-1]:,}"
        for line in lines
        if line.L
    )
