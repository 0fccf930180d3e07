"""What the symbols mean; `?symbol=delta` is where chips of the lessons lead."""

import streamlit as st

from ssmviz.widgets import pages
from ssmviz.widgets.symbols import GLOSSARY, tex

SIZES = (
    ("L", "length of a sequence: tokens or samples"),
    ("D", "channels that run side by side, each with a state of its own"),
    ("N", "states per channel: what one channel can remember"),
    ("E", "expansion: a Mamba block works on $D = E\\,d_{model}$ channels"),
    ("K", "kernel: $\\bar K_k = C \\bar A^k \\bar B$, the answer to one pulse, $k$ tokens later"),
    (r"\mu", "measure: how much each moment of the past counts (HiPPO)"),
)

asked = st.query_params.get("symbol")
st.title("Symbols")
st.markdown("The same letter and the same colour on every page.")
st.latex(rf"{tex('h', 't')} = {tex('A', 't')}\,{tex('h', 't-1')} + {tex('B', 't')}\,{tex('x', 't')}")
st.latex(rf"{tex('y', 't')} = {tex('C', 't')}\,{tex('h', 't')} + D\,{tex('x', 't')}")
if asked is not None and asked not in GLOSSARY:
    st.warning(f"There is no symbol {asked[:20]!r} here; these are all.", icon=":material/link_off:")
for name, symbol in GLOSSARY.items():
    with st.container(border=name == asked, key=f"symbol_{name}"):
        st.markdown(f"##### ${tex(name)}$ · {symbol.short}\n{symbol.long}")
        st.page_link(pages.lesson(symbol.seen), width="content")
st.subheader("Sizes and more")
st.markdown("\n".join(f"- ${letter}$: {words}" for letter, words in SIZES))
