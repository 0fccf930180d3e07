"""Settings that teach within seconds, found by search: `benchmarks/presets_*_202611.md`. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings, changed, get
from ssmviz.tasks import TASKS

S6, S4D = "S6", "S4D"  # the labels of the twins, in their order
RATES = ("optim.lr", "optim.lr_muon")  # each run has its own best

Runs = Sequence[tuple[str, TrainSettings]]  # (label, settings) of one experiment


@dataclass(frozen=True)
class Preset:
    """An experiment ready to start."""

    title: str
    sentence: str  # what will be seen
    runs: tuple[tuple[str, TrainSettings], ...]  # label, settings
    why: str  # why these settings and no others


@dataclass(frozen=True)
class TwinRate:
    """The twin's own best learning rates, as multiples of S6's, found by as wide a search."""

    lr: float
    lr_muon: float


TWIN_RATES: dict[str, TwinRate] = {
    "copying": TwinRate(lr=1.0, lr_muon=1.0),
    "selective_copying": TwinRate(lr=4.0, lr_muon=0.25),
    "induction_heads": TwinRate(lr=2.0, lr_muon=0.5),
    "associative_recall": TwinRate(lr=4.0, lr_muon=0.25),
    "listops": TwinRate(lr=2.0, lr_muon=0.25),
    "text": TwinRate(lr=2.0, lr_muon=1.0),
}

# of the large presets for a GPU: `benchmarks/gpu_training_h200_202611.md`
TWIN_RATES_CUDA: dict[str, TwinRate] = {
    "copying": TwinRate(lr=1.0, lr_muon=1.0),
    "selective_copying": TwinRate(lr=20.0, lr_muon=1.0),
    "induction_heads": TwinRate(lr=1.0, lr_muon=1.0),
}


def twins(settings: TrainSettings) -> tuple[TrainSettings, TrainSettings]:
    """The same run with selection (S6) and without (S4D).

    Task, seed, batches, block, sizes, steps and schedule are the same. The twin has its own best learning rates, and
    its N complex states stand for N conjugate pairs, so twice as many numbers as S6 carries.
    """
    rates = (TWIN_RATES_CUDA if settings.device == "cuda" else TWIN_RATES)[settings.task.name]
    optim = settings.optim
    own = {"lr": optim.lr * rates.lr, "lr_muon": optim.lr_muon * rates.lr_muon}
    s6 = {"model": settings.model.model_copy(update={"layer": "s6"})}
    s4d = {
        "model": settings.model.model_copy(update={"layer": "s4d"}),
        "optim": optim.model_copy(update=own),
    }
    return settings.model_copy(update=s6), settings.model_copy(update=s4d)


def with_changes(runs: Runs, changes: Mapping[str, Any]) -> tuple[tuple[str, TrainSettings], ...]:
    """An experiment with other settings: what its runs have in common changes, what makes each of them different stays.

    Learning rates that differ are all multiplied by what multiplies the first run's.

    Args:
        runs: of the experiment.
        changes: new values of the first run's settings, {"model.N": 4, "seed": 1}.

    Raises:
        ValidationError: a run would be impossible.
    """
    first = runs[0][1]

    def own(settings: TrainSettings) -> dict[str, Any]:
        values = {}
        for path, value in changes.items():
            mine, its = get(settings, path), get(first, path)
            if path not in differing(runs):
                values[path] = value
            elif path in RATES:
                values[path] = value * (mine / its)
        return values

    return tuple((label, changed(settings, own(settings))) for label, settings in runs)


def preset_of(task: str) -> str:
    """Name of a task's own preset: the first that trains it."""
    return next(name for name, preset in PRESETS.items() if preset.runs[0][1].task.name == task)


def differing(runs: Runs) -> set[str]:
    """Paths of the settings that are not the same in all runs."""
    first, *others = (_leaves(settings.model_dump()) for _, settings in runs)
    return {path for path, value in first.items() for other in others if other[path] != value}


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        leaves |= _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return leaves


def _pair(settings: TrainSettings) -> tuple[tuple[str, TrainSettings], ...]:
    return tuple(zip((S6, S4D), twins(settings), strict=True))


