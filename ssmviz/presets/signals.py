"""Real numbers in place of tokens: networks on signals are small, a CPU takes seconds."""

from __future__ import annotations

from ssmviz.presets.experiment import Preset, runs_of
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings, changed

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
RESAMPLED = TrainSettings(
    task=TaskSettings(name="resampled", L=64, vocab=6),
    model=ModelSettings(layer="s4d", block="plain", n_layers=1, d_model=32, N=16, dt_min=0.005, dt_max=0.05),
    optim=OptimSettings(optimiser="adamw", lr=2e-2, batch=32, steps=500),
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

PRESETS: dict[str, Preset] = {
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
    "permuted_digits": Preset(
        "Permuted digits",
        "The digits of before, their pixels in one random order: nothing local is left, only a memory of them all.",
        runs_of(PERMUTED_DIGITS, S4D={}),
        "89 % of the test digits after these 400 steps; row by row the same network has 96 %.",
    ),
    "pathfinder": Preset(
        "Pathfinder, small",
        "Two dots among dashed paths, read pixel by pixel: does a path join them?",
        runs_of(PATHFINDER, S6={}, S4D={"model.layer": "s4d", "model.N": 16}),
        "Pictures of 8 x 8, the smallest: 80 % (S6) and 58 % after these 500 steps. At 16 x 16 S4D stayed at chance.",
    ),
    "resampled": Preset(
        "Resampled tones",
        "Trained at 64 samples a second, tested at 32 to 256: right when Delta follows the step, lost when it stays.",
        (("S4D", RESAMPLED),),
        "No convolution over samples: every part of this network but Delta is the same at any sampling rate.",
    ),
    "audio": Preset(
        "Synthetic audio",
        "Chirps, modulated tones and struck resonators: say the next sample. Complex states do it better than S6's.",
        runs_of(AUDIO, S4D={}, real_S4D={"model.s4d_init": "real"}, S6={"model.layer": "s6"}),
        "Plain blocks: what was heard is known from the states alone. Errors of 0.43, 0.58 and 0.52 after 400 steps.",
    ),
    "irregular": Preset(
        "Reports at irregular times",
        "A sensor is heard of now and then; say its moving average: S6's Δ follows the pauses, a constant Δ cannot.",
        runs_of(IRREGULAR, S6={}, S4D={"model.layer": "s4d"}),
        "Four states a channel: errors of 0.08 and 0.20 after these 800 steps, S4D at the best of three rates.",
    ),
    "delay": Preset(
        "A delay line",
        "Say what the signal was 32 positions ago: poles that oscillate keep the past, real ones only fade.",
        runs_of(
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
        runs_of(MACKEY_GLASS, S6={}, S4D={"model.layer": "s4d"}),
        "Errors of 0.13 (S6) and 0.14 (S4D) after these 300 steps; saying that all stays as it is has 1.6.",
    ),
    "series": Preset(
        "A series of your own",
        "Under More, upload numbers, a row each, and forecast them; until then, a made-up temperature by the hour.",
        runs_of(SERIES, S4D={}, S6={"model.layer": "s6"}),
        "Errors of 0.46 and 0.58 on the made-up temperature after 300 steps; saying that all stays as it is: 0.82.",
    ),
}
