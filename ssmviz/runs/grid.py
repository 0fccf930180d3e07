"""What a sweep trains: a task, two axes and seeds, and so one run's settings for every place of the grid. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from ssmviz.family import BLOCKS, LAYERS, BlockCard, Card
from ssmviz.family.rates import rates_of, searched
from ssmviz.presets import PRESETS, Runs, with_changes
from ssmviz.settings import Count, ModelSettings, OptimSettings, Settings, TrainSettings, changed, explain, get, one_of

MAX_RUNS = 256  # of one sweep
MAX_VALUES = 16  # of one axis
MAX_SEEDS = 8

Value = bool | Count | Annotated[float, Field(allow_inf_nan=False)] | Annotated[str, Field(max_length=40)]
Names = Mapping[str, str]


class Kind(NamedTuple):
    """A setting that may be an axis."""

    path: str  # "model.N"
    label: str  # what people read
    start: tuple[Any, ...]  # values offered first
    names: Names = MappingProxyType({})  # a choice: value -> what people read; empty: numbers


def _words(options: Any) -> Names:
    return {option: option for option in get_args(options)}


AXES: dict[str, Kind] = {
    "layer": Kind("model.layer", "Layer", ("s6", "s4d", "s5"), {k: card.label for k, card in LAYERS.items()}),
    "block": Kind("model.block", "Block", ("mamba", "plain"), {k: card.label for k, card in BLOCKS.items()}),
    "N": Kind("model.N", "States N", (2, 4, 8, 16)),
    "d": Kind("model.d_model", "Width d", (8, 16, 32)),
    "layers": Kind("model.n_layers", "Layers", (1, 2, 3)),
    "conv": Kind("model.d_conv", "Convolution taps", (0, 2, 4)),
    "select": Kind("model.selective", "Selective", ("delta B C", "delta", "none"), _words(
        ModelSettings.model_fields["selective"].annotation)),
    "poles": Kind("model.s4d_init", "Initial poles", ("lin", "inv", "legs"), _words(
        ModelSettings.model_fields["s4d_init"].annotation)),
    "L": Kind("task.L", "Length L", (16, 32, 64)),
    "data": Kind("task.n_data", "To remember", (2, 4, 8)),
    "vocab": Kind("task.vocab", "Tokens", (6, 10, 18)),
    "lr": Kind("optim.lr", "Learning rate", (1e-3, 3e-3, 1e-2, 3e-2)),
    "lrm": Kind("optim.lr_muon", "Learning rate of Muon", (0.005, 0.02, 0.05)),
    "opt": Kind("optim.optimiser", "Optimiser", ("muon", "adamw"), _words(
        OptimSettings.model_fields["optimiser"].annotation)),
    "steps": Kind("optim.steps", "Steps", (100, 200, 400, 800)),
    "batch": Kind("optim.batch", "Batch", (8, 16, 32)),
}  # fmt: skip
CARDS: tuple[Card | BlockCard, ...] = (*LAYERS.values(), *BLOCKS.values())
PARTICULAR = {f"model.{field}" for card in CARDS for field in card.fields}


# smaller than the presets, which make their point with one run: a grid of them in about two minutes on two cores
SMALL: Mapping[str, Mapping[str, Any]] = {
    "selective_copying": {
        "task.L": 32,
        "task.n_data": 6,
        "model.d_model": 16,
        "optim.batch": 16,
        "optim.steps": 800,
        "eval_every": 50,
    }
}
KINDS_OF_RUN = ("model.layer", "model.block")


class Axis(Settings):
    """One side of the grid."""

    name: str = Field(description="of `AXES`")
    values: tuple[Value, ...] = Field(min_length=1, max_length=MAX_VALUES)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of(AXES, name, "axes")

    @field_validator("values")
    @classmethod
    def _different(cls, values: tuple[Value, ...]) -> tuple[Value, ...]:
        if len(set(values)) < len(values):
            raise ValueError("a value may stand on an axis once")
        return values

    @property
    def kind(self) -> Kind:
        """What it is about."""
        return AXES[self.name]

    def words(self, i: int) -> str:
        """Value `i` as people read it: "S4D", "0.003"."""
        value = self.values[i]
        return self.kind.names.get(value, value) if isinstance(value, str) else f"{value:g}"


class Grid(Settings):
    """All that decides a sweep."""

    preset: str = Field(description="of `ssmviz.presets.PRESETS`: task, sizes, learning rates")
    changes: dict[str, Value] = Field(default_factory=dict, max_length=40, description='of the preset, {"task.L": 32}')
    rows: Axis
    columns: Axis
    seeds: tuple[Annotated[Count, Field(ge=0, le=2**31 - 1)], ...] = Field((0,), min_length=1, max_length=MAX_SEEDS)

    @field_validator("preset")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of(PRESETS, name, "presets")

    @model_validator(mode="after")
    def _possible(self) -> Grid:
        if self.rows.name == self.columns.name:
            raise ValueError(f"rows and columns are both {self.rows.name}; choose two different ones")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed may be given once")
        if (most := len(self.rows.values) * len(self.columns.values) * len(self.seeds)) > MAX_RUNS:
            raise ValueError(f"this grid has {most} runs, at most {MAX_RUNS} are allowed; leave values or seeds out")
        for path in self.changes:
            _check_path(path)
        return self

    @property
    def base(self) -> Runs:
        """The preset's runs with what is changed of them, but for layer and block: those bring their own rates.

        Raises:
            ValidationError: such a run is impossible.
        """
        changes = {path: value for path, value in self.changes.items() if path not in KINDS_OF_RUN}
        return with_changes(PRESETS[self.preset].runs, changes)

    def words(self, row: int, column: int) -> str:
        """A place of the grid: "Layer S4D, States N 8"."""
        rows, columns = self.rows, self.columns
        return f"{rows.kind.label} {rows.words(row)}, {columns.kind.label} {columns.words(column)}"


@dataclass(frozen=True)
class Cell:
    """One run of a sweep; places count from 0."""

    row: int
    column: int
    seed: int
    label: str  # of its layer
    settings: TrainSettings


@dataclass(frozen=True)
class Hole:
    """A place where nothing is trained, and why, in one sentence."""

    row: int
    column: int
    why: str


def fill(grid: Grid) -> tuple[list[Cell], list[Hole]]:
    """Every run of the grid, a whole grid of the first seed before the second; and what cannot be trained.

    Raises:
        ValidationError: already the preset with its changes is impossible.
    """
    base = grid.base
    cells, holes = [], []
    for row in range(len(grid.rows.values)):
        for column in range(len(grid.columns.values)):
            try:
                label, settings = _settings(grid, base, row, column)
            except ValidationError as error:
                holes.append(Hole(row, column, f"{explain(error)}."))
                continue
            if why := _same_as_another(grid, settings, row, column):
                holes.append(Hole(row, column, why))
            else:
                seeds = (changed(settings, {"seed": seed}) for seed in grid.seeds)
                cells += [Cell(row, column, one.seed, label, one) for one in seeds]
    return sorted(cells, key=lambda cell: grid.seeds.index(cell.seed)), holes


def run_of(runs: Runs, layer: str, block: str) -> tuple[str, TrainSettings]:
    """A run of the same task with this layer in this block, at the best learning rates that are known for it."""
    for label, settings in runs:
        if (settings.model.layer, settings.model.block) == (layer, block):
            return label, settings
    rates = rates_of(runs[0][1].task.name, block, layer, muon=runs[0][1].optim.optimiser == "muon", search=searched())
    values = {"model.layer": layer, "model.block": block, "optim.lr": rates.lr, "optim.lr_muon": rates.lr_muon}
    return LAYERS[layer].label, changed(runs[0][1], values)


def read_values(name: str, text: str) -> tuple[Any, ...]:
    """The values of an axis as people write them: "2, 4, 8" or "s6, s4d".

    Raises:
        ValueError: one of them is none; the sentence says which, and what is.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    return tuple(dict.fromkeys(_value(name, word) for word in words))


