"""What a person must know about this machine before starting anything."""

from __future__ import annotations

import streamlit as st

from ssmviz.widgets import services


def store_notice() -> None:
    """A banner when runs are kept somewhere temporary."""
    notice = services.client().store.notice
    if notice:
        st.warning(notice, icon=":material/folder_off:")
