"""What lessons train beside their tasks' own presets: one thing changed at a time."""

from __future__ import annotations

from ssmviz.presets.experiment import Preset, runs_of
from ssmviz.presets.recall import COPYING, INDUCTION_HEADS, SELECTIVE_COPYING
from ssmviz.settings import changed

SHORT_COPYING = changed(SELECTIVE_COPYING, {"task.L": 32, "task.n_data": 5, "optim.steps": 600})
DELAY = changed(
    COPYING,
    {"task.L": 128, "task.n_data": 4, "model.layer": "s4d", "optim.batch": 16, "optim.steps": 200},
)
TWO_VIEWS = changed(COPYING, {"model.layer": "s4d", "optim.steps": 200})
SAME_SCAN = changed(INDUCTION_HEADS, {"task.L": 32, "optim.batch": 16, "optim.steps": 250, "device": "cpu"})

PRESETS: dict[str, Preset] = {
    "switches": Preset(
        "What each switch of selection buys",
        "One S6, four times: with Δ, B and C made from the token, with Δ alone, with B and C alone, with none.",
        runs_of(
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
        runs_of(TWO_VIEWS, convolution={}, recurrence={"as_recurrence": True}),
        "A time-invariant layer copies in seconds. How far both views' answers are apart is said at the end.",
    ),
    "s4d_inits": Preset(
        "Where poles start",
        "S4D must say four letters again after 128 tokens. Poles that oscillate learn to wait; real ones only fade.",
        runs_of(
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
        runs_of(SAME_SCAN, numba={"backend": "numba"}, torch={"backend": "torch"}, reference={"backend": "reference"}),
        "Small, so that the loop over time (reference) keeps up; runs of one experiment wait for each other.",
    ),
    "backends_gpu": Preset(
        "One scan, two programs (GPU)",
        "The same training with the fused Triton scan and with plain PyTorch: equal curves, another time for a step.",
        runs_of(
            changed(SELECTIVE_COPYING, {"device": "cuda"}),
            triton={"backend": "triton"},
            torch={"backend": "torch"},
        ),
        "The sizes of selective copying on a CPU.",
    ),
    "ablations": Preset(
        "The block without its parts",
        "Induction heads with the whole Mamba block, without its convolution, and without its gate.",
        runs_of(INDUCTION_HEADS, whole={}, no_convolution={"model.d_conv": 0}, no_gate={"model.gate": False}),
        "A token must know that the trigger stood before it; within 500 steps only the convolution brings that about.",
    ),
    "against_attention": Preset(
        "S6 against attention",
        "Equal parameters, the same sequences of up to 64 tokens; at the end both are tested on longer ones.",
        runs_of(
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
}
