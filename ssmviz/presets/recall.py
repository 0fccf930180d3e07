"""Copying, selective copying, induction heads, associative recall: what has to be kept in mind."""

from __future__ import annotations

from ssmviz.presets.experiment import Preset, pair, runs_of
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings

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
ASSOCIATIVE_RECALL = TrainSettings(
    task=TaskSettings(name="associative_recall", L=24, vocab=17, n_data=4),
    optim=OptimSettings(curriculum=True, steps=600),
    device="cpu",
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

PRESETS: dict[str, Preset] = {
    "selective_copying": Preset(
        "Selective copying",
        "Remember 8 letters among noise, whatever the gaps: S6 learns when to write, its twin cannot.",
        pair(SELECTIVE_COPYING),
        "Growing sequences and orthogonalised updates take S6 to 99 % in seconds; the twin has the same of both.",
    ),
    "copying": Preset(
        "Copying",
        "The same letters at fixed places: timing is all it takes, and the time-invariant twin is the faster one.",
        pair(COPYING),
        "A delay needs many states: 16 a channel are enough for both, and the twin gets there in a tenth of the steps.",
    ),
    "induction_heads": Preset(
        "Induction heads",
        "Say what followed the trigger when it was last seen, also far beyond the lengths it was trained on.",
        pair(INDUCTION_HEADS),
        "Lengths are drawn evenly in log L from 8 to 64, so that no length can be learned by heart.",
    ),
    "associative_recall": Preset(
        "Associative recall",
        "Pairs of key and value, then every key again: what belonged to it? All pairs must fit into the state at once.",
        pair(ASSOCIATIVE_RECALL),
        "S6 said 99.6 % of the values after these 600 steps, 10 s on one core. The twin, with the best of six pairs of "
        "learning rates, said 63 %.",
    ),
    "recall_retnet": Preset(
        "Associative recall, S6 and RetNet",
        "RetNet keeps a matrix and forgets at a fixed pace; S6 a vector a channel, and chooses. Both hold four pairs.",
        runs_of(ASSOCIATIVE_RECALL, S6={}, RetNet={"model.layer": "retnet"}),
        "600 steps in the same block at the same learning rates: tried at four, RetNet said all values at each.",
    ),
    "induction_attention": Preset(
        "Induction heads, S6 and attention",
        "Attention looks the answer up among all tokens, S6 kept it in its state: who still can on longer sequences?",
        runs_of(INDUCTION_HEADS, S6={}, Attention={"model.layer": "attention", "optim.lr": 5e-3}),
        "Both in Mamba's block, so that the layer alone differs; attention at the best of six pairs of learning rates.",
    ),
    "selective_copying_gpu": Preset(
        "Selective copying, long (GPU)",
        "16 letters of 14 in 256 places: the contrast of the paper's Table 1, at a sixteenth of its length.",
        pair(SELECTIVE_COPYING_GPU),
        "Vocabulary, number of letters, width, layers and batch are those of the paper.",
    ),
    "induction_heads_gpu": Preset(
        "Induction heads, long (GPU)",
        "Trained at up to 256 tokens as in the paper, tested up to a million.",
        pair(INDUCTION_HEADS_GPU),
        "Sizes of the paper's Table 11, a tenth of its steps. Three seeds of three held to 2^14 tokens, two to 2^20.",
    ),
}
