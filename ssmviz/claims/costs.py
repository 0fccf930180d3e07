"""Claims on time and memory."""

from __future__ import annotations

from ssmviz.claims.claim import Claim, Row, Table
from ssmviz.claims.measured import Grown, Reported, chosen_preset, crossover, slope, times_faster, way_ratio
from ssmviz.claims.papers import LSSL, MAMBA

GENERATION = "python -m benchmarks.gpu_generation"
SCAN = "python -m benchmarks.gpu_scan"
BATCHES = (1, 8, 32, 128)


def _generated(column: str, batch: int) -> Reported:
    return Reported("gpu_generation", f"{batch} ", column, GENERATION)


def _gain(batch: int) -> Reported:
    return Reported("gpu_generation", f"{batch} ", "Transformer, context 2048", GENERATION, over="Mamba")


COSTS = (
    Claim(
        "scan_speed",
        "speed and memory",
        "One kernel for the scan",
        "The fused selective scan is 20 to 40 times faster than a standard scan in PyTorch (A100).",
        MAMBA,
        "section 4.5",
        Table(
            ("against", "paper", "here, forward", "here, both ways"),
            (
                Row(
                    "a standard scan in PyTorch",
                    ("20–40×", Grown(way_ratio("torch"), "×", 0), Grown(way_ratio("torch", "both_ms"), "×", 0)),
                ),
                Row(
                    "a loop over the tokens",
                    (None, Grown(way_ratio("reference"), "×", 0), Grown(way_ratio("reference", "both_ms"), "×", 0)),
                ),
                Row(
                    "the kernel itself, ms at D = 2048",
                    (
                        None,
                        Reported("scan", "train (8, 2048, 2048, 16)", "forward", SCAN),
                        Reported("scan", "train (8, 2048, 2048, 16)", "both ways", SCAN),
                    ),
                ),
            ),
        ),
        "Batch 8, L 2048, D 1024, N 16 in float32; the standard scan is one in chunks. The last row's report says how "
        "far it is from what the machine can do.",
        lesson="scan",
    ),
    Claim(
        "scan_attention",
        "speed and memory",
        "The scan against attention",
        "The scan is faster than FlashAttention-2 from 2,048 tokens on, and up to 7 times at 32,768 (A100).",
        MAMBA,
        "section 4.5",
        Table(
            ("tokens", "paper", "here: attention's time over the scan's"),
            (
                Row("faster from", ("2,048", Grown(crossover, " tokens", 0))),
                Row("2,048", ("> 1×", Grown(times_faster("attention", "scan", 2048), "×"))),
                Row("32,768", ("7×", Grown(times_faster("attention", "scan", 32768), "×"))),
            ),
        ),
        "Batch 1, D 1024, N 16, bfloat16, as the paper's sweep; attention is PyTorch's "
        "scaled_dot_product_attention with 16 heads of 64.",
        lesson="scan",
        plot="growth",
    ),
    Claim(
        "complexity",
        "speed and memory",
        "Linear time",
        "The scan takes O(L), a convolution by FFT O(L log L), attention O(L²).",
        MAMBA,
        "sections 2 and 3.3",
        Table(
            ("slope of log time over log L", "theory", "here"),
            (
                Row("scan", ("1", Grown(slope("scan"), places=2))),
                Row("convolution", ("1 and a little", Grown(slope("convolution"), places=2))),
                Row("attention", ("2", Grown(slope("attention"), places=2))),
            ),
        ),
        "Fitted to the four longest lengths.",
        lesson="scan",
    ),
    Claim(
        "fusion",
        "speed and memory",
        "The state is never written to slow memory",
        "Discretising, scanning and reading C h in one kernel, and computing h again for the backward, saves the "
        "memory of all states.",
        MAMBA,
        "section 3.3.2, appendix D",
        Table(
            ("most memory, forward and backward", "here: times the fused kernel's"),
            (
                Row("a scan in chunks, PyTorch", (Grown(way_ratio("torch", "peak_bytes"), "×"),)),
                Row("a loop over the tokens, PyTorch", (Grown(way_ratio("reference", "peak_bytes"), "×"),)),
            ),
        ),
        "Batch 8, L 2048, D 1024, N 16, float32. The lesson counts the bytes.",
        lesson="scan",
    ),
    Claim(
        "generation",
        "speed and memory",
        "Generation",
        "Mamba generates 4 to 5 times as many tokens a second as a Transformer of its size (A100).",
        MAMBA,
        "section 4.5",
        Table(
            ("batch", "paper", "Mamba, tokens/s", "Transformer, 2048 tokens before", "here"),
            tuple(
                Row(
                    str(batch),
                    (
                        "4–5×" if batch == BATCHES[-1] else None,
                        _generated("Mamba", batch),
                        _generated("Transformer, context 2048", batch),
                        _gain(batch),
                    ),
                )
                for batch in BATCHES
            ),
        ),
        "Ours are networks of equal size of some million parameters in float32, one CUDA graph a token; the paper's "
        "have 1.4 and 1.3 billion.",
        "The paper's models need more memory than is asked for here, and trained weights.",
    ),
    Claim(
        "constant_state",
        "speed and memory",
        "A state instead of a cache",
        "A recurrent model remembers in constant memory; attention keeps keys and values of every token.",
        MAMBA,
        "section 4.5",
        lesson="attention",
        differs="Counted in bytes for any size that you set.",
    ),
    Claim(
        "three_views",
        "speed and memory",
        "ODE, recurrence, convolution",
        "A linear time-invariant layer is all three, so it trains as a convolution and runs as a recurrence.",
        LSSL,
        "section 3",
        Table(
            ("trained by convolution, tested as", "here: copying, % of letters"),
            tuple(Row(label, (chosen_preset(f"two_views: {label}"),)) for label in ("convolution", "recurrence")),
        ),
        "Three seeds.",
        lesson="two_views",
    ),
)
