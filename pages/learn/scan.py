"""Lesson 7: the parallel scan, and the memory hierarchy."""

from ssmviz.lessons.controls import Value
from ssmviz.lessons.scan import CONTROLS, breaks_at, levels, moved, scan, sizes, words
from ssmviz.lessons.scan_measured import CLAIM, for_browser, growth_words, speedup_words
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

h, x, y, delta, B, C = tex("h"), tex("x"), tex("y"), tex("delta"), tex("B"), tex("C")
START: dict[str, Value] = {"length": 2048, "batch": 8, "channels": 1024, "states": 16, "size": "4"}

lesson = Lesson("scan", CONTROLS, extra=lambda _: for_browser())
lesson.question(
    "Must 2048 steps wait for one another?",
    f"A selective layer has no kernel, so its state ${h}$ seems to need a loop: each step waits for the one before. On "
    "the left, a tree does the same in a few levels. On the right, the other half of the trick: what is **not** "
    "written to slow memory. Step through both, and change the numbers.",
)
lesson.symbols("h", "A", "B", "delta")
lesson.predict(
    "2048 steps as a tree: how many levels have to wait for one another?",
    options=("11", "45", "1024"),
    right="11",
    because="Each level doubles how much of the past a pair holds: 2, 4, 8, … 2048. That is 11 doublings.",
)
now = lesson.play()
lesson.try_these(
    (
        "Let one step forget everything: its a is 0. What does it do to the pairs above it?",
        {"a": (0.9, 0.5, 0.8, 0.0, 0.9, 1.0, 0.7, 0.6), "level": 2, "method": "hillis_steele"},
    ),
    ("Do the same with fewer joins: up the tree, and down again.", {"method": "blelloch", "level": -1}),
    ("One kernel, nothing kept: how many bytes are left?", {"fused": True, "recompute": True}),
)

bytes_of = sizes(now)
forward, broken = moved(now, "forward"), breaks_at(now)
lesson.maths(
    rf"{tex('h', 't')} = a_t\,{tex('h', 't-1')} + b_t, \quad a_t = e^{{{tex('delta', 't')} A}}, \;\; "
    rf"b_t = {tex('B', 't')}\,{tex('x', 't')}",
    r"(a, b) \text{ then } (c, d) \;=\; (c\,a,\; c\,b + d)",
    r"(p \text{ then } q) \text{ then } r \;=\; p \text{ then } (q \text{ then } r)",
    rf"\lceil \log_2 {now['length']} \rceil = {levels(int(now['length']))} \text{{ levels}}",
    rf"{h}: \; {now['batch']} \cdot {now['length']} \cdot {now['channels']} \cdot {now['states']} \cdot {now['size']} "
    rf"\text{{ bytes}} = \text{{{words(bytes_of['h'])}}}",
    rf"\text{{moved forward now: }} \text{{{words(forward)}}}",
    note=(
        "Joining is associative: every tree over the steps gives the same h. It is not commutative: earlier stays left "
        "of later. One could also divide by a running product, "
        f"$h = P \\sum b/P$; with a = {now['keep']} in float32 that "
        + (f"is not finite from step {broken} on." if broken is not None else "survives 2048 steps.")
    ),
)
lesson.code()
lesson.train(
    "backends",
    intro=(
        "The same run on each backend: a loop in plain PyTorch, a scan in chunks, and one compiled kernel. The losses "
        "fall alike; the clock tells them apart."
    ),
)
lesson.check(
    "Twice as many steps, 4096. The tree needs…",
    options=("1 level more", "twice as many levels", "as many levels"),
    right="1 level more",
    because="Each level doubles the reach. (The joins double, too: depth is saved, not work.)",
    see={"length": 4096},
)
lesson.check(
    "What makes one fused kernel fast?",
    options=("fewer multiplications", "h stays on the chip", "smaller numbers"),
    right="h stays on the chip",
    because="It multiplies as often as before. But h, N times as large as x, never goes to slow memory and back.",
    see=START | {"fused": True, "recompute": True},
)
lesson.check(
    "The backward pass needs h, and recomputing costs time. Why do it?",
    options=("h is far more bytes than its inputs", "h changes", "it is more exact"),
    right="h is far more bytes than its inputs",
    because="h in full is 1.07 GB to write, keep and read; what it is made from is 0.14 GB, read anyway.",
    see=START | {"fused": True, "recompute": False},
)
lesson.myth(
    said="Kernel fusion keeps the scan in slow memory.",
    true="It keeps it out of slow memory.",
    see=START | {"fused": True, "recompute": True},
    shown=lambda v: (
        f"Discretise, scan and read-out happen in SRAM; only x, Δ, B, C come in and y goes out: "
        f"{words(moved(v, 'forward'))} instead of {words(moved(dict(v) | {'fused': False}, 'forward'))}; "
        f"h alone would be {words(sizes(v)['h'])}."
    ),
)
lesson.myth(
    said="I did not understand the parallel scan.",
    true="It is a tree of pairs (a, b), 11 levels instead of 2048 steps.",
    see={"method": "hillis_steele", "level": 1, "length": 2048},
    shown=lambda v: (
        "Level 1 is shown: every pair now holds two steps as one. Press “Next level” twice; then every b is h: "
        f"{', '.join(f'{value:.2f}' for value in scan(v).h)}."
    ),
)
lesson.sources(
    "Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752), section 3.3.2 and appendix D: scan, fusion, recompute.",
    f"**Paper's claim**, not run here: {CLAIM}. **Measured by us**, {speedup_words()} Yours: "
    "`python -m benchmarks.scan`, then start the app again.",
    f"**Measured by us**, `python -m benchmarks.scan_growth`: {growth_words()}",
    "Blelloch 1990, [Prefix sums](https://www.cs.cmu.edu/~guyb/papers/Ble93.pdf): up- and down-sweep.",
    "Hillis & Steele 1986, [Data parallel algorithms](https://doi.org/10.1145/7902.7903): the scan of fewest levels.",
    "Smith, Warrington & Linderman 2023, [S5](https://arxiv.org/abs/2208.04933), section 2.2: scans for state spaces.",
    "Bytes are **counted**, as the least that each kernel can move: every tensor once. Times are **measured**, read "
    "from files that `benchmarks/scan.py` wrote.",
)
