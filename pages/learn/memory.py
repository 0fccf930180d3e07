"""Lesson 2: Legendre polynomials and HiPPO, the state as a memory of the past."""

from ssmviz.lessons.memory import CONTROLS, by_age, error, extra, legs_errors
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

x, h = tex("x"), tex("h")
A, B = tex("A").replace(r"\bar ", ""), tex("B").replace(r"\bar ", "")

lesson = Lesson("memory", CONTROLS, extra=extra)
lesson.question(
    "How can a few numbers remember everything?",
    f"A signal ${x}$ streams in, one sample after the other, and is gone. All that stays is the state ${h}$: here 32 "
    f"numbers. The blue curve is drawn from these 32 numbers alone. The trick lies in one matrix: a good ${A}$ keeps "
    "**fitting a curve to the past** while it streams in. Change what is remembered, or draw a signal of your own.",
)
lesson.symbols("x", "h", "A", "B")
lesson.predict(
    "A **random** A is as large as the window's, stable, and no quicker to fade. Read as well as can be, it remembers…",
    options=("as much", "about half", "next to nothing"),
    right="next to nothing",
    because="Size and stability are not enough: at half a window its best read-out is off by 98 %. Press *random*.",
)
now = lesson.play()
lesson.try_these(
    ("Replace A by a random one of the same size. Does the curve survive?", {"measure": "random", "N": 32}),
    ("Give the memory twice as many numbers: 64. Which details come back?", {"measure": "legs", "N": 64}),
    ("Tell the same story twice as fast. Which memory does not notice?", {"fast": True, "measure": "legs"}),
)

off, table, size = error(now), legs_errors(now), now["N"]
kept, lost = by_age("legt", size), by_age("random", size)
lesson.maths(
    rf"\begin{{gathered}} \text{{all of the past}} \\ {h}' = \tfrac1t ({A}\,{h} + {B}\,{x}),"
    rf"\quad {B}_n = \sqrt{{2n+1}} \end{{gathered}}",
    rf"{A}_{{nk}} = -\begin{{cases}} {B}_n {B}_k & n > k \\ n+1 & n = k \\ 0 & n < k \end{{cases}}",
    rf"\begin{{gathered}} {x}(s) \approx \sum_{{n<{size}}} {h}_n {B}_n P_n(2s/t - 1) \\"
    rf"\text{{the curve that is shown: off by }} {off:.2f} \end{{gathered}}",
    rf"\text{{a window of }} \theta = {now['theta']:g}\,\mathrm{{s}}:\quad \theta\,{h}' = {A}\,{h} + {B}\,{x}",
    rf"{A}_{{nk}} = -{B}_n {B}_k \cdot \begin{{cases}} 1 & n \ge k \\ (-1)^{{n-k}} & n < k \end{{cases}}",
    rf"\begin{{gathered}} \text{{LMU, another scale: }} m_n = (-1)^n {B}_n {h}_n \\"
    rf"\text{{read at age }} \theta: [{size - 1}/{size}]\text{{ Padé of }} e^{{-\theta s}} \end{{gathered}}",
    note=(
        f"- **All of the past** (LegS), at 4, 8, 16, 32 and 64 numbers: off by {table.words}. The best polynomials of "
        f"these degrees: {table.best_words}.\n"
        f"- **Memory by age** at N = {size}: LegT misses {kept.words}; a random A {lost.words}. The "
        "signal is noise of 11.4 cycles a window, states are read with 1 % error, and the read-out is the best linear "
        "one, in closed form. All computed here.\n"
        "- **Conventions**: the HiPPO paper writes −A for our A. Published codes differ by 2 in the scale of LegT, and "
        "some give LagT the diagonal ½. Here θ is the window, and LagT has the paper's 1."
    ),
)
lesson.code()
lesson.train(
    "digits",
    intro=(
        "Real handwritten digits (scikit-learn's), read one pixel at a time; after the last the network must name "
        "the digit. Two networks that differ in one thing: poles from **HiPPO**, or **random** ones. They stay as they "
        "start, so all that differs is what a state can remember. The paper reports 98 % against 60 % on larger "
        "digits (S4, section 2.2; cited)."
    ),
)
lesson.check(
    "The same story is told twice as fast. Which memory ends with exactly the same numbers?",
    options=("all of it (LegS)", "the window (LegT)", "fading (LagT)"),
    right="all of it (LegS)",
    because="LegS divides by t: it knows no seconds, only shares of the past. A window of 3 s now holds twice as much.",
    see={"fast": True, "measure": "legt", "N": 16},
)
lesson.check(
    "With a window, what becomes of the sample that is just older than θ?",
    options=("it fades slowly", "it is forgotten at once", "it stays"),
    right="it is forgotten at once",
    because="The signs above the diagonal of A subtract the value that leaves. Memory by age jumps to 1 at the window.",
    see={"measure": "legt", "N": 64},
)
lesson.check(
    "A jump in the signal: 32 numbers draw it…",
    options=("exactly", "with ripples beside it", "as a straight line"),
    right="with ripples beside it",
    because="A sum of smooth curves rings at a jump (Gibbs). More numbers make the ripples narrower, never flat.",
    see={"signal": "steps", "measure": "legs", "N": 32},
)
lesson.myth(
    said="A state of N numbers can hold the last N inputs, and no more.",
    true="It holds N coefficients of a curve through all inputs so far.",
    see={"measure": "legs", "N": 32, "signal": "tones", "fast": False},
    shown=lambda seen: f"Here {seen['N']} numbers redraw 512 samples with an error of {error(seen):.2f}.",
)
lesson.sources(
    "Gu, Dao, Ermon, Rudra & Ré 2020, [HiPPO](https://arxiv.org/abs/2008.07669): LegS, Theorem 2; LegT and LagT, "
    "appendix D; the invariance to time scale, Proposition 3.",
    "Voelker, Kajić & Eliasmith 2019, Legendre Memory Units, NeurIPS: the delay line and its Padé approximant.",
    "Gu et al. 2022, [How to train your HiPPO](https://arxiv.org/abs/2206.12037): Fourier.",
    "Gu, Goel & Ré 2022, [S4](https://arxiv.org/abs/2111.00396), section 2.2: a random A against HiPPO's on digits.",
)
