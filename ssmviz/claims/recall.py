"""Claims on what is remembered and what is let go."""

from __future__ import annotations

from ssmviz.claims.claim import Cell, Claim, Row, Table
from ssmviz.claims.measured import Reported, Swept, chosen_preset
from ssmviz.claims.papers import H3, HIDDEN, MAMBA

GPU_CLICK = "python -m benchmarks.gpu_training click selective_copying_gpu"
GPU_FULL = "python -m benchmarks.gpu_training full"

# Mamba v2, Table 1: block (the paper's "Arch."), layer, accuracy
COPYING = (
    ("no gate", "S4", "plain, s4", "18.3"),
    ("no gate", "S6", "plain, s6", "97.0"),
    ("H3 block", "S4", "h3, s4", "57.0"),
    ("H3 block", "Hyena", "h3, hyena", "30.1"),
    ("H3 block", "S6", "h3, s6", "99.7"),
    ("Mamba block", "S4", "mamba, s4", "56.4"),
    ("Mamba block", "Hyena", "mamba, hyena", "28.4"),
    ("Mamba block", "S6", "mamba, s6", "99.8"),
)
OURS_ALONE = (
    ("no gate", "Hyena", "plain, hyena"),
    ("no gate", "S4D", "plain, s4d"),
    ("H3 block", "S4D", "h3, s4d"),
    ("Mamba block", "S4D", "mamba, s4d"),
    ("no gate", "S5", "plain, s5"),
    ("H3 block", "S5", "h3, s5"),
    ("Mamba block", "S5", "mamba, s5"),
)


def _copied(row: str) -> tuple[Cell, ...]:
    """Ours at three lengths, at two of them with twice the steps, too."""
    longer = ("table1_twice", "table1_long", "table1_long_twice", "table1_full")
    return Swept("table1", row), *(Swept(sweep, row, miniature=False) for sweep in longer)


TABLE1 = Table(
    ("block, layer", "paper, L = 4096", "L = 256", "256, longer", "L = 1024", "1024, longer", "L = 4096"),
    (
        *(Row(f"{block}, {layer}", (printed, *_copied(row))) for block, layer, row, printed in COPYING),
        *(Row(f"{block}, {layer}", (None, *_copied(row))) for block, layer, row in OURS_ALONE),
        Row(
            "Mamba block, S6: the lab's preset",
            (None, Reported("gpu_training", "0 1.3", "S6 token", GPU_CLICK), None, None, None, None),
        ),
        Row(
            "Mamba block, S4D: the lab's preset",
            (None, Reported("gpu_training", "0 1.3", "S4D token", GPU_CLICK), None, None, None, None),
        ),
    ),
)

# Mamba v2, Table 11: accuracy at 2^8, 2^9, 2^10, 2^11, 2^14, 2^20
INDUCTION = (
    ("attention, absolute", "attention, absolute", ("100", "58.6", "26.6", "18.8", "7.8", "OOM")),
    ("attention, RoPE", "attention, rope", ("100", "83.6", "31.3", "18.4", "5.5", "OOM")),
    ("attention, xPos", "attention, xpos", ("100", "99.6", "67.6", "25.4", "7.8", "OOM")),
    ("H3", "h3", ("100", "80.9", "39.5", "23.8", "5.9", "7.4")),
    ("Hyena", "hyena", ("100", "100", "44.1", "12.5", "7.0", "9.8")),
    ("Mamba", "mamba", ("100", "100", "100", "100", "100", "100")),
)
POWERS = (8, 9, 10, 11, 14, 20)
ATTENTION_TO = 14  # the ladder of attention ends at 2^15: `ssmviz.training.evaluation.RUNG_PAIRS`


