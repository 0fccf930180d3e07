"""Into the room of the class, with the code on the projector."""

import streamlit as st

from ssmviz.widgets.join_form import join_form

st.title("Join the class")
join_form()
