"""For a teacher: the room of the class, and links that show a page as a lesson needs it."""

import streamlit as st

from ssmviz.widgets import services
from ssmviz.widgets.link_maker import link_maker
from ssmviz.widgets.room_panel import room_panel

st.title("Present")
if not services.person().presents:
    st.info("This page is for teachers.", icon=":material/co_present:")
    st.stop()
room_panel()
link_maker()
