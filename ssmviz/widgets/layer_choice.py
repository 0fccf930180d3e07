"""Which two layers learn beside each other, and in which block: any pair of the family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import streamlit as st
from pydantic import ValidationError

from ssmviz.family import BLOCKS, LAYERS, BlockCard, Card
from ssmviz.family.rates import Rates, rates_of, searched
from ssmviz.presets import PRESETS, Runs
from ssmviz.settings import TrainSettings, changed, explain
from ssmviz.widgets import pages, showing

NAMES = ("left", "right", "block")  # of the parameters in the URL
WIDTH = 170  # pixels of one selector


class Choice(NamedTuple):
    """What learns: the layers by name, left and right, and the block around both."""

    left: str
    right: str
    block: str

    @property
    def layers(self) -> tuple[str, ...]:
        """Each once: a layer beside itself is one run."""
        return tuple(dict.fromkeys((self.left, self.right)))


def choice_of(runs: Runs) -> Choice:
    """The layers of an experiment, as far as two can stand for it."""
    first, last = runs[0][1].model, runs[-1][1].model
    return Choice(first.layer, last.layer, first.block)


def preset_with(preset: str, choice: Choice) -> str | None:
    """Name of the preset, itself or another on the same task, that compares these two layers and nothing else."""
    own = PRESETS[preset].runs
    if choice == choice_of(own):
        return preset
    for name, other in PRESETS.items():
        blocks = {settings.model.block for _, settings in other.runs}
        same = len(blocks) == 1 and len(other.runs) == len(choice.layers) and choice == choice_of(other.runs)
        if same and other.runs[0][1].task == own[0][1].task:
            return name
    return None


def with_layers(runs: Runs, choice: Choice) -> Runs:
    """An experiment with other layers and another block.

    A layer that the experiment has in this block keeps its label and its learning rates, any other takes the nearest
    that are known.
    """
    own = _tuned(runs, choice.block)

    def run(layer: str) -> tuple[str, TrainSettings]:
        rates = _nearest(runs, choice.block, layer)
        what = {"model.layer": layer, "model.block": choice.block}
        values = what | {"optim.lr": rates.lr, "optim.lr_muon": rates.lr_muon}
        return own.get(layer) or (LAYERS[layer].label, changed(runs[0][1], values))

    return tuple(run(layer) for layer in choice.layers)


def problem_of(runs: Runs, choice: Choice) -> str:
    """Why an experiment cannot have these layers; "" where it can."""
    try:
        with_layers(runs, choice)
    except ValidationError as error:
        return f"This task cannot have these layers: {explain(error)}. Train starts nothing."
    return ""


def layer_choice(runs: Runs, *, page: str, on_change: Callable[[], None]) -> Choice:
    """Draw three selectors, bound to the URL, that start at an experiment's own layers and block.

    Args:
        runs: of the experiment.
        page: prefix of the page's parameters.
        on_change: called when another is chosen, before the page runs again.
    """
    start = choice_of(runs)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choice = Choice(
            _select("Left", LAYERS, start.left, name="left", page=page, on_change=on_change),
            _select("Right", LAYERS, start.right, name="right", page=page, on_change=on_change),
            _select("Block around both", BLOCKS, start.block, name="block", page=page, on_change=on_change),
        )
        _cards(choice, page)
    return choice


def choice_words(runs: Runs, choice: Choice) -> str:
    """What is compared, and where learning rates come from that are not the preset's own."""
    words = "; ".join(f"**{LAYERS[layer].label}** remembers {LAYERS[layer].memory.words}" for layer in choice.layers)
    others: dict[str, list[str]] = {}
    for layer in choice.layers:
        if layer not in _tuned(runs, choice.block):
            others.setdefault(_nearest(runs, choice.block, layer).words, []).append(LAYERS[layer].label)
    from_where = (f" Learning rates of {' and '.join(labels)} here: {said}." for said, labels in others.items())
    return f"{words}.{''.join(from_where)}"


def used(choice: Choice, *, page: str) -> dict[str, str]:
    """The parameters of the URL and what they say."""
    cards: tuple[Card | BlockCard, ...] = (LAYERS[choice.left], LAYERS[choice.right], BLOCKS[choice.block])
    return {f"{page}_{name}": card.label for name, card in zip(NAMES, cards, strict=True)}


def set_choice(choice: Choice, *, page: str) -> None:
    """Put it into the selectors; for callbacks, before they are drawn."""
    for name, value in zip(NAMES, choice, strict=True):
        st.session_state[f"{page}_{name}"] = value


def chosen(*, page: str) -> Choice | None:
    """What the selectors of a page say, None where it has none, or where a browser says what they never offered."""
    said = [str(st.session_state.get(f"{page}_{name}")) for name in NAMES]
    left, right, block = said
    return Choice(*said) if left in LAYERS and right in LAYERS and block in BLOCKS else None


def _tuned(runs: Runs, block: str) -> dict[str, tuple[str, TrainSettings]]:
    """The first run of each layer that the experiment has in this block."""
    return {
        settings.model.layer: (label, settings) for label, settings in reversed(runs) if settings.model.block == block
    }


def _nearest(runs: Runs, block: str, layer: str) -> Rates:
    first = runs[0][1]
    return rates_of(first.task.name, block, layer, muon=first.optim.optimiser == "muon", search=searched())


def _select(
    label: str,
    cards: Mapping[str, Card | BlockCard],
    start: str,
    *,
    name: str,
    page: str,
    on_change: Callable[[], None],
) -> str:
    options, key = list(cards), f"{page}_{name}"
    fixed: dict[str, Any] = {}
    if (shown := showing.now()).locks(key):
        text = st.query_params.get(key)
        value = next((option for option, card in cards.items() if text in (option, card.label)), start)
        fixed = showing.fixed(key, value)
        if shown.hides(key):
            return value
    said = st.selectbox(
        label,
        options,
        options.index(start),
        format_func=lambda option: cards[option].label,
        key=key,
        bind="query-params",
        on_change=on_change,
        width=WIDTH,
        **fixed,
    )
    return str(said) if said in cards else start


@st.fragment
def _cards(choice: Choice, page: str) -> None:
    """What is chosen, in words and equations."""
    popover = st.popover("What they are", icon=":material/menu_book:", key=f"{page}_cards", on_change="rerun")
    if not popover.open:
        return
    cards: list[Card | BlockCard] = [LAYERS[layer] for layer in choice.layers]
    with popover:
        for card in (*cards, BLOCKS[choice.block]):
            st.markdown(f"**{card.label}.** {card.words}")
            st.latex(card.equation)
            st.caption(f"[{card.source.paper}]({card.source.link}), {card.source.where}")
        st.page_link(pages.family(), label="All of the family, side by side", icon=":material/family_history:")
