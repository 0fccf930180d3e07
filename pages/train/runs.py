"""Old runs: open, resume, compare, delete."""

import streamlit as st

from ssmviz.widgets import pages, services
from ssmviz.widgets.comparison import comparison
from ssmviz.widgets.notices import store_notice, who_you_are
from ssmviz.widgets.run_list import run_list

store_notice()
st.title("Runs")
who_you_are()

who = services.person()
if not services.access().summaries():
    st.info("Nothing was trained here yet.", icon=":material/science:")
    st.page_link(pages.lab(), label="Train something in the lab")
    st.stop()

words = "Everything trained on this machine" if who.presents else "What you trained, and what is shared with the class"
st.markdown(f"{words}, newest first. Tick two or more to compare them.")
chosen = run_list()
if len(chosen) >= 2:
    st.subheader("Compared")
    comparison(chosen)
