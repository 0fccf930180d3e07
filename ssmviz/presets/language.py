"""Nested lists and texts."""

from __future__ import annotations

from ssmviz.presets.experiment import Preset, pair
from ssmviz.settings import OptimSettings, TaskSettings, TrainSettings

LISTOPS = TrainSettings(
    task=TaskSettings(name="listops", L=16, vocab=16, n_data=2),
    optim=OptimSettings(lr=1e-2, curriculum=True, steps=2000),
    eval_every=50,
    eval_batch=512,
    device="cpu",
)
TEXT = TrainSettings(
    task=TaskSettings(name="text", L=64, vocab=84, n_data=64),
    optim=OptimSettings(steps=600),
    eval_batch=64,
    device="cpu",
)

PRESETS: dict[str, Preset] = {
    "listops": Preset(
        "ListOps",
        "Nested lists of minimum, maximum, median, sum: what does the whole come to? One digit, at the last bracket.",
        pair(LISTOPS),
        "So short, lists need no selection: S6 said 61 % of the digits, the twin 63 %, after these 2000 steps, 28 s on "
        "one core. The most frequent alone makes 13 %.",
    ),
    "text": Preset(
        "A text, character by character",
        "Say the next character, as language models do: of sentences of this app, or of a text of yours (under More).",
        pair(TEXT),
        "Of the next characters S6 said 52 %, the twin 53 % after these 600 steps, 18 s on one core; over texts 8 "
        "times as long 54 and 30 %.",
    ),
}