SELECTIVE_COPYING = TrainSettings(
    task=TaskSettings(name="selective_copying", L=64, vocab=10, n_data=8),
    model=ModelSettings(n_layers=2, d_model=32, dt_rank=8, N=8, bc_scale=4.0),
    optim=OptimSettings(lr=1e-2, lr_muon=0.05, curriculum=True, batch=32, steps=1000),
)
COPYING = TrainSettings(
    task=TaskSettings(name="copying", L=64, vocab=10, n_data=8),
    model=ModelSettings(n_layers=2, d_model=32, dt_rank=8, N=16, bc_scale=4.0, dt_min=0.01, dt_max=0.1),
    optim=OptimSettings(lr=1e-2, lr_muon=0.05, batch=32, steps=500),
)
INDUCTION_HEADS = TrainSettings(
    task=TaskSettings(name="induction_heads", L=64, vocab=16),
    model=ModelSettings(n_layers=2, d_model=32, dt_rank=8, N=8, dt_min=0.01, dt_max=0.5),
    optim=OptimSettings(lr=1e-2, lr_muon=0.05, curriculum=True, batch=32, steps=500),
)
SELECTIVE_COPYING_GPU = TrainSettings(
    task=TaskSettings(name="selective_copying", L=256, vocab=16, n_data=16),
    model=ModelSettings(n_layers=2, d_model=64, N=16, dt_rank=8, bc_scale=4.0),
    optim=OptimSettings(lr=2e-3, lr_muon=0.05, curriculum=True, batch=64, steps=2000),
    eval_every=50,
    eval_batch=512,
    checkpoint_every=500,
    device="cuda",
)
# small gradients count in full, the rate falls, Delta is asked to stay at 0: one token is kept over a million others
INDUCTION_HEADS_GPU = TrainSettings(
    task=TaskSettings(name="induction_heads", L=256, vocab=16),
    model=ModelSettings(n_layers=2, d_model=64, N=16, dt_rank=8, dt_min=0.01, dt_max=0.5),
    optim=OptimSettings(
        optimiser="adamw", lr=1e-3, eps=1e-15, delta_penalty=1e-2, curriculum=True, batch=8, steps=20_000
    ),
    eval_every=250,
    eval_batch=512,
    checkpoint_every=5000,
    device="cuda",
)

ASSOCIATIVE_RECALL = TrainSettings(
    task=TaskSettings(name="associative_recall", L=24, vocab=17, n_data=4),
    optim=OptimSettings(curriculum=True, steps=600),
    device="cpu",
)

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

# networks on signals are small: a CPU takes seconds
MASS_SPRING = TrainSettings(
    task=TaskSettings(name="mass_spring", L=256, n_data=2),
    model=ModelSettings(
        layer="s4d", block="linear", n_layers=1, d_model=1, N=3, skip=False, dt_min=0.1, dt_max=0.1, learn_dt=False
    ),
    optim=OptimSettings(optimiser="adamw", lr=0.005, batch=32, steps=1500),
    device="cpu",
)
# a picture lasts 1, so Delta of its pixels is 1/64; poles and Delta stay what they are, C and all the rest is learned
DIGITS = TrainSettings(
    task=TaskSettings(name="digits", L=64, vocab=10),
    model=ModelSettings(
        layer="s4d",
        block="plain",
        n_layers=1,
        d_model=32,
        N=32,
        dt_min=1 / 64,
        dt_max=1 / 64,
        s4d_init="legs",
        learn_poles=False,
        learn_dt=False,
    ),
    optim=OptimSettings(optimiser="adamw", lr=5e-3, batch=32, steps=800),
    eval_batch=450,
    device="cpu",
)
RESAMPLED = TrainSettings(
    task=TaskSettings(name="resampled", L=64, vocab=6),
    model=ModelSettings(layer="s4d", block="plain", n_layers=1, d_model=32, N=16, dt_min=0.005, dt_max=0.05),
    optim=OptimSettings(optimiser="adamw", lr=2e-2, batch=32, steps=500),
    device="cpu",
)

