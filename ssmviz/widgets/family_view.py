"""The family of layers: what each is, what it remembers, what it costs, and a way to train it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import streamlit as st

from ssmviz.family import LAYERS, STORY, BlockCard, Card, Sizes
from ssmviz.family.costs import Measured, measured
from ssmviz.figures.lengths import OverLength, in_words, over_length
from ssmviz.widgets import pages
from ssmviz.widgets.symbols import theme

LENGTHS = tuple(1 << power for power in range(6, 21, 2))
LESSONS = {"hippo": "memory", "lssl": "two_views", "s4": "structured", "s6": "selection", "attention": "attention"}
BLOCK_OF = {"hyena": "H3", "attention": "Transformer++"}  # in which a layer is at home, where that is not Mamba's
HOLDS = {"D": (16, 32, 64, 128, 256, 512, 1024), "N": (4, 8, 16, 32, 64, 128, 256), "H": (1, 2, 4, 8, 16)}
WORDS = {"D": "Channels $D$", "N": "States $N$", "H": "Heads $H$", "L": "Tokens read $L$"}
START = {"D": 64, "N": 16, "H": 4, "L": 1024}


def sizes_choice(page: str) -> Sizes:
    """Four selectors, bound to the URL."""
    options = HOLDS | {"L": LENGTHS}
    with st.container(horizontal=True):
        said = {
            name: st.selectbox(
                WORDS[name],
                options[name],
                options[name].index(START[name]),
                key=f"{page}_{name}",
                bind="query-params",
                width=148,
            )
            for name in options
        }
    return Sizes(D=said["D"], N=said["N"], heads=said["H"], L=said["L"])


def memory_plot(sizes: Sizes) -> None:
    """Numbers that each layer keeps, against the tokens that it has read; layers with equal ones share a line."""
    together: dict[tuple[int, ...], list[str]] = {}
    for card in LAYERS.values():
        kept = tuple(card.memory.numbers(sizes._replace(L=L)) for L in LENGTHS)
        together.setdefault(kept, []).append(card.label)
    lines = [OverLength(", ".join(labels), LENGTHS, kept) for kept, labels in sorted(together.items(), reverse=True)]
    _plot(lines, "numbers kept by one layer", key="family_memory")
    said = (
        f"{line.label} {line.values[0]:,} at {LENGTHS[0]}, {line.values[-1]:,} at {LENGTHS[-1]:,}" for line in lines
    )
    st.caption(f"Computed from the formulas below: {'; '.join(said)}.")


def cost_plots() -> None:
    """Time and memory of one layer over L, as far as a machine has measured them."""
    machines = measured()
    if not machines:
        st.markdown("Not measured on any machine yet: `python -m benchmarks.layer_costs` does it.")
        return
    for tab, machine in zip(st.tabs([machine.machine for machine in machines]), machines, strict=True):
        with tab:
            _costs(machine)


def summary(sizes: Sizes) -> None:
    """One line a layer, in the order of the story."""
    head = "| layer | year | numbers kept | at these sizes | parameters | L tokens at once | one more token |"
    rows = [
        f"| **{card.label}** | {card.year} | ${card.memory.formula}$ | {card.memory.numbers(sizes):,} "
        f"| {card.parameters(sizes):,} | $O({card.cost.time})$ | $O({card.cost.token})$ |"
        for card in STORY
        if isinstance(card, Card)
    ]
    st.markdown("\n".join([head, "|---|---|---|---|---|---|---|", *rows]))


def story_card(card: Card | BlockCard, sizes: Sizes | None = None) -> None:
    """One layer, block or idea, with what its numbers are at these sizes."""
    with st.container(border=True, key=f"card_{card.name}"):
        year = f" · {card.year}" if isinstance(card, Card) else ""
        st.markdown(f"#### {card.label}{year}")
        st.markdown(card.words)
        with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center", gap="large"):
            for part in re.split(r",?\s*\\q?quad\s*", card.equation):  # on a phone one below the other
                st.latex(part, width="content")
        if isinstance(card, Card) and sizes:
            st.markdown(_numbers(card, sizes))
        st.caption(f"[{card.source.paper}]({card.source.link}), {card.source.where}")
        with st.container(horizontal=True):
            if query := _lab_query(card):
                words = "Train it in the lab"
                st.page_link(pages.lab(), label=words, icon=":material/science:", query_params=query, width="content")
            if card.name in LESSONS:
                st.page_link(pages.lesson(LESSONS[card.name]), label="See it in its lesson", width="content")


def _numbers(card: Card, sizes: Sizes) -> str:
    memory, cost = card.memory, card.cost
    return (
        f"Remembers **{memory.words}**: ${memory.formula}$ = {memory.numbers(sizes):,} numbers. "
        f"{card.parameters(sizes):,} parameters. All tokens at once by {cost.by}, $O({cost.time})$ in time and "
        f"$O({cost.memory})$ in memory; one more token in $O({cost.token})$."
    )


def _lab_query(card: Card | BlockCard) -> dict[str, str]:
    """What the lab's selectors must say; nothing for what cannot be trained."""
    if isinstance(card, BlockCard):
        return {"lab_block": card.label} if card.name == "h3" else {}
    query = {"lab_right": card.label}
    if card.name == "s6":
        query = {"lab_left": card.label}
    return query | ({"lab_block": BLOCK_OF[card.name]} if card.name in BLOCK_OF else {})


def _costs(machine: Measured) -> None:
    by_time = [OverLength(LAYERS[name].label, costs.L, costs.ms) for name, costs in machine.layers.items()]
    by_size = [
        OverLength(LAYERS[name].label, costs.L, [size / 1e6 for size in costs.bytes])
        for name, costs in machine.layers.items()
    ]
    left, right = st.columns(2)
    with left:
        _plot(by_time, "ms, forward and backward", key=f"family_ms_{machine.machine}")
    with right:
        _plot(by_size, "MB at once, beside the inputs", key=f"family_mb_{machine.machine}")
    sizes = ", ".join(f"{name} {size}" for name, size in machine.sizes.items())
    st.caption(
        f"One layer alone ({sizes}), measured on {machine.machine} on {machine.measured} with `{machine.command}`. "
        f"Times: {in_words(by_time, ' ms')}. Memory: {in_words(by_size, ' MB')}."
    )


def _plot(lines: Iterable[OverLength], what: str, *, key: str) -> None:
    st.plotly_chart(over_length(tuple(lines), what=what, theme=theme(), log=True), key=key, theme="streamlit")
