"""Lesson 8: the Mamba block, with every tensor of a trained one."""

from ssmviz.lessons import block
from ssmviz.lessons.networks import trained
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

x, delta, h, y, C = tex("x"), tex("delta"), tex("h"), tex("y"), tex("C")
A_bar, B, A = tex("A"), tex("B").replace(r"\bar ", ""), tex("A").replace(r"\bar ", "")
WHOLE = {"conv": True, "gate": True, "skip": True, "rank": 2, "shift": 0.0}

lesson = Lesson("block", block.CONTROLS, extra=block.for_browser)
lesson.question(
    "What is in a Mamba block?",
    "A short **convolution**, a selective **memory** (S6), a **gate**. This block is really trained: it reads letters "
    "and, after the last ▶, says the letter that followed ▶ before. Switch a part off and see what the answer becomes.",
)
lesson.symbols("x", "delta", "A", "B", "C", "h", "y")
lesson.predict(
    "The convolution sees only four tokens. Switched off, what happens to the answer?",
    options=("nothing", "a little less sure", "it is lost"),
    right="it is lost",
    because="To know that a letter follows ▶, a token must see its neighbour. Without the convolution none does.",
)
now = lesson.play()
lesson.try_these(
    (
        "Switch the convolution off. Who can still tell which letter came after ▶?",
        WHOLE | {"conv": False, "node": "silu"},
    ),
    (
        "Use rank 0 of Δ: only its bias is left, and every token lasts as long as every other.",
        WHOLE | {"rank": 0, "node": "delta"},
    ),
    ("Unfold the block into its parents: an H3 block, then a gated MLP.", {"morph": 0.0}),
)

_, traced = block.run(now)
last = len(now["tokens"]) - 1
loud = int(traced.delta.mean(1).argmax())
sizes = block.counts(now)
D, R = now["expand"] * now["d_model"], now["dt_rank"] or -(-now["d_model"] // 16)
lesson.maths(
    rf"({x},\, z) = W_{{\mathrm{{in}}}}\,\mathrm{{norm}}(u), \qquad "
    rf"{x} \leftarrow \mathrm{{SiLU}}(\mathrm{{conv}}_4({x}))",
    rf"(\mathrm{{dt}},\, {B},\, {C}) = W_x\,{x}, \qquad {delta} = \mathrm{{softplus}}(W_\Delta\,\mathrm{{dt}} + b): "
    rf"\quad \mathrm{{mean}}\;{tex('delta', str(loud + 1))} = {traced.delta[loud].mean():.2f}, \quad "
    rf"\mathrm{{mean}}\;{tex('delta', str(last + 1))} = {traced.delta[last].mean():.2f}",
    rf"{tex('h', 't')} = e^{{{delta}_t {A}}}\,{tex('h', 't-1')} + {delta}_t\,{B}_t\,{tex('x', 't')}, \qquad "
    rf"{tex('y', 't')} = {tex('C', 't')}\,{tex('h', 't')} + D\,{tex('x', 't')}, \qquad "
    rf"u \leftarrow u + W_{{\mathrm{{out}}}}\,({y} \cdot \mathrm{{SiLU}}(z))",
    rf"\text{{parameters}} = 3\,D\,d + D\,(3N + 2r + 7) + d = {sum(sizes.values()):,} \qquad "
    rf"d = {now['d_model']},\; D = {D},\; N = {now['N']},\; r = {R}",
    note=(
        f"**Why a low rank.** Δ has one number per channel and token: {D} channels here. A full matrix would cost "
        f"{D * D:,} parameters; through {R} numbers (dt_rank) it costs {2 * D * R:,}. In the small network above, "
        "one of its two is enough, none is not. **Why a bias.** It sets Δ where the input says nothing: at the start, "
        "between 0.001 and 0.1, so that a new network remembers 10 to 1000 tokens. Move it under *More*: too high and "
        f"the memory is overwritten, too low and nothing is written. The network: {trained('mamba').words}."
    ),
)
lesson.code()
lesson.train(
    "ablations",
    intro="Above, parts were taken from a network that had learned with them. Here networks learn **without** them.",
)
lesson.check(
    "D is switched off. The answer…",
    options=("stays", "is lost"),
    right="stays",
    because="D passes the current token on, and here the answer lies far back. Only the memory can give it.",
    see=WHOLE | {"skip": False},
)
lesson.check(
    "Where do most parameters of a large block sit?",
    options=("in the two projections", "in A, B, C and Δ", "in the convolution"),
    right="in the two projections",
    because="in_proj and out_proj hold 3 · expand · d² numbers; the rest grows with d only.",
    see={"d_model": 2560},
)
lesson.check(
    "A large number is added to the bias of Δ. Why is the answer lost?",
    options=("every token overwrites the state", "nothing is written any more", "the gate closes"),
    right="every token overwrites the state",
    because="Large Δ means e^(ΔA) near 0: the letters after ▶ push it out of the memory.",
    see=WHOLE | {"shift": 6.0, "node": "A_bar"},
)
lesson.myth(
    said="B and C reflect the whole sequence.",
    true="They are functions of the token and of three before it.",
    see=WHOLE | {"tokens": "CFA>EBEGCADBFEGACBD>", "node": "h"},
    shown=lambda _: block.edit(now | WHOLE | {"tokens": block.TEXT}).sentence,
)
lesson.myth(
    said="A comes from the input, too.",
    true="A is learned and the same for every token; only Δ makes it look different.",
    see={"node": "A_bar", "tokens": block.TEXT},
    shown=block.A_words,
)
lesson.sources(
    "Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752), section 3.4 and figure 3: the block, from H3 and a "
    "gated MLP; Algorithm 2: S6; section 3.6: the start of Δ, its low rank. B is discretised as in its code: Δ B.",
    "Fu et al. 2023, [H3](https://arxiv.org/abs/2212.14052), section 3: two SSMs and two products.",
    "Every number is computed here, from weights trained by `python -m benchmarks.lesson_weights`.",
)