PERMUTED_DIGITS = changed(
    DIGITS,
    {"task.name": "permuted_digits", "model.learn_poles": True, "model.learn_dt": True, "optim.steps": 400},
)
PATHFINDER = TrainSettings(
    task=TaskSettings(name="pathfinder", L=64, vocab=2, n_data=1),
    model=ModelSettings(n_layers=2, d_model=32, N=8, dt_min=0.01, dt_max=0.5),
    optim=OptimSettings(batch=64, steps=500),
    eval_batch=512,
    device="cpu",
)
AUDIO = TrainSettings(
    task=TaskSettings(name="audio", L=128, n_data=2),
    model=ModelSettings(layer="s4d", block="plain", n_layers=2, d_model=16, N=8, dt_min=0.01, dt_max=0.5),
    optim=OptimSettings(optimiser="adamw", lr=1e-2, batch=16, steps=400),
    device="cpu",
)
IRREGULAR = TrainSettings(
    task=TaskSettings(name="irregular", L=64),
    model=ModelSettings(n_layers=1, d_model=16, N=4, dt_min=0.05, dt_max=0.5),
    optim=OptimSettings(lr=1e-2, batch=16, steps=800),
    device="cpu",
)
DELAY_LINE = TrainSettings(
    task=TaskSettings(name="delay", L=128, n_data=32),
    model=ModelSettings(
        layer="s4d",
        block="linear",
        n_layers=1,
        d_model=1,
        N=16,
        skip=False,
        s4d_init="legs",
        dt_min=1 / 32,
        dt_max=1 / 32,
    ),
    optim=OptimSettings(optimiser="adamw", lr=1e-2, batch=16, steps=500),
    device="cpu",
)
MACKEY_GLASS = TrainSettings(
    task=TaskSettings(name="mackey_glass", L=128, n_data=15),
    model=ModelSettings(n_layers=1, d_model=16, N=8, dt_min=0.01, dt_max=0.5),
    optim=OptimSettings(optimiser="adamw", lr=1e-2, batch=16, steps=300),
    device="cpu",
)
SERIES = TrainSettings(
    task=TaskSettings(name="series", L=96, n_data=6),
    model=ModelSettings(layer="s4d", block="plain", n_layers=1, d_model=16, N=8, dt_min=0.01, dt_max=0.3),
    optim=OptimSettings(optimiser="adamw", lr=5e-3, batch=16, steps=300),
    device="cpu",
)

SHORT_COPYING = changed(SELECTIVE_COPYING, {"task.L": 32, "task.n_data": 5, "optim.steps": 600})
DELAY = changed(
    COPYING,
    {"task.L": 128, "task.n_data": 4, "model.layer": "s4d", "optim.batch": 16, "optim.steps": 200},
)
TWO_VIEWS = changed(COPYING, {"model.layer": "s4d", "optim.steps": 200})
SAME_SCAN = changed(INDUCTION_HEADS, {"task.L": 32, "optim.batch": 16, "optim.steps": 250, "device": "cpu"})


def _runs(base: TrainSettings, **runs: Mapping[str, Any]) -> tuple[tuple[str, TrainSettings], ...]:
    """Labels (with _ for spaces), and what each run changes of the base."""
    return tuple((label.replace("_", " "), changed(base, values)) for label, values in runs.items())


