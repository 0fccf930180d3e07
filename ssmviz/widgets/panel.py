"""What the controls of one page say: the preset, the layers that were chosen, and what people have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ssmviz.presets import PRESETS, Runs, with_changes
from ssmviz.settings import TrainSettings, get
from ssmviz.widgets.controls import Control, groups, value_of
from ssmviz.widgets.layer_choice import Choice, choice_of, choice_words, preset_with, with_layers


@dataclass(frozen=True)
class Panel:
    """The controls of one preset on one page."""

    preset: str
    page: str
    choice: Choice | None = None  # of the layers, where the page offers one

    @cached_property
    def known(self) -> str:
        """The preset that compares the layers that were chosen, else the one that was chosen with the task."""
        return (self.choice and preset_with(self.preset, self.choice)) or self.preset

    @property
    def other(self) -> Choice | None:
        """The layers that were chosen, where no preset has them."""
        return None if self.choice == choice_of(PRESETS[self.known].runs) else self.choice

    @cached_property
    def base(self) -> Runs:
        """The preset's runs, with the layers that were chosen."""
        runs = PRESETS[self.known].runs
        return with_layers(runs, self.other) if self.other else runs

    @property
    def default(self) -> TrainSettings:
        """What the controls start at: the settings of the first run."""
        return self.base[0][1]

    @property
    def title(self) -> str:
        """Of the experiment."""
        title = PRESETS[self.known].title
        return f"{title}: {' and '.join(label for label, _ in self.base)}" if self.other else title

    @property
    def sentence(self) -> str:
        """What will be seen."""
        preset = PRESETS[self.known]
        return choice_words(preset.runs, self.other) if self.other else preset.sentence

    @cached_property
    def groups(self) -> dict[str, tuple[Control, ...]]:
        """The controls that make sense here."""
        found = groups(self.base)
        if self.choice is None:
            return found
        return {name: tuple(c for c in group if c.name != "block") for name, group in found.items()}

    @property
    def controls(self) -> tuple[Control, ...]:
        """All of them."""
        return sum(self.groups.values(), ())

    @property
    def keys(self) -> list[str]:
        """Of the widgets, which are their parameters in the URL."""
        return [f"{self.page}_{control.name}" for control in self.controls]

    def value(self, control: Control) -> Any:
        """What a control says."""
        return value_of(control, self.default, page=self.page)

    def agrees(self, settings: TrainSettings, controls: Sequence[Control] = ()) -> bool:
        """Whether the controls say what these settings say."""
        return all(get(settings, control.path) == self.value(control) for control in controls or self.controls)

    def runs(self) -> Runs:
        """The preset's runs, with what people have changed.

        Raises:
            ValidationError: such a run is impossible.
        """
        said = {control.path: self.value(control) for control in self.controls}
        changes = {path: value for path, value in said.items() if value != get(self.default, path)}
        return with_changes(self.base, changes)
