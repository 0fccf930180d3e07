"""Lesson 4: a time-invariant layer is a recurrence and a convolution."""

from ssmviz.lessons.two_views import CONTROLS, difference, kernel, kernels, march, pole, scientific, shift_error, work
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

x, h, y = tex("x"), tex("h"), tex("y")
A, B, C, delta = tex("A"), tex("B"), tex("C"), tex("delta")

lesson = Lesson("two_views", CONTROLS)
lesson.question(
    "One layer, two ways to compute it?",
    f"On the left a **state** ${h}$ marches through the tokens, one after the other. On the right a **kernel** slides "
    f"over them: every output is a weighted sum of what came before. Same input ${x}$, same output ${y}$. Paint the "
    "input, drag the pole, then switch selection on and see which of the two survives.",
)
lesson.symbols("x", "delta", "A", "h", "y")
lesson.predict(
    "How far apart will the two outputs be?",
    options=("the same, up to rounding", "the same for short inputs only", "the kernel is an approximation"),
    right="the same, up to rounding",
    because="Both are the same sum, in another order. What differs is the last digit of a float.",
)
now = lesson.play()
lesson.try_these(
    (
        "Keep everything: put the pole on the circle. How long is the kernel now?",
        {"r": 1.0, "theta": 0, "selective": False},
    ),
    ("Make it selective. The stripes of M break, and the kernel goes.", {"selective": True}),
    (
        "Selective, with the same Δ for every token: is there a kernel again?",
        {"selective": True, "delta": (1.0,) * 24, "r": 0.85, "theta": 40},
    ),
)

K, states = kernel(now), march(now)[1]
z = pole(now)
lesson.maths(
    rf"{tex('h', 't')} = {A}\,{tex('h', 't-1')} + {B}\,{tex('x', 't')}, \qquad {tex('y', 't')} = {C}\,{tex('h', 't')}",
    rf"{tex('y', 't')} = \sum_{{k=0}}^{{t}} K_k\,{tex('x', 't-k')}, \qquad K_k = {C}\,{A}^k\,{B}",
    rf"{A} = {now['r']:.2f}\,e^{{i\,{now['theta']}^\circ}} = {z.real:.3f} + {z.imag:.3f}\,i",
    rf"K = ({', '.join(f'{k:.2f}' for k in K[:5])}, \dots)",
    rf"\max_t \left| {tex('y', 't')}^{{\text{{march}}}} - {tex('y', 't')}^{{\text{{slide}}}} \right|"
    rf" = {scientific(difference(now))}",
    note=(
        f"Unroll the first line and the second appears. It needs one thing: ${A}$, ${B}$ and ${C}$ may not change from "
        f"token to token. With selection ${A}$ becomes $z^{{\\Delta_t}}$ and ${B}$ becomes ${tex('delta', 't')}$, and "
        f"row t of the matrix M gets a kernel of its own: {kernels(now)} for 24 outputs now. (One conjugate pair of "
        "poles, read as the real part; B̄ = Δ as in Mamba's released code.)"
    ),
)
lesson.code()
lesson.train(
    "two_views",
    intro=(
        "Train a layer by **convolution**, all positions at once. Then run the same weights as a **recurrence**, one "
        "token after the other, as when text is generated. Nothing is converted: both are the same layer."
    ),
)
lesson.check(
    "Shift the input by 5 tokens. A time-invariant layer's output…",
    options=("shifts by 5 tokens", "changes its shape", "stays where it is"),
    right="shifts by 5 tokens",
    because="The kernel does not know where it is. That is what time-invariant means.",
    see={"selective": False, "shift": 5},
)
lesson.check(
    "A selective layer: shift one channel, while the Δ, set by other channels, stay where they are. The output…",
    options=("shifts, too", "changes its shape"),
    right="changes its shape",
    because="The input meets other gates. Shift everything, gates included, and even a selective layer's output only "
    "shifts: Δ is computed from the tokens, not from the position.",
    see={"selective": True, "follow": False, "shift": 5},
)
lesson.check(
    "L = 2¹⁶ tokens, N = 16 states. Why is training done by convolution at all, if the march multiplies less?",
    options=("the march has to wait for itself", "the FFT is more exact", "the march needs more memory"),
    right="the march has to wait for itself",
    because="65,537 steps wait for one another; the FFT's chain is 35 long. (The scan gives the march a short chain, "
    "too: see its lesson.)",
    see={"tokens": 16, "states": 16},
)
lesson.myth(
    said="The convolution is an approximation of the recurrence, for speed.",
    true="It is the same number.",
    see={"selective": False},
    shown=lambda values: (
        f"The largest difference over all outputs is {difference(values):.1e}: one rounding of a float."
    ),
)
lesson.myth(
    said="Selective models are not shift-equivariant.",
    true="They are, where everything is shifted; what breaks it is moving one channel under another's gates.",
    see={"selective": True, "follow": True, "shift": 5},
    shown=lambda values: (
        f"All shifted: off by {100 * shift_error(values):.1g} %. The input alone: off by "
        f"{100 * shift_error(dict(values) | {'follow': False}):.0f} % of the largest output."
    ),
)
counted = work(now)
lesson.sources(
    "Gu et al. 2021, [LSSL](https://arxiv.org/abs/2110.13985), section 3.1: recurrence, convolution and ODE.",
    "Gu, Goel & Ré 2022, [S4](https://arxiv.org/abs/2111.00396), equations 3 to 5: the kernel; table 1: costs.",
    "Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752), section 3.2: selection takes the convolution away.",
    "Ali, Zimerman & Wolf 2024, [The hidden attention of Mamba](https://arxiv.org/abs/2403.01590): the matrix M.",
    f"The costs are counted, not measured: multiplications of one channel; at L = 2^{now['tokens']} the march needs "
    f"{counted['recurrence'][0]:,}, the FFT {counted['FFT convolution'][0]:,}.",
)
