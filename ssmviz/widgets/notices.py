"""What a person must know about this machine before starting anything."""

from __future__ import annotations

import streamlit as st

from ssmviz.widgets import services, sign_in


def store_notice() -> None:
    """A banner when runs are kept somewhere temporary."""
    notice = services.client().store.notice
    if notice:
        st.warning(notice, icon=":material/folder_off:")


def who_you_are() -> None:
    """In a class: as whom this page knows its reader, and how to change that."""
    sign_in.who_you_are(services.classroom(), services.person())
