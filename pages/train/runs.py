"""Old runs: open, resume, compare, delete."""

import streamlit as st

from ssmviz.widgets import pages, services
from ssmviz.widgets.comparison import comparison
from ssmviz.widgets.notices import store_notice
from ssmviz.widgets.run_list import run_list

store_notice()
st.title("Runs")

if not services.client().store.experiments(1):
    st.info("Nothing was trained here yet.", icon=":material/science:")
    st.page_link(pages.lab(), label="Train something in the lab")
    st.stop()

st.markdown("Everything trained on this machine, newest first. Tick two or more to compare them.")
chosen = run_list()
if len(chosen) >= 2:
    st.subheader("Compared")
    comparison(chosen)
