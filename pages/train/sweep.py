"""The sweep: every combination of two settings, trained and seen in one picture."""

import streamlit as st

from ssmviz.widgets.notices import store_notice
from ssmviz.widgets.sweep_panel import FIRST, Question, ask, sweep_panel
from ssmviz.widgets.sweep_view import chosen_sweep, earlier_sweeps, sweep_view

store_notice()
st.title("What does it depend on?")
st.markdown(
    "One training is one sample. Here two settings change at once: every combination is trained, each with several "
    "seeds, and all of them are one picture. *Predict: a token is forgotten. Does the network need more states, or "
    "another layer?*"
)
shown, unknown = chosen_sweep()
if unknown:
    st.error(unknown, icon=":material/link_off:")
shown = sweep_panel(shown)
if shown is None:
    st.info("Press **Start**: the first places fill within seconds.", icon=":material/play_arrow:")
else:
    sweep_view(shown.id, key="sweep_view")

st.subheader("What to look for")
st.markdown(
    "- **Along a row.** What do more states buy? Where does it stop to matter?\n"
    "- **Down a column.** The same number of states, another layer. S4D and S5 treat every token alike, S6 does not. "
    "How many states would they need to make up for it?\n"
    "- **Within a place.** Point at it: how far apart are the seeds? A difference between two places that is smaller "
    "than this is no difference.\n"
    "- **Bright is good**, whatever is shown: a small loss or error is as bright as a large accuracy."
)
st.subheader("Three things to try")
with st.container(gap="xxsmall"):
    ask("Which layer, and how many states? The grid that this page begins with.", FIRST)
    parts = {"select": ("delta B C", "delta", "B C", "none")}
    ask("What must see the token: Δ, or B and C?", Question(rows="select", values=parts))
    rates = {"lr": (1e-3, 5e-3, 2e-2, 1e-1)}
    ask("Was it only the learning rate? Give every layer four of them.", Question(columns="lr", values=rates, seeds=1))
st.markdown(
    "Each sets the controls; then press **Start**. Places wait in the queue behind what you train in the lab. The "
    "sweep goes on when you close this page; its address brings you back."
)
earlier_sweeps(shown)