def _recalled(row: str) -> tuple[Cell, ...]:
    """Ours at as many times the training length, as far as attention can be tested."""
    longest = ATTENTION_TO if row.startswith("attention") else POWERS[-1]
    return tuple(Swept("table2", row, ("token",), times=2**p // 256) if p <= longest else None for p in POWERS)


def _long_run() -> tuple[Cell, ...]:
    near = Reported("gpu_step", "128 to 65,536", "", GPU_FULL)
    return (*(near for _ in POWERS[:-1]), Reported("gpu_step", "262,144", "", GPU_FULL, pick=r"(\d+) %$"))


INDUCTION_OURS = (("attention, no positions", "attention, none"), ("Mamba block with S4D", "mamba block, s4d"))
TABLE2 = Table(
    ("tested at", *(f"2^{power}" for power in POWERS)),
    (
        *(
            row
            for label, ours, printed in INDUCTION
            for row in (Row(f"{label}: paper", printed), Row(f"{label}: here", _recalled(ours)))
        ),
        *(Row(f"{label}: here", _recalled(ours)) for label, ours in INDUCTION_OURS),
        Row("Mamba, as many steps as the paper: here", _long_run()),
    ),
)

SWITCHES = ("delta B C", "delta B", "delta C", "B C", "delta", "B", "C", "none")
SMALL_SWITCHES = {"delta B C": "all", "delta": "Δ alone", "B C": "B and C", "none": "none"}


def _switched(name: str) -> tuple[Cell, ...]:
    small = SMALL_SWITCHES.get(name)
    return Swept("switches", name), chosen_preset(f"switches: {small}") if small else None


RECALL = (
    Claim(
        "table1",
        "recall",
        "Selective copying",
        "Selection (S6) copies letters that stand at random places; a time-invariant layer does not, whatever gate or "
        "block is put around it.",
        MAMBA,
        "Table 1, section 4.1.1",
        TABLE1,
        "Ours are % of tokens / % of whole sequences of held-out data; each row at the learning rate that is best for "
        "it at L = 256, falling to 0. The paper trains 400,000 steps at L = 4096 at a constant rate; here sequences "
        "and trainings are shorter (12,000 and, longer, 24,000 steps; at L = 1024 10,000 and 20,000; at 4096 "
        "16,000), and a short sequence flatters time-invariant layers. The lab's preset adds a curriculum and another "
        "optimiser.",
        "At L = 4096 one cell is trained, at L = 1024 for twice the steps four, and none for the paper's 400,000 "
        "steps: the time on the device.",
    ),
    Claim(
        "table2",
        "recall",
        "Induction heads",
        "Trained on 256 tokens, Mamba says what followed the trigger among a million; every other network fails within "
        "a few doublings.",
        MAMBA,
        "Tables 2 and 11, section 4.1.2",
        TABLE2,
        "% of answers right, each row at the learning rate that did best over all lengths on the first seed. Ours "
        "train on lengths up to 256 (drawn evenly in log L) with a falling learning rate and a penalty on S6's Delta, "
        "20,000 steps; the paper trains at 256 with 204,800 steps and neither. All of ours have d_model 64; the "
        "paper's other networks have 128. A miniature stands at as many times its own length.",
        "Attention compares all pairs of tokens: its tests end where 8 sequences do not fit the budget.",
        plot="ladder",
    ),
    Claim(
        "switches",
        "recall",
        "Which part of selection matters",
        "Of Delta, B and C, a Delta that follows the input brings the most; all three together are best.",
        MAMBA,
        "section 4.6 (perplexity on language)",
        Table(
            ("what follows the token", "here, L = 256", "here, L = 32"),
            tuple(Row(name.replace("delta", "Δ"), _switched(name)) for name in SWITCHES),
        ),
        "The paper counts perplexity on language, ours are % of tokens (/ sequences) in selective copying: only the "
        "order can be compared. Several values are seeds.",
        "Language at the paper's scale is out of reach of this project's data.",
    ),
    Claim(
        "state_size",
        "recall",
        "A larger state",
        "More states a channel help much where B and C are selective, and cost few parameters.",
        MAMBA,
        "section 4.6 (perplexity on language)",
        Table(
            ("states a channel", "here: selective copying"),
            tuple(Row(f"N = {N}", (Swept("state_size", f"N = {N}"),)) for N in (1, 2, 4, 8, 16, 32)),
        ),
        "% of tokens / sequences, not perplexity. Here one state a channel is enough: each of 128 channels keeps one "
        "number, and only 16 letters are asked for.",
        "Language at the paper's scale is out of reach of this project's data.",
    ),
    Claim(
        "filtering",
        "recall",
        "Filtering context",
        "A selective model can ignore what is irrelevant, so that a longer context does not hurt it; a time-invariant "
        "one cannot.",
        MAMBA,
        "sections 3.1 and 3.5.2",
        Table(
            ("places for the letters", "S6, here", "S4D, here"),
            tuple(
                Row(f"L = {L}", (Swept("filtering", f"s6, L = {L}"), Swept("filtering", f"s4d, L = {L}")))
                for L in (32, 64, 128, 256, 512, 1024)
            ),
        ),
        "% of tokens / sequences: the same letters in more and more noise, each length trained for itself.",
        lesson="selection",
    ),
    Claim(
        "convolution_first",
        "recall",
        "To compare, a token must know its neighbour",
        "Recall by comparison needs a memory of what stood just before: H3 has a shift SSM for it, Mamba a short "
        "convolution.",
        H3,
        "section 3",
        Table(
            ("Mamba block", "here: induction heads"),
            tuple(
                Row(label, (chosen_preset(f"ablations: {label}"),)) for label in ("whole", "no convolution", "no gate")
            ),
        ),
        "% of answers right at the training lengths (up to 64 tokens) after 500 steps; three seeds.",
    ),
    Claim(
        "gate",
        "recall",
        "A selective SSM contains the gate of an RNN",
        "With N = 1, A = −1, B = 1 a selective SSM is $h_t = (1 - g_t)\\,h_{t-1} + g_t x_t$ with "
        "$g_t = \\sigma(\\mathrm{Linear}(x_t))$.",
        MAMBA,
        "Theorem 1, section 3.5.1",
        lesson="discretisation",
        differs="Exact with the zero-order hold, false with Euler's rule, which the released code uses for B.",
    ),
    Claim(
        "hidden_attention",
        "recall",
        "S6 is an attention matrix that is never written down",
        "What S6 says is $y = \\alpha x$ with $\\alpha_{ij} = C_i \\bar A_i \\cdots \\bar A_{j+1} \\bar B_j$.",
        HIDDEN,
        "section 3",
        lesson="attention",
        differs="Checked live against the scan of a trained block.",
    ),
)
