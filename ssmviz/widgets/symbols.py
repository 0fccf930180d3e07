"""The symbols in the colours that they have in every picture (Okabe-Ito; the same as in `assets/canvas/canvas.css`)."""

from __future__ import annotations

import streamlit as st

COLOURS = {
    "light": {"x": "#877600", "delta": "#e08a00", "A": "#009e73", "B": "#d55e00", "C": "#b0528a", "h": "#0072b2"},
    "dark": {"x": "#f0e442", "delta": "#e69f00", "A": "#2fbf94", "B": "#ff8c42", "C": "#cc79a7", "h": "#56b4e9"},
}
LATEX = {"x": "x", "delta": r"\Delta", "A": r"\bar A", "B": r"\bar B", "C": "C", "h": "h", "y": "y"}


def tex(symbol: str, subscript: str = "") -> str:
    """LaTeX of a symbol in its colour: `tex("h", "t-1")`; y is the colour of the text."""
    colour = COLOURS[theme()].get(symbol)
    letter = LATEX[symbol] + (f"_{{{subscript}}}" if subscript else "")
    return rf"\textcolor{{{colour}}}{{{letter}}}" if colour else letter


def theme() -> str:
    """How the person sees the page: "dark" or "light"."""
    return "dark" if st.context.theme.type == "dark" else "light"
