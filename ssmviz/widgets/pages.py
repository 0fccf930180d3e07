"""The pages of the site. The same page is named in the menu and where another page leads to it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.navigation.page import StreamlitPage

PAGES = Path(__file__).parent.parent.parent / "pages"

# the path: file in pages/learn (and address), title, icon, the one sentence to keep
LESSONS: dict[str, tuple[str, str, str]] = {
    "continuous": ("Continuous", "vital_signs", "A pole is forgetting speed and ringing."),
    "memory": ("Memory", "auto_stories", "A is an online curve-fitter; a random A forgets."),
    "discretisation": ("Discrete", "timer", "Δ is how long a token lasts."),
    "two_views": ("Two views", "compare_arrows", "Time-invariant means one kernel."),
    "structured": ("Structured", "grid_on", "Diagonalisable on paper, not in floats."),
    "selection": ("Selective", "tune", "A large Δ resets, a zero Δ freezes time."),
    "scan": ("Scan", "account_tree", "Associativity buys depth; not writing h buys bandwidth."),
    "block": ("Block", "schema", "A short convolution, a selective memory, a gate."),
    "attention": ("Attention", "hub", "Cheap because it compresses, limited because it compresses."),
}


def lesson(name: str) -> StreamlitPage:
    """One lesson."""
    title, icon, _ = LESSONS[name]
    return st.Page(PAGES / "learn" / f"{name}.py", title=title, icon=f":material/{icon}:", url_path=name)


def lessons() -> list[StreamlitPage]:
    """All lessons in the order of the path."""
    return [lesson(name) for name in LESSONS]


def neighbours(name: str) -> tuple[StreamlitPage, StreamlitPage]:
    """The pages before and after a lesson; the lab comes after the last."""
    names = list(LESSONS)
    i = names.index(name)
    before = lesson(names[i - 1]) if i else home()
    after = lesson(names[i + 1]) if i + 1 < len(names) else lab()
    return before, after


def home() -> StreamlitPage:
    """Where people arrive."""
    return st.Page(PAGES / "start" / "home.py", title="Start", icon=":material/home:", default=True)


def glossary() -> StreamlitPage:
    """What the symbols mean."""
    return st.Page(PAGES / "start" / "glossary.py", title="Symbols", url_path="glossary")


def claims() -> StreamlitPage:
    """What the papers say, beside what was measured here."""
    return st.Page(PAGES / "start" / "claims.py", title="Claims", icon=":material/fact_check:", url_path="claims")


def lab() -> StreamlitPage:
    """Where experiments are trained and watched."""
    return st.Page(PAGES / "train" / "lab.py", title="Lab", icon=":material/science:", url_path="lab")


def sweep() -> StreamlitPage:
    """Where every combination of two settings is trained."""
    return st.Page(PAGES / "train" / "sweep.py", title="Sweep", icon=":material/grid_on:", url_path="sweep")


def present() -> StreamlitPage:
    """What a teacher needs: large type, locked links, the room of the class."""
    return st.Page(PAGES / "train" / "present.py", title="Present", icon=":material/co_present:", url_path="present")


def join(*, listed: bool = False) -> StreamlitPage:
    """Where a student types the code of the class."""
    shown: Literal["visible", "hidden"] = "visible" if listed else "hidden"
    path = PAGES / "start" / "join.py"
    return st.Page(path, title="Join", icon=":material/groups:", url_path="join", visibility=shown)


def family() -> StreamlitPage:
    """Every layer of the story."""
    return st.Page(PAGES / "train" / "family.py", title="Family", icon=":material/family_history:", url_path="family")


def runs() -> StreamlitPage:
    """What was trained before."""
    return st.Page(PAGES / "train" / "runs.py", title="Runs", icon=":material/history:", url_path="runs")


def weights() -> StreamlitPage:
    """Where published weights are opened."""
    return st.Page(PAGES / "train" / "weights.py", title="Weights", icon=":material/deployed_code:", url_path="weights")
