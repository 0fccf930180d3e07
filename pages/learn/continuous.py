"""Lesson 1: the continuous state space model, as a mass on a spring."""

from ssmviz.lessons.continuous import CONTROLS, kept, learn_spring, longest, matrices, pair, words
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

x, h, y, C = tex("x"), tex("h"), tex("y"), tex("C")
A, B = tex("A").replace(r"\bar ", ""), tex("B").replace(r"\bar ", "")

lesson = Lesson("continuous", CONTROLS)
lesson.question(
    "What does a state remember?",
    f"A mass on a spring gets one kick, ${x}$. The kick is over in half a second; the mass still moves. All that is "
    f"left of the past lies in two numbers, the **state** ${h}$: where the mass is, and how fast it goes. Two points "
    f"in a plane, the **poles** of ${A}$, say how fast that memory fades and whether it rings. Drag one.",
)
lesson.symbols("x", "h", "y", "A", "B", "C")
lesson.predict(
    "You drag a pole to the **left**. Does the state remember the kick for longer?",
    options=("longer", "shorter", "as long, only weaker"),
    right="shorter",
    because="Its distance to the vertical axis is the speed of forgetting: after t seconds exp(Re λ t) is left.",
)
now = lesson.play()
lesson.try_these(
    ("Take the damper away. The poles sit on the axis: nothing is ever forgotten.", {"b": 0.0, "input": "kick"}),
    (
        "Push gently in the spring's own rhythm, then at another. Which one does the state collect?",
        {"input": "sine", "omega": 2.0, "b": 0.1, "k": 4.0},
    ),
    (
        "Give the mass another past that ends in the same state. Can the future tell?",
        {"twin": True, "input": "drawn", "now": 6.0, "b": 0.5, "k": 4.0},
    ),
)

entry = matrices(now)
slow, (first, second) = longest(now), pair(now)
lesson.maths(
    rf"{h}' = {A}\,{h} + {B}\,{x}, \qquad {A} = {entry['A']}, \quad {B} = {entry['B']}",
    rf"{y} = {C}\,{h} + D\,{x}, \qquad {C} = {entry['C']}, \quad D = {entry['D']}",
    r"\lambda = \frac{-b \pm \sqrt{b^2 - 4mk}}{2m}: \qquad"
    rf"\lambda_1 = {words(first)}, \quad \lambda_2 = {words(second)}",
    rf"\text{{kept after }} t \text{{ seconds: }} \bigl|e^{{\lambda t}}\bigr| = e^{{\mathrm{{Re}}\lambda\, t}}"
    rf"\qquad \text{{after one: }} {100 * kept(now):.1f}\,\%",
    note=(
        "The rows of A are two sentences: position changes by speed; speed changes by spring, damper and push "
        "(Newton: m q″ + b q′ + k q = x). D skips the state: it passes the push on at once and remembers nothing. "
        f"Every number here is computed exactly, through the matrix exponential. {slow.sentence}"
    ),
)
lesson.code()
lesson.train(
    "mass_spring",
    intro=(
        "Two masses on springs that the network knows nothing about: it feels the push and must say where the mass is. "
        "One state space layer, trained by gradient descent, once with complex **poles**, once with real ones. Watch "
        "the poles move to the true ones. *Predict: which of the two can follow what rings?*"
    ),
)
lesson.check(
    "Both poles move outwards, from ±2i to ±4i, and keep their distance to the vertical axis. The kick is forgotten…",
    options=("sooner", "later", "as fast as before"),
    right="as fast as before",
    because="Height is the speed of ringing. Only the distance to the vertical axis forgets.",
    see={"b": 0.5, "k": 16.06, "input": "kick"},
)
lesson.check(
    "C = (0, 0) and D = 1. The output shows…",
    options=("nothing", "the push itself, without memory", "the position"),
    right="the push itself, without memory",
    because="D is a bypass around the state: y(D) − y(0) = D x at every moment, exactly.",
    see={"c1": 0.0, "c2": 0.0, "D": 1.0},
)
lesson.check(
    "You know the state now and every push from now on. What else must you know about the past?",
    options=("nothing", "when the kick came", "how strong it was"),
    right="nothing",
    because="Two pasts that end in one state have one future: the dashed and the full line meet, and stay together.",
    see={"twin": True, "input": "drawn", "now": 6.0, "b": 0.5, "k": 4.0},
)
lesson.myth(
    said="A, B and C are random matrices that stay as they are; only the rest of the network learns.",
    true="They are trained like every other weight.",
    see={"input": "kick", "b": 0.5, "k": 4.0, "m": 1.0, "write": 1.0, "c1": 1.0, "c2": 0.0, "D": 0.0, "twin": False},
    shown=lambda wanted: learn_spring(wanted, b=1.5, k=9.0).sentence,
)
lesson.sources(
    "Gu et al. 2021, [LSSL](https://arxiv.org/abs/2110.13985), equations 1 and 2: the model with A, B, C and D.",
    "Gu, Goel & Ré 2022, [S4](https://arxiv.org/abs/2111.00396), section 2.1: state, projection and why D is left out.",
    "Åström & Murray, [Feedback Systems](https://fbswiki.org): modes, eigenvalues and the spring–mass system.",
    "Every number and curve on this page is computed here: nothing is recorded or quoted.",
)
