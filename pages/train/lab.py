"""The lab: twins learn one task, and everything inside them can be watched."""

import streamlit as st

from ssmviz.presets import LAB
from ssmviz.widgets.lesson import symbol_links
from ssmviz.widgets.live_view import live_view
from ssmviz.widgets.notices import store_notice
from ssmviz.widgets.opening import opening
from ssmviz.widgets.symbols import tex
from ssmviz.widgets.task_choice import recordings
from ssmviz.widgets.train_panel import train_panel, try_this

PAGE = "lab"
x, x_t, y_t, C_t = tex("x"), tex("x", "t"), tex("y", "t"), tex("C", "t")
h, h_t, h_before, delta_t = tex("h"), tex("h", "t"), tex("h", "t-1"), tex("delta", "t")
A_t, B_t = tex("A", "t"), tex("B", "t")

store_notice()
st.title("What should a state keep?")
intro = st.empty()
experiment = train_panel(LAB, page=PAGE, any_layers=True)
intro.markdown(opening(page=PAGE))
if experiment is None:
    st.info("Press **Train**: the twins start within two seconds.", icon=":material/play_arrow:")
else:
    live_view(experiment, key=f"{PAGE}_live", nearby=recordings(LAB))

st.subheader("Things to try")
with st.container(gap="xxsmall"):
    try_this("Fix the gaps: plain copying. Does the twin still need to choose?", "copying", page=PAGE)
    try_this("Ask for one memory and test it far beyond its training: induction heads.", "induction_heads", page=PAGE)
    try_this("Let RetNet's matrix hold the pairs.", "associative_recall", page=PAGE, left="s6", right="retnet")
    try_this("Give the state two numbers a channel instead of eight: N = 2.", "selective_copying", page=PAGE, N=2)
st.markdown("Each sets the controls; then press **Train**. While it trains, edit the sequence and watch both answers.")

st.subheader("What you see")
symbol_links("delta", "A", "B", "C", "h", "x", "y")
st.markdown(
    f"- ${delta_t}$: how long a token lasts. Near 0 the token is skipped and the state stays; large, and the past is "
    "overwritten.\n"
    f"- ${A_t}$: the part of the state that is kept. ${B_t}$: how a token is written. ${C_t}$: how the state is read.\n"
    f"- ${h}$: the state, everything a channel remembers. ${x}$ enters the recurrence, ${tex('y')}$ leaves it."
)
st.latex(rf"{h_t} = {A_t}\,{h_before} + {B_t}\,{x_t}")
st.latex(rf"{y_t} = {C_t}\,{h_t} + D\,{x_t} \qquad {A_t} = e^{{{delta_t} A}}")
st.latex(rf"\text{{paper: }} {B_t} = ({delta_t} A)^{{-1}}\bigl({A_t} - I\bigr)\,{delta_t} B_t")
st.latex(rf"\text{{released code: }} {B_t} = {delta_t} B_t")
st.markdown(
    f"S6 computes ${delta_t} = \\mathrm{{softplus}}(\\mathrm{{Linear}}({x_t}))$, $B_t$ and ${C_t}$ from the token; "
    "$A$ is learned but the same for all tokens. In S4D all are constants, so the layer is one convolution. "
    "The paper's $\\bar B$ is the zero-order hold, the released code's is Euler's; this page follows the code, or "
    "the paper with `zoh` under More."
)

st.subheader("Check yourself")
with st.expander("The twin reads every letter. Why can it not repeat them?"):
    st.markdown(
        "Its kernel is fixed: a letter's trace in the state depends on how long ago it was, and the gaps differ every "
        "time. It needs to know *when* the letters came; S6 only needs *that* they came, and lets noise pass."
    )
with st.expander("Does an edit of one token change Δ elsewhere?"):
    st.markdown(
        "In the first layer only up to three tokens on, through the convolution of width 4. The state changes from "
        "there to the end; deeper layers read it, so their Δ may follow. Try it in the sequence editor."
    )

st.subheader("Sources")
st.markdown(
    "- Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752): selection, section 3 and Algorithm 2; zero-order "
    "hold, eq. 4; selective copying and induction heads, section 4.1, Tables 1, 2 and 11.\n"
    "- Gu, Gupta, Goel & Ré 2022, [S4D](https://arxiv.org/abs/2206.11893): the diagonal layer of the twin.\n"
    "- Everything else on this page is computed by this app; `benchmarks/` has the commands."
)
