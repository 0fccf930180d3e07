"""The two small trained networks that lessons look into; `python -m benchmarks.lesson_weights` made them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ssmviz.systems.arrays import Array

FOLDER = Path(__file__).parent.parent.parent / "assets" / "lessons" / "weights"
LETTERS, TRIGGER = "ABCDEFG", ">"  # token 0..6, and 7
VOCABULARY = LETTERS + TRIGGER


@dataclass(frozen=True)
class Trained:
    """One network: its parameters by their published names, and where they come from."""

    parameters: dict[str, Array]
    provenance: dict[str, Any]
    sent: dict[str, Any]  # shapes and flat weights, for the browser

    @property
    def mixer(self) -> dict[str, Array]:
        """The first layer's block."""
        start = "layers.0.mixer."
        return {k.removeprefix(start): v for k, v in self.parameters.items() if k.startswith(start)}

    @property
    def words(self) -> str:
        """Task, size, training and accuracy in a sentence."""
        p = self.provenance
        return (
            f"{p['parameters']} parameters, {p['steps']} steps in {p['seconds']:.0f} s on one CPU core, "
            f"seed {p['seed']}, "
            f"{100 * p['accuracy'][str(p['task']['L'])]:.0f} % right on {p['tested_sequences']} new sequences"
        )


@cache
def trained(name: Literal["mamba", "transformer"]) -> Trained:
    """The network of that name: induction heads, 7 letters and the trigger."""
    file = json.loads((FOLDER / f"{name}.json").read_text())
    arrays = {key: np.array(file["weights"][key]).reshape(shape) for key, shape in file["shapes"].items()}
    return Trained(arrays, file["provenance"], {"shapes": file["shapes"], "weights": file["weights"]})


def tokens_of(text: str) -> Array:
    """Token numbers (L,) of letters and triggers."""
    return np.array([VOCABULARY.index(c) for c in text])


def right_answer(text: str) -> str:
    """What should follow the last trigger: the token after the first one; "" where the question makes no sense."""
    first = text.find(TRIGGER)
    asked = text.endswith(TRIGGER) and text.count(TRIGGER) == 2 and first < len(text) - 2
    return text[first + 1] if asked else ""
