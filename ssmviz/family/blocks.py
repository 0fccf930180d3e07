"""Every block of the family: what stands around a layer."""

from __future__ import annotations

from ssmviz.family.cards import BlockCard, Source
from ssmviz.family.layers import MAMBA, MAMBA_LINK

BLOCKS: dict[str, BlockCard] = {
    "mamba": BlockCard(
        "mamba",
        "Mamba",
        "One block for all: the stream is widened, a short convolution lets a token see the three before it, the layer "
        "mixes over time, and a second branch gates what it says.",
        r"\mathrm{out}\bigl(\mathrm{layer}(\mathrm{SiLU}(\mathrm{conv}(x))) \odot \mathrm{SiLU}(z)\bigr), "
        r"\quad [x, z] = \mathrm{in}(u)",
        Source(MAMBA, "figure 3", MAMBA_LINK),
        ("expand", "d_conv", "gate"),
    ),
    "plain": BlockCard(
        "plain",
        "Plain",
        "The layer on the stream itself, a GELU and a projection: what stood around S4D, without its gate.",
        r"\mathrm{out}\bigl(\mathrm{GELU}(\mathrm{layer}(u))\bigr)",
        Source("Gu, Gupta, Goel & Ré 2022, S4D", "released code", "https://arxiv.org/abs/2206.11893"),
    ),
    "linear": BlockCard(
        "linear",
        "None",
        "The layer and nothing else, with no residual stream: with a time-invariant layer the whole network is one "
        "linear system.",
        r"\mathrm{layer}(u)",
        Source(MAMBA, "eq. 2", MAMBA_LINK),
    ),
    "h3": BlockCard(
        "h3",
        "H3",
        "The layer between two products: keys pass a short shift and are multiplied by the values, the layer mixes "
        "over time, the query picks from what it says. With S4D inside it is H3, with Hyena's filter it is Hyena.",
        r"\mathrm{out}\bigl(q \odot \mathrm{layer}(\mathrm{shift}(k) \odot v)\bigr)",
        Source("Fu, Dao et al. 2022, H3", "section 3", "https://arxiv.org/abs/2212.14052"),
        ("d_conv",),
    ),
    "transformer": BlockCard(
        "transformer",
        "Transformer++",
        "Two residual steps: the layer mixes over time, then a SwiGLU mixes the channels of each token. RMSNorm before "
        "each, no biases.",
        r"u \leftarrow u + \mathrm{layer}(\mathrm{norm}(u)), \qquad u \leftarrow u + \mathrm{SwiGLU}(\mathrm{norm}(u))",
        Source(MAMBA, "section 4 (the baseline Transformer++)", MAMBA_LINK),
    ),
}