PRESETS: dict[str, Preset] = {
    "selective_copying": Preset(
        "Selective copying",
        "Remember 8 letters among noise, whatever the gaps: S6 learns when to write, its twin cannot.",
        _pair(SELECTIVE_COPYING),
        "Growing sequences and orthogonalised updates take S6 to 99 % in seconds; the twin has the same of both.",
    ),
    "copying": Preset(
        "Copying",
        "The same letters at fixed places: timing is all it takes, and the time-invariant twin is the faster one.",
        _pair(COPYING),
        "A delay needs many states: 16 a channel are enough for both, and the twin gets there in a tenth of the steps.",
    ),
    "induction_heads": Preset(
        "Induction heads",
        "Say what followed the trigger when it was last seen, also far beyond the lengths it was trained on.",
        _pair(INDUCTION_HEADS),
        "Lengths are drawn evenly in log L from 8 to 64, so that no length can be learned by heart.",
    ),
    "associative_recall": Preset(
        "Associative recall",
        "Pairs of key and value, then every key again: what belonged to it? All pairs must fit into the state at once.",
        _pair(ASSOCIATIVE_RECALL),
        "S6 said 99.6 % of the values after these 600 steps, 10 s on one core. The twin, with the best of six pairs of "
        "learning rates, said 63 %.",
    ),
    "listops": Preset(
        "ListOps",
        "Nested lists of minimum, maximum, median, sum: what does the whole come to? One digit, at the last bracket.",
        _pair(LISTOPS),
        "So short, lists need no selection: S6 said 61 % of the digits, the twin 63 %, after these 2000 steps, 28 s on "
        "one core. The most frequent alone makes 13 %.",
    ),
    "text": Preset(
        "A text, character by character",
        "Read a text and say the next character: what language models do, on sentences of this app or a text of yours.",
        _pair(TEXT),
        "Of the next characters S6 said 52 %, the twin 53 % after these 600 steps, 18 s on one core; over texts 8 "
        "times as long 54 and 30 %.",
    ),
    "switches": Preset(
        "What each switch of selection buys",
        "One S6, four times: with Δ, B and C made from the token, with Δ alone, with B and C alone, with none.",
        _runs(
            SHORT_COPYING,
            all={},
            Δ_alone={"model.selective": "delta", "optim.lr": 2e-2},
            B_and_C={"model.selective": "B C", "optim.lr": 2e-2},
            none={"model.selective": "none", "optim.lr": 2e-2},
        ),
        "Five letters in 32 places: short enough for four runs at once. Each has its own best learning rates.",
    ),
    "two_views": Preset(
        "Trained as one view, run as the other",
        "Both train by convolution. One is tested by convolution, the other token by token: the curves coincide.",
        _runs(TWO_VIEWS, convolution={}, recurrence={"as_recurrence": True}),
        "A time-invariant layer copies in seconds. How far both views' answers are apart is said at the end.",
    ),
    "s4d_inits": Preset(
        "Where poles start",
        "S4D must say four letters again after 128 tokens. Poles that oscillate learn to wait; real ones only fade.",
        _runs(
            DELAY,
            Lin={},
            Inv={"model.s4d_init": "inv"},
            LegS={"model.s4d_init": "legs"},
            Real={"model.s4d_init": "real", "optim.lr": 2e-2},
        ),
        "At 64 tokens the three that oscillate are all done in about 100 steps; at 128 the delay still takes 200.",
    ),
    "backends": Preset(
        "One scan, three programs",
        "The same training on three programs for the scan: equal curves, another time for a step.",
        _runs(SAME_SCAN, numba={"backend": "numba"}, torch={"backend": "torch"}, reference={"backend": "reference"}),
        "Small, so that the loop over time (reference) keeps up; runs of one experiment wait for each other.",
    ),
    "ablations": Preset(
        "The block without its parts",
        "Induction heads with the whole Mamba block, without its convolution, and without its gate.",
        _runs(INDUCTION_HEADS, whole={}, no_convolution={"model.d_conv": 0}, no_gate={"model.gate": False}),
        "A token must know that the trigger stood before it; within 500 steps only the convolution brings that about.",
    ),
    "against_attention": Preset(
        "S6 against attention",
        "Equal parameters, the same sequences of up to 64 tokens; at the end both are tested on longer ones.",
        _runs(
            INDUCTION_HEADS,
            S6={},
            Transformer={
                "model.layer": "attention",
                "model.block": "transformer",
                "optim.lr": 2e-2,
                "optim.lr_muon": 0.025,
            },
        ),
        "Rotary positions did best of three kinds; each network has its own best learning rates.",
    ),
    "selective_copying_gpu": Preset(
        "Selective copying, long (GPU)",
        "16 letters of 14 in 256 places: the contrast of the paper's Table 1, at a sixteenth of its length.",
        _pair(SELECTIVE_COPYING_GPU),
        "Vocabulary, number of letters, width, layers and batch are those of the paper.",
    ),
    "backends_gpu": Preset(
        "One scan, two programs (GPU)",
        "The same training with the fused Triton scan and with plain PyTorch: equal curves, another time for a step.",
        _runs(
            changed(SELECTIVE_COPYING, {"device": "cuda"}),
            triton={"backend": "triton"},
            torch={"backend": "torch"},
        ),
        "The sizes of selective copying on a CPU.",
    ),
    "induction_heads_gpu": Preset(
        "Induction heads, long (GPU)",
        "Trained at up to 256 tokens as in the paper, tested up to a million.",
        _pair(INDUCTION_HEADS_GPU),
        "Sizes of the paper's Table 11, a tenth of its steps. Three seeds of three held to 2^14 tokens, two to 2^20.",
    ),
    "mass_spring": Preset(
        "Masses on springs",
        "From the force alone, say where the mass is: the layer's poles move onto those of the unknown system.",
        (
            ("complex poles", MASS_SPRING),
            ("real poles", changed(MASS_SPRING, {"model.s4d_init": "real", "model.N": 6})),
        ),
        "One linear layer, so its poles can be compared with the true ones; a third pair to spare finds them surely.",
    ),
    "digits": Preset(
        "Sequential digits",
        "Read 64 pixels one by one, then say the digit: poles from HiPPO keep them in mind, random ones do not.",
        (("HiPPO", DIGITS), ("random", changed(DIGITS, {"model.s4d_init": "random"}))),
        "The poles stay as they start, so all that differs is what a state can remember; trained, the gap narrows.",
    ),
    "resampled": Preset(
        "Resampled tones",
        "Trained at 64 samples a second, tested at 32 to 256: right when Delta follows the step, lost when it stays.",
        (("S4D", RESAMPLED),),
        "No convolution over samples: every part of this network but Delta is the same at any sampling rate.",
    ),
    "permuted_digits": Preset(
        "Permuted digits",
        "The digits of before, their pixels in one random order: nothing local is left, only a memory of them all.",
        _runs(PERMUTED_DIGITS, S4D={}),
        "89 % of the test digits after these 400 steps; row by row the same network has 96 %.",
    ),
    "pathfinder": Preset(
        "Pathfinder, small",
        "Two dots among dashed paths, read pixel by pixel: does a path join them?",
        _runs(PATHFINDER, S6={}, S4D={"model.layer": "s4d", "model.N": 16}),
        "Pictures of 8 x 8, the smallest: 80 % (S6) and 58 % after these 500 steps. At 16 x 16 S4D stayed at chance.",
    ),
    "audio": Preset(
        "Synthetic audio",
        "Chirps, modulated tones and struck resonators: say the next sample. Complex states do it better than S6's.",
        _runs(AUDIO, S4D={}, real_S4D={"model.s4d_init": "real"}, S6={"model.layer": "s6"}),
        "Plain blocks: what was heard is known from the states alone. Errors of 0.43, 0.58 and 0.52 after 400 steps.",
    ),
    "irregular": Preset(
        "Reports at irregular times",
        "A sensor is heard of now and then; say its moving average: S6's Δ follows the pauses, a constant Δ cannot.",
        _runs(IRREGULAR, S6={}, S4D={"model.layer": "s4d"}),
        "Four states a channel: errors of 0.08 and 0.20 after these 800 steps, S4D at the best of three rates.",
    ),
    "delay": Preset(
        "A delay line",
        "Say what the signal was 32 positions ago: poles that oscillate keep the past, real ones only fade.",
        _runs(
            DELAY_LINE,
            LegS={},
            Lin={"model.s4d_init": "lin", "model.dt_min": 0.05, "model.dt_max": 0.05},
            Real={"model.s4d_init": "real", "model.N": 32, "model.dt_min": 0.05, "model.dt_max": 0.05},
        ),
        "One linear layer, so the poles are all there is: errors of 0.09, 0.11 and 0.94 after these 500 steps.",
    ),
    "mackey_glass": Preset(
        "Chaos, 15 steps ahead",
        "The Mackey-Glass equation: its future follows from 17 steps of its past, and not from where it is now.",
        _runs(MACKEY_GLASS, S6={}, S4D={"model.layer": "s4d"}),
        "Errors of 0.13 (S6) and 0.14 (S4D) after these 300 steps; saying that all stays as it is has 1.6.",
    ),
    "series": Preset(
        "A series of your own",
        "Upload numbers, a row each, and forecast them; without a file, a made-up temperature by the hour.",
        _runs(SERIES, S4D={}, S6={"model.layer": "s6"}),
        "Errors of 0.46 and 0.58 on the made-up temperature after 300 steps; saying that all stays as it is: 0.82.",
    ),
}

# those whose runs are `twins` of each other
TWINS = tuple(
    name
    for name, preset in PRESETS.items()
    if [label for label, _ in preset.runs] == [S6, S4D] and preset.runs[0][1].task.name in TWIN_RATES
)
# what the lab offers: every task's own preset, and the long ones for a GPU
LAB = tuple(dict.fromkeys(["selective_copying", *map(preset_of, TASKS), *(n for n in TWINS if n.endswith("_gpu"))]))
