"""Where people arrive: one minute with the idea, then the path."""

import streamlit as st

from ssmviz.lessons import gate
from ssmviz.widgets import pages
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.notices import store_notice

if "code" in st.query_params:
    st.switch_page(pages.join(), query_params={"code": st.query_params["code"]})
store_notice()
lesson = Lesson("gate", gate.CONTROLS)
lesson.question(
    "You are the gate",
    "A state space model reads a row of tokens **once** and keeps a small state. Four coloured letters must be "
    "remembered; the hatched ones are noise. **Paint $\\Delta$**, how long each token lasts, and watch what is "
    "recalled.",
)
lesson.play()
st.markdown(
    "That is the whole idea of **Mamba**: a network that learns to paint $\\Delta$ by itself, token by token. "
    "The path there, in ten steps; each is one picture to play with and one sentence to keep:"
)
with st.container(horizontal=True, gap="small"):
    for number, (name, (title, _, sentence)) in enumerate(pages.LESSONS.items(), start=1):
        with st.container(border=True, width=168, height="stretch", key=f"step_{name}"):
            st.page_link(pages.lesson(name), label=f"{number}. {title}")
            st.caption(sentence)
    with st.container(border=True, width=168, height="stretch", key="step_lab"):
        st.page_link(pages.lab(), label=f"{len(pages.LESSONS) + 1}. Train it")
        st.caption("A fixed kernel cannot follow moving gaps: train both and watch.")
st.markdown(
    "For the classroom: every picture is a link. What you set is in the address, so send it. "
    "Without a GPU all of it runs on two cores; with one, the same buttons train larger networks."
)
