"""Lesson 5: S4, structured state spaces, and the diagonal systems that came of it."""

from ssmviz.lessons.structured import CONTROLS, cost, extra, kernel_errors, learn, stage_errors
from ssmviz.systems.nplr import condition
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

C, delta = tex("C"), tex("delta")
A, A_bar, B_bar = tex("A").replace(r"\bar ", ""), tex("A"), tex("B")

lesson = Lesson("structured", CONTROLS, extra=extra)
lesson.question(
    "Why not just diagonalise A?",
    f"HiPPO's ${A}$ remembers well, but a kernel needs all its powers, and those of a matrix are slow. On paper there "
    f"is an easy way: with its eigenvectors $V$, ${A}$ is diagonal and every power $N$ numbers. **Add states**, and "
    "watch what the dashed kernel, computed that way, does. **S4** is the way around it.",
)
lesson.symbols("h", "A", "B", "C", "delta")
lesson.predict(
    "The eigenvalues of A are simply −1, −2, …, −N. In float32, up to how many states do its eigenvectors work?",
    options=("about 10", "about 100", "any number"),
    right="about 10",
    because="The eigenvectors are almost parallel: two more states make cond(V) 30 times larger, and lose 1.5 digits.",
)
now = lesson.play()
lesson.try_these(
    ("Give it more states: 20, in float32. Where does the dashed kernel go?", {"N": 20, "floats": "float32"}),
    ("Take twice the digits, float64, and N = 32. Does it help?", {"N": 32, "floats": "float64"}),
    (
        "Train diagonal systems on a delay: Lin first, then start at Mamba's real poles. What can these not do?",
        {"init": "lin", "N": 32, "trained": True},
    ),
)

N, step, floats = now["N"], now["delta"], now["floats"]
naive, count = kernel_errors(N, floats, step, now["seed"]).words, cost(N, 256)
off = [rf"\\ \text{{off by {value:.0e}}} \end{{gathered}}" for value in stage_errors(N, step, now["seed"])]
V, V_normal = condition(N)
lesson.maths(
    rf"\begin{{gathered}} {A} = V \Lambda V^{{-1}} \text{{ on paper, cond}}(V) = \text{{{V:.1e}}} \\"
    rf"N = {N}, \text{{ {floats}: off by {naive}}} \end{{gathered}}",
    rf"\begin{{gathered}} {A} = S - P P^\top, \quad P_n = \sqrt{{n + 1/2}} \\"
    rf"S = V \Lambda V^* \text{{ is normal: cond}}(V) = {V_normal:.2f} \end{{gathered}}",
    rf"\begin{{gathered}} 1\quad \hat K(z) = \sum_{{l<L}} K_l z^l ="
    rf"\tilde{{{C}}}\,(1 - z {A_bar})^{{-1}} {B_bar} {off[0]}",
    rf"\begin{{gathered}} 2\quad k_{{vw}} ="
    rf"\sum_n \frac{{v_n w_n}}{{\frac{{2}}{{{delta}}}(1-z) - (1+z)\lambda_n}} {off[1]}",
    rf"\begin{{gathered}} 3\quad \tfrac12 \hat K = k_{{\tilde C B}} -"
    rf"\frac{{(1+z)\,k_{{\tilde C P}}\, k_{{P B}}}}{{1 + (1+z)\,k_{{P P}}}} {off[2]}",
    rf"\begin{{gathered}} 4\quad K = \mathrm{{FFT}}^{{-1}}(\hat K) {off[3]}",
    note=(
        "- Every stage is held against dense matrices, in float64, at all 256 roots of unity $z$. Stage 1 cuts the sum "
        r"after $L$ terms by $\tilde C = C (1 - \bar A^L)$, since $z^L = 1$."
        "\n"
        f"- One kernel of 256 steps: {count.inverses:,.0f} multiplications with an inverse at each root, "
        f"{count.powers:,.0f} with powers, {count.stages:,.0f} with the stages (counted).\n"
        "- The paper's Algorithm 1 divides by $1 + z$, which is 0 at one of the roots; here both sides are multiplied "
        "by it. Published code clips the imaginary part of $B$ at 2; here nothing is clipped.\n"
        "- **The bridge to Mamba**: A is triangular, so its eigenvalues are its diagonal, $-(n+1)$. Keep them alone, "
        "and you have S4D-Real, with which Mamba starts."
    ),
)
lesson.code()
lesson.train(
    "s4d_inits",
    intro=(
        "**S4D** drops P: only the diagonal Λ is left, and it is trained. Four networks must say four letters again "
        "after 128 tokens; they differ only in where their poles start."
    ),
)
lesson.check(
    "What does A need so that S4 is fast *and* exact?",
    options=("eigenvectors", "normal plus low rank", "only real entries"),
    right="normal plus low rank",
    because="The normal part has perfect eigenvectors (cond 1.00), the rest is one column times one row.",
    see={"N": 32, "floats": "float64"},
)
lesson.check(
    "You drag a pole of the diagonal system to the right, across the axis. Its kernel…",
    options=("rings faster", "grows without end", "does not change"),
    right="grows without end",
    because="Re λ > 0 multiplies by more than 1 at every step. S4D and Mamba learn log(−Re λ), so it cannot happen.",
    see={"init": "lin", "N": 16, "moved": (0.0, 0.0, 0.8, 0.0, *(0.0,) * 60)},
)
lesson.check(
    "Mamba starts at A = −(n+1). Where do these numbers come from?",
    options=("they are the eigenvalues of HiPPO-LegS", "they are random", "they are its normal part's"),
    right="they are the eigenvalues of HiPPO-LegS",
    because="A is triangular, so its diagonal holds them. Without imaginary parts nothing rings: no delay is learned.",
    see={"init": "real", "N": 32, "trained": True},
)
lesson.myth(
    said="S4 finds the V that diagonalises A.",
    true="Nobody can use that V.",
    see={"N": 16, "floats": "float32"},
    shown=lambda seen: (
        f"At N = 16, cond(V) = {condition(16)[0]:.1e}: in float32 the kernel is off by "
        f"{kernel_errors(16, 'float32').eigenvectors:.0f} times its size, in float64 by "
        f"{kernel_errors(16, 'float64').eigenvectors:.0e}. S4 diagonalises the *normal part* instead, and is off by "
        f"{kernel_errors(16, 'float64').s4:.0e}."
    ),
)
lesson.myth(
    said="A, B and C are random and not learned in S4.",
    true="They are trained: the poles have moved.",
    see={"init": "lin", "N": 16, "trained": True},
    shown=lambda seen: (
        f"300 steps of Adam towards a delay of 128 steps moved the {len(learn('lin', 16).end)} poles by "
        f"{learn('lin', 16).moved:.1f} on average, and brought the kernel's error from 1 to "
        f"{learn('lin', 16).last_error:.2f}. The orange dots are where they are now."
    ),
)
lesson.sources(
    "Gu, Goel & Ré 2022, [S4](https://arxiv.org/abs/2111.00396): Lemma 3.2 (eigenvectors), Theorem 1 (normal plus low "
    "rank), Algorithm 1 (the stages), appendix C. The lemma as printed holds for LegS without normalisation.",
    "Gu, Gupta, Goel & Ré 2022, [S4D](https://arxiv.org/abs/2206.11893), section 4: Lin, Inv, LegS, Real.",
    "Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752), section 3.6: starts at −1/2 + ni (printed without π) or "
    "−(n+1).",
    "Rush & Karamcheti, [The Annotated S4](https://srush.github.io/annotated-s4/).",
)
