"""Weights: any Mamba in a published layout, opened, run on token ids, and looked into."""

import streamlit as st

from ssmviz.lessons import inside
from ssmviz.widgets.lesson import symbol_links
from ssmviz.widgets.model_choice import look, model_choice, prompt_choice, save_buttons
from ssmviz.widgets.symbols import tex

st.title("What does a Mamba do with your tokens?")
st.markdown(
    "Open the weights of a Mamba language model, give it token ids, and look into every layer: how long each token "
    "lasts (Δ), what the state holds, and which earlier tokens it reads. *Predict: does every layer wait at the same "
    "tokens?*"
)
symbol_links("delta", "A", "B", "C", "h", "y")
opened = model_choice()
if opened is not None:
    model, sizes = opened.model, opened.model.sizes
    head = "tied to the embedding" if model.tied else "a matrix of its own"
    note = f" Its numbers are {model.note}." if model.note else ""
    st.caption(
        f"{sizes} (layout {model.layout}); {model.parameters:,} parameters, the head is {head}.{note} Computed here."
    )
    reading = prompt_choice(opened)
    if reading is not None:
        look(opened, reading)
    save_buttons(opened)

st.subheader("What you see")
st.markdown(
    "- **Tokens.** The prompt, then what the model adds: each time its likeliest token. Below each token, the "
    "likeliest next one.\n"
    "- **Δ.** Near 0 a token is skipped, large it overwrites the state. Press a layer, then a channel, or use arrow "
    "keys.\n"
    f"- **Hidden attention.** Unrolled, the scan is a matrix: $\\alpha_{{ij}} = {tex('C', 'i')} "
    f"\\bigl(\\prod_{{k=j+1}}^{{i}} {tex('A', 'k')}\\bigr) \\Delta_j B_j$. Row i is what token i reads. It may be "
    "negative, and a row does not sum to 1. Of all channels the mean of |α| is shown."
)
st.subheader("Files")
st.markdown(
    "Both published layouts open: `hf` (transformers, `backbone.embeddings.weight`) and `original` (mamba_ssm, "
    "`backbone.embedding.weight`, rows padded to a multiple of 8). Only safetensors: a `.bin` or `.pt` file may run "
    "code when it is opened. A missing or unexpected tensor, a wrong shape or type, or a number that is none is "
    "refused by name. Numbers of 16 bits (F16, BF16) are read as float32, exactly. This page takes "
    f"{inside.MOST_BYTES // 1024**2} MiB, counted as float32. A model of any size reads a prompt in the terminal, "
    "layer by layer from its file: `python -m ssmviz.weights IN --prompt 1 2 3` prints what is shown here, and "
    "`python -m ssmviz.weights IN OUT --layout original` converts it. The tiny model is random and never learned "
    "anything."
)
st.subheader("Sources")
st.markdown(
    "- Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752): figure 3 and Algorithm 2, with the released code's "
    "$\\bar B = \\Delta B$.\n"
    "- Ali, Zimerman & Wolf 2024, [Hidden attention of Mamba](https://arxiv.org/abs/2403.01590), section 3."
)