def _value(name: str, word: str) -> Any:
    kind = AXES[name]
    if kind.names:
        if word not in kind.names:
            raise ValueError(f"{kind.label} must be one of {', '.join(kind.names)}, got {word[:40]!r}")
        return word
    whole = isinstance(get(TrainSettings(), kind.path), int)
    try:
        return int(word) if whole else float(word)
    except ValueError:
        raise ValueError(
            f"{kind.label} must be {'a whole number' if whole else 'a number'}, got {word[:40]!r}"
        ) from None


def _settings(grid: Grid, base: Runs, row: int, column: int) -> tuple[str, TrainSettings]:
    axes = {grid.rows.kind.path: grid.rows.values[row], grid.columns.kind.path: grid.columns.values[column]}
    first = base[0][1]
    layer, block = (axes.pop(path, grid.changes.get(path, get(first, path))) for path in KINDS_OF_RUN)
    label, settings = run_of(base, str(layer), str(block))
    return label, changed(settings, axes)


def _same_as_another(grid: Grid, settings: TrainSettings, row: int, column: int) -> str:
    """Why a place needs no training: its setting means nothing to its layer, so that the first value is enough."""
    model = settings.model
    layer, block = LAYERS[model.layer], BLOCKS[model.block]
    meant = {f"model.{field}" for field in layer.fields + block.fields}
    for axis, i, first in ((grid.rows, row, "row"), (grid.columns, column, "column")):
        path = axis.kind.path
        if i and path in PARTICULAR and path not in meant:
            return f"{axis.kind.label} means nothing to {layer.label} in this block: see the first {first}."
    return ""


def _check_path(path: str) -> None:
    if path not in set(_paths(TrainSettings().model_dump())):
        raise ValueError(f"there is no setting {path[:60]!r}")
    if path in ("seed", "task.name"):
        raise ValueError(f"{path} is not changed here: choose seeds, or another preset")


def _paths(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{prefix}{name}.")
        else:
            yield prefix + name
