"""The story in the order in which one thing led to the next: layers, and two ideas that are no layers themselves."""

from __future__ import annotations

from ssmviz.family.blocks import BLOCKS
from ssmviz.family.cards import BlockCard, Card, Source
from ssmviz.family.layers import LAYERS

HIPPO = BlockCard(
    "hippo",
    "HiPPO",
    "Which matrix A makes a state remember? HiPPO asks that the state be, at every moment, the best approximation of "
    "the whole past by N polynomials, and derives A and B from that. It is no layer; LSSL, S4, S4D and S5 start from "
    "it.",
    r"\dot c = -\tfrac{1}{t} A c + \tfrac{1}{t} B f, \qquad A_{nk} = \begin{cases} \sqrt{(2n+1)(2k+1)} & n > k \\ "
    r"n + 1 & n = k \\ 0 & n < k \end{cases}, \quad B_n = \sqrt{2n+1}",
    Source("Gu, Dao, Ermon, Rudra & Ré 2020, HiPPO", "section 3 (LegS)", "https://arxiv.org/abs/2008.07669"),
)

STORY: tuple[Card | BlockCard, ...] = (
    LAYERS["lmu"],
    HIPPO,
    LAYERS["lssl"],
    LAYERS["s4"],
    LAYERS["s4d"],
    LAYERS["s5"],
    BLOCKS["h3"],
    LAYERS["hyena"],
    LAYERS["retnet"],
    LAYERS["rwkv"],
    LAYERS["linear_attention"],
    LAYERS["attention"],
    LAYERS["s6"],
)
