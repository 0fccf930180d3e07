"""One strict description of a training run, shared by widgets, URL, command line, queue and store.

Importing this module costs no torch: the web server validates with it. Every field is bounded, and
so are the products that decide time and memory, so that a typing error cannot occupy a machine.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from ssmviz.family import BLOCKS, LAYERS

if TYPE_CHECKING:
    from ssmviz.tasks import Task

Discretisation = Literal["zoh", "euler"]
Positions = Literal["rope", "xpos", "absolute", "none"]
Selective = Literal["delta B C", "delta B", "delta C", "B C", "delta", "B", "C", "none"]

# batch * sequence * channels * states * layers * steps: about 15 minutes of each kind of machine.
MAX_WORK_CPU = 2.5e11
MAX_WORK_CUDA = 5.0e13
MAX_ACTIVATION_BYTES = 6 * 1024**3
MOST_PROBLEMS = 4  # that a refusal names
ACTIVATIONS_PER_CHANNEL = 24  # floats kept per (batch, position, channel) by one block, measured

Count = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(allow_inf_nan=False)]


def one_of(known: Collection[str], name: str, what: str) -> str:
    """The name, if it is one of them.

    Args:
        known: all there are.
        name: that was asked for.
        what: they are, in the plural.

    Raises:
        ValueError: it is not; the text names them all.
    """
    if name not in known:
        raise ValueError(f"there are the {what} {', '.join(known)}; choose one of them")
    return name


class Settings(BaseModel):
    """Base of all settings: frozen, unknown fields refused, no inf or NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TaskSettings(Settings):
    """What is learned: the name of a task of `ssmviz.tasks.TASKS`, which knows what its sizes mean and may be."""

    name: str = "selective_copying"
    L: Count = Field(64, ge=8, le=65536, description="context slots, or length of the whole sequence")
    vocab: Count = Field(10, ge=2, le=256, description="tokens in all, special tokens included; classes of a signal")
    n_data: Count = Field(8, ge=1, le=256, description="how much there is to remember or to find out")
    data: str = Field("", pattern="^([0-9a-f]{64})?$", description="digest of uploaded data, for tasks that take some")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        from ssmviz.tasks import TASKS

        return one_of(TASKS, name, "tasks")

    @model_validator(mode="after")
    def _fits(self) -> TaskSettings:
        self._task.check(self)
        return self

    @property
    def _task(self) -> Task:
        from ssmviz.tasks import TASKS  # tasks import this module

        return TASKS[self.name]

    @property
    def reads_signal(self) -> bool:
        """Whether a sequence is of real numbers instead of tokens."""
        return self._task.reads_signal

    @property
    def says_signal(self) -> bool:
        """Whether real numbers are asked for (regression) instead of a choice among `vocab`."""
        return self._task.says_signal

    @property
    def sequence_length(self) -> int:
        """Positions of one sequence, answer slots included."""
        return self._task.length(self)


class ModelSettings(Settings):
    """The network: embedding, `n_layers` pre-norm residual blocks, head."""

    layer: str = Field("s6", description="what mixes the positions: a layer of `ssmviz.family.LAYERS`")
    block: str = Field("mamba", description="what stands around it: a block of `ssmviz.family.BLOCKS`")
    n_layers: Count = Field(2, ge=1, le=8)
    d_model: Count = Field(32, ge=1, le=512, description="width of the residual stream")
    N: Count = Field(8, ge=1, le=256, description="states per channel")
    expand: Count = Field(2, ge=1, le=4, description="inner channels D = expand * d_model (Mamba block)")
    d_conv: Count = Field(4, ge=0, le=8, description="taps of the causal depthwise convolution, 0 = none")
    gate: bool = Field(True, description="multiply what the layer says by SiLU(z) (Mamba block)")
    skip: bool = Field(True, description="add D x to what the layer says")
    heads: Count = Field(4, ge=1, le=32, description="heads of attention, each of D / heads features")
    positions: Positions = Field("rope", description="how attention knows of order")
    selective: Selective = Field("delta B C", description="what S6 makes of the input; the rest are learned constants")
    dt_rank: Count = Field(8, ge=0, le=128, description="rank of the Delta projection, 0 = ceil(d_model / 16)")
    dt_min: Real = Field(1e-3, gt=0, le=10, description="smallest initial Delta")
    dt_max: Real = Field(1e-1, gt=0, le=10, description="largest initial Delta")
    bc_scale: Real = Field(1.0, gt=0, le=16, description="factor on the initial rows of x_proj that make B and C")
    b_discretisation: Discretisation = Field("euler", description="zoh as in the paper, euler as in the released code")
    s4d_init: Literal["lin", "inv", "legs", "real", "random"] = Field("lin", description="initial poles of S4D")
    learn_poles: bool = Field(True, description="train the poles of S4, S4D, S5, or leave them as initialised")
    learn_dt: bool = Field(True, description="train the Delta of LSSL, S4, S4D, S5, or leave it as initialised")
    window: Count = Field(64, ge=2, le=65536, description="tokens that LMU's memory reaches back")

    @field_validator("layer", "block")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        known = LAYERS if info.field_name == "layer" else BLOCKS
        return one_of(known, name, f"{info.field_name}s")

    @model_validator(mode="after")
    def _ordered(self) -> ModelSettings:
        if self.dt_min > self.dt_max:
            raise ValueError(f"dt_min must be at most dt_max={self.dt_max}, got {self.dt_min}")
        if "heads" in LAYERS[self.layer].fields and self.D % (2 * self.heads):
            raise ValueError(f"the channels D must be a multiple of 2 x heads = {2 * self.heads}, got {self.D}")
        return self

    @property
    def D(self) -> int:  # noqa: N802 - the field's own letter
        """Channels that the layer sees."""
        return self.expand * self.d_model if self.block == "mamba" else self.d_model


