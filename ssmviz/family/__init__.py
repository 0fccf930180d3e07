"""The family of layers and of the blocks around them: what each is, in words, equations and numbers of memory.

Read by the selectors, the cards, the cost plots and the lab's views; `ModelSettings` takes its names from here.
No torch, nothing of ours.
"""

from ssmviz.family.blocks import BLOCKS
from ssmviz.family.cards import BlockCard, Card, Cost, Memory, Sizes, Source
from ssmviz.family.layers import LAYERS
from ssmviz.family.story import STORY

__all__ = ["BLOCKS", "LAYERS", "STORY", "BlockCard", "Card", "Cost", "Memory", "Sizes", "Source"]
