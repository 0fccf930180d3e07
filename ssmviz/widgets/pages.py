"""The pages of the site. The same page is named in the menu and where another page leads to it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

PAGES = Path(__file__).parent.parent.parent / "pages"


def lab() -> StreamlitPage:
    """Where experiments are trained and watched."""
    return st.Page(PAGES / "train" / "lab.py", title="Lab", icon=":material/science:", default=True)


def runs() -> StreamlitPage:
    """What was trained before."""
    return st.Page(PAGES / "train" / "runs.py", title="Runs", icon=":material/history:", url_path="runs")
