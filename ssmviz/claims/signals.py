"""Claims on continuous time, on where poles start, and on what is too large to run here."""

from __future__ import annotations

from ssmviz.claims.claim import Claim, Row, Table
from ssmviz.claims.measured import Reported, Swept, chosen_preset
from ssmviz.claims.papers import HIPPO, MAMBA, S4, S4D

SIGNALS = "python -m benchmarks.presets_signals search"
DATA = "the data are not available offline"


def _digits(A: str) -> tuple[Swept, ...]:
    """Fixed, and trained."""
    return tuple(Swept("digits_random_a", f"{A}, {how}", ("token",)) for how in ("fixed", "trained"))


# (name, how the report begins to name it)
NETWORKS = (("S4D", "one layer of width 32"), ("S4D in a Mamba block", "Mamba block (convolves"))


def _resampled(row: str, samples: int, delta: str) -> Reported:
    pick = rf"\b{samples} Δ {delta}[^:]*: (\d+)"
    return Reported("presets_signals", row, "tests at the end", SIGNALS, "resampled", pick=pick)


TIME = (
    Claim(
        "random_a",
        "time and memory",
        "A random A forgets",
        "On sequential MNIST a random A ends at 60 %, HiPPO's A at 98 %.",
        S4,
        "section 2.2",
        Table(
            ("A", "paper: MNIST", "here: digits of 8 × 8", "the same, A trained"),
            (
                Row("random", ("60", *_digits("random A"))),
                Row("HiPPO", ("98", *_digits("HiPPO (LegS)"))),
            ),
        ),
        "Ours are the 8 × 8 digits of scikit-learn read pixel by pixel (64 steps), never MNIST, by one layer of S4D. "
        "Random: as large as HiPPO's matrix.",
        "MNIST is not available offline.",
        lesson="memory",
    ),
    Claim(
        "poles",
        "time and memory",
        "Where poles start",
        "S4D works from simple diagonal starts (Lin, Inv), nearly as well as from HiPPO's; poles that cannot ring are "
        "worse.",
        S4D,
        "experiments",
        Table(
            ("poles", "here: four letters after 128 tokens, %"),
            tuple(Row(name, (chosen_preset(f"s4d_inits: {name}"),)) for name in ("Lin", "Inv", "LegS", "Real")),
        ),
        "A delay, learned in 200 steps; the paper trains on Long Range Arena and audio. Several values are seeds.",
        "Of the paper's data none is available offline.",
        lesson="structured",
    ),
    Claim(
        "resampling",
        "time and memory",
        "Another sampling rate",
        "A continuous-time layer answers at a rate it was never trained at, when Delta is scaled with the step.",
        S4,
        "experiments (Speech Commands)",
        Table(
            ("network, samples in a tone", "here: Δ follows, %", "here: Δ stays, %"),
            tuple(
                Row(
                    f"{label}, {samples}",
                    (_resampled(row, samples, "follows the step"), _resampled(row, samples, "as")),
                )
                for label, row in NETWORKS
                for samples in (32, 64, 128, 256)
            ),
        ),
        "Right among 6 synthetic tones, trained at 64 samples; chance 17 %. A Mamba block's convolution counts "
        "samples, not time.",
        f"Speech Commands: {DATA}.",
    ),
    Claim(
        "audio",
        "time and memory",
        "The continuous-discrete spectrum",
        "On raw audio, a continuous signal, the time-invariant complex S4 does better than the selective S6.",
        MAMBA,
        "sections 4.4 and 5",
        Table(
            ("layer", "here: no gate", "here: Mamba block"),
            tuple(
                Row(label, tuple(Swept("audio", f"{block}, {row}", ("error",)) for block in ("plain", "mamba")))
                for label, row in (("S4D, complex", "s4d"), ("S4D, real", "s4d, real"), ("S6", "s6"))
            ),
        ),
        "Ours is the error of the next sample of synthetic sounds, % of their size, smaller is better; the paper "
        "counts bits per byte of piano and speech.",
        f"YouTubeMix and SC09: {DATA}.",
    ),
    Claim(
        "timescale",
        "time and memory",
        "A memory without a time scale",
        "HiPPO-LegS compresses the whole past: a signal played at half the speed leaves the same coefficients.",
        HIPPO,
        "section 3",
        lesson="memory",
        differs="f(t) and f(2t) are compared live.",
    ),
    Claim(
        "diagonal",
        "time and memory",
        "Diagonalisable on paper",
        "HiPPO's matrix has eigenvectors too large for floats; a normal matrix plus one of low rank takes its place.",
        S4,
        "section 3, Lemma 3.2",
        lesson="structured",
        differs="The condition numbers are computed live.",
    ),
)

LRA = ("ListOps", "Text", "Retrieval", "Image", "Pathfinder", "Path-X")
S4_ON_LRA = ("59.60", "86.82", "90.90", "88.65", "94.20", "96.35")


def _small(task: str) -> tuple[Swept | None, ...]:
    """S4 in an H3 block, and Mamba, on our own small version."""
    sweep = {"ListOps": "listops", "Pathfinder": "pathfinder"}.get(task)
    return tuple(Swept(sweep, row, ("token",)) if sweep else None for row in ("h3", "mamba", "attention, rope"))


SCALE = (
    Claim(
        "lra",
        "scale",
        "Long Range Arena",
        "S4 solves what no model before it did: six tasks of 1,024 to 16,384 tokens, Path-X among them.",
        S4,
        "Long Range Arena",
        Table(
            ("task", "paper: S4", "here: S4 in an H3 block", "Mamba", "attention, RoPE"),
            tuple(Row(task, (printed, *_small(task))) for task, printed in zip(LRA, S4_ON_LRA, strict=True)),
        ),
        "Accuracy in %. Ours are short and small versions that the project generates itself: not comparable in number.",
        f"Text, Retrieval, Image: {DATA}. Path-X has 16,384 tokens: the time on the device.",
    ),
    Claim(
        "language",
        "scale",
        "Language",
        "Mamba is the first linear-time model to match a strong Transformer recipe at equal size and compute.",
        MAMBA,
        "section 4.2",
        reason=f"The Pile: {DATA}; the paper's models have up to 2.8 billion parameters and 300 billion tokens.",
    ),
    Claim(
        "zero_shot",
        "scale",
        "Downstream tasks",
        "On common zero-shot tests Mamba does as well as Transformers of twice its size.",
        MAMBA,
        "section 4.2",
        reason="Pretrained weights are not available offline; the app opens them where you have them.",
    ),
    Claim(
        "dna",
        "scale",
        "DNA",
        "Mamba becomes better with a context of up to a million base pairs; a time-invariant model becomes worse.",
        MAMBA,
        "section 4.3",
        reason=f"The human genome (HG38): {DATA}.",
    ),
    Claim(
        "sc09",
        "scale",
        "Speech",
        "Mamba generates speech better than larger models before it, adversarial and diffusion models among them.",
        MAMBA,
        "section 4.4",
        reason=f"SC09: {DATA}.",
    ),
)
