"""The symbols in the colours that they have in every picture (Okabe-Ito; the same as in `assets/canvas/canvas.css`)."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

COLOURS = {
    "light": {"x": "#877600", "delta": "#e08a00", "A": "#009e73", "B": "#d55e00", "C": "#b0528a", "h": "#0072b2"},
    "dark": {"x": "#f0e442", "delta": "#e69f00", "A": "#2fbf94", "B": "#ff8c42", "C": "#cc79a7", "h": "#56b4e9"},
}
LATEX = {"x": "x", "delta": r"\Delta", "A": r"\bar A", "B": r"\bar B", "C": "C", "h": "h", "y": "y"}


@dataclass(frozen=True)
class Symbol:
    """What a symbol means, in the words of every page."""

    short: str
    long: str
    seen: str  # the lesson that introduces it


GLOSSARY: dict[str, Symbol] = {
    "x": Symbol(
        "input",
        "What enters: one number per channel and token. The S4 papers write $u$ for it, and $x$ for the state; "
        "here $x$ is always the input.",
        "continuous",
    ),
    "h": Symbol(
        "state",
        "All that is remembered: $N$ numbers a channel. What is not in $h$ is gone.",
        "continuous",
    ),
    "y": Symbol("output", "What is read from the state: $y = C h + D x$.", "continuous"),
    "A": Symbol(
        "memory",
        "How the state moves by itself. The eigenvalues of $A$, its poles, say how fast it forgets and whether it "
        "rings. $\\bar A = e^{\\Delta A}$ is the share that is kept over one token.",
        "continuous",
    ),
    "B": Symbol(
        "write",
        "How the input is written into the state. $\\bar B$ is what one token writes.",
        "discretisation",
    ),
    "C": Symbol("read", "How the output is read from the state.", "continuous"),
    "delta": Symbol(
        "step",
        "How long a token lasts. Near 0 it passes without a trace; large, it overwrites everything. In S6 it depends "
        "on the token: that is the selection.",
        "selection",
    ),
}


def tex(symbol: str, subscript: str = "") -> str:
    """LaTeX of a symbol in its colour: `tex("h", "t-1")`; y is the colour of the text."""
    colour = COLOURS[theme()].get(symbol)
    letter = LATEX[symbol] + (f"_{{{subscript}}}" if subscript else "")
    return rf"\textcolor{{{colour}}}{{{letter}}}" if colour else letter


def theme() -> str:
    """How the person sees the page: "dark" or "light"."""
    return "dark" if st.context.theme.type == "dark" else "light"