class OptimSettings(Settings):
    """How it is learned."""

    optimiser: Literal["muon", "adamw"] = Field("muon", description="muon: orthogonalised momentum on the projections")
    lr: Real = Field(5e-3, gt=0, le=1e12, description="learning rate of AdamW; large values diverge, and are shown to")
    lr_muon: Real = Field(0.05, gt=0, le=1e12, description="learning rate of Muon on in_proj, out_proj, x_proj")
    weight_decay: Real = Field(0.0, ge=0, le=1, description="never applied to A_log, D, biases, norms")
    eps: Real = Field(1e-8, gt=0, le=1e-2, description="of AdamW: smaller gradients than this hardly move anything")
    delta_penalty: Real = Field(0.0, ge=0, le=1, description="times the mean of S6's Delta, added to the loss")
    clip: Real = Field(1.0, gt=0, le=1e6, description="largest norm of the gradient")
    schedule: Literal["constant", "linear"] = Field("linear", description="linear: down to 0 at the last step")
    curriculum: bool = Field(False, description="train on short sequences first, geometrically longer")
    batch: Count = Field(32, ge=1, le=1024)
    steps: Count = Field(1000, ge=1, le=1_000_000)


class TrainSettings(Settings):
    """One run: everything that decides its curve, and where it runs."""

    task: TaskSettings = Field(default_factory=TaskSettings)
    model: ModelSettings = ModelSettings()
    optim: OptimSettings = OptimSettings()
    seed: Count = Field(0, ge=0, le=2**31 - 1)
    eval_every: Count = Field(25, ge=1, le=100_000, description="steps between evaluations")
    eval_batch: Count = Field(128, ge=1, le=4096, description="sequences of the fixed test set")
    as_recurrence: bool = Field(False, description="test one token at a time, with nothing but the state")
    checkpoint_every: Count = Field(100, ge=1, le=100_000, description="steps between checkpoints")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    backend: Literal["auto", "reference", "torch", "numba", "triton"] = "auto"
    threads: Count = Field(1, ge=1, le=64, description="CPU threads of this run")
    wall_limit_s: Real = Field(900.0, gt=0, le=86_400)

    @model_validator(mode="after")
    def _affordable(self) -> TrainSettings:
        limit = MAX_WORK_CUDA if self.device == "cuda" or (self.device == "auto" and has_cuda()) else MAX_WORK_CPU
        if self.work > limit:
            raise ValueError(
                f"batch x length x channels x states x layers x steps is {self.work:.2g}, more than the {limit:.2g} "
                f"this kind of machine does in a quarter of an hour; make one {self.work / limit:.1f} times smaller"
            )
        if self.activation_bytes > MAX_ACTIVATION_BYTES:
            gib = self.activation_bytes / 1024**3
            raise ValueError(f"batch x length x channels x layers needs about {gib:.1f} GiB, at most 6 are allowed")
        return self

    @property
    def work(self) -> float:
        """State updates of the whole run: batch * length * D * N * layers * steps."""
        m, o = self.model, self.optim
        return float(o.batch) * self.task.sequence_length * m.D * m.N * m.n_layers * o.steps

    @property
    def activation_bytes(self) -> int:
        """Estimate of what one backward pass keeps."""
        m, o = self.model, self.optim
        return 4 * ACTIVATIONS_PER_CHANNEL * o.batch * self.task.sequence_length * m.D * m.n_layers


def get(settings: BaseModel, path: str) -> Any:
    """The value of "model.N"."""
    value: Any = settings
    for part in path.split("."):
        value = getattr(value, part)
    return value


def changed(settings: TrainSettings, values: Mapping[str, Any]) -> TrainSettings:
    """The settings with other values, {"model.N": 4, "seed": 1}, validated.

    Raises:
        ValidationError: `explain` puts it into words.
    """
    tree = settings.model_dump()
    for path, value in values.items():
        *parents, leaf = path.split(".")
        node = tree
        for parent in parents:
            node = node[parent]
        node[leaf] = value
    return TrainSettings.model_validate(tree)


def has_cuda() -> bool:
    """Whether an NVIDIA device is present, without importing torch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return os.path.exists("/dev/nvidiactl") or os.path.exists("/proc/driver/nvidia/version")


def explain(error: ValidationError) -> str:
    """One readable line: of the first problems which field, what is wrong, what was given; and how many more."""
    problems = list(islice(_problems(error), MOST_PROBLEMS))
    more = error.error_count() - len(problems)
    return "; ".join([*problems, *([f"and {more} more"] if more else [])])


def _problems(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False, include_context=False):
        field = _line(".".join(str(part) for part in item["loc"]), 60)
        message = _line(item["msg"].removeprefix("Value error, "), 400)
        yield f"{field}: {message}, got {_short(item['input'])}" if field else message


def _short(value: Any) -> str:
    try:
        return _line(reprlib.repr(value), 60)
    except ValueError:  # Python prints no number of more than 4,300 digits
        return "a number of thousands of digits"


def _line(text: str, longest: int) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."
