"""The family: from the Legendre memory unit to Mamba, each layer in a card, and all of them beside each other."""

import streamlit as st

from ssmviz.family import BLOCKS, STORY
from ssmviz.widgets.family_view import cost_plots, memory_plot, sizes_choice, story_card, summary

st.title("The family")
st.markdown(
    "All these layers do one thing: they let a token see the tokens before it. They differ in **what they keep of the "
    "past**: a window, decaying oscillators, a matrix, or everything. Each is in this app as code: it trains in the "
    "lab, in any block, beside any other, and its memory can be watched. *Predict: whose memory grows with the text?*"
)
sizes = sizes_choice("family")
st.subheader("How much is remembered")
memory_plot(sizes)
summary(sizes)
st.subheader("What a layer costs")
cost_plots()

st.subheader("The story, layer by layer")
for card in STORY:
    story_card(card, sizes)
st.subheader("What stands around a layer")
for block in BLOCKS.values():
    if block not in STORY:
        story_card(block)
