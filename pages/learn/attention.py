"""Lesson 9: selective memory against attention."""

from ssmviz.lessons import attention
from ssmviz.lessons.networks import trained
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

x, h, y, C, A_bar = tex("x"), tex("h"), tex("y"), tex("C"), tex("A")
A, B = tex("A").replace(r"\bar ", ""), tex("B").replace(r"\bar ", "")
PAPER = {"layers": 32, "width": 2560, "bytes": 2}

lesson = Lesson("attention", attention.CONTROLS, extra=attention.for_browser)
lesson.question(
    "What does a state give up against attention?",
    "Attention keeps **every** token and looks back at all of them. S6 keeps a **state** of fixed size and reads each "
    "token once. Two small networks, really trained, answer the same question here: what followed ▶ before?",
)
lesson.symbols("x", "h", "A", "B", "C", "y")
lesson.predict(
    "S6 never looks back. Can one still say which earlier tokens its answer came from?",
    options=("no, the state mixes all", "yes, exactly", "only for the last few"),
    right="yes, exactly",
    because="Unrolled, the recurrence is a matrix α with y = α x + D x. The page checks it with every edit.",
)
now = lesson.play()
lesson.try_these(
    ("Read a million tokens. What must be kept to say the next one?", PAPER | {"power": 20}),
    ("Recall 8 letters from a state of N = 4.", {"letters": 8, "N": 4}),
    ("Look into one channel: hidden attention may be negative, and adds up to nothing.", {"channel": 6}),
)

cached, state = attention.kept_bytes(now)
found, (place, share) = attention.hidden(now), attention.softmax_read(now)
full, scanned = attention.operations(now)
L, last = 2 ** now["power"], len(now["tokens"])
words, tens = attention.bytes_words, attention.tens
lesson.maths(
    rf"{tex('h', 'i')} = {tex('A', 'i')}\,{tex('h', 'i-1')} + \Delta_i {B}_i\,{tex('x', 'i')} \;\Rightarrow\; "
    rf"{tex('y', 'i')} = \sum_{{j \le i}} \alpha_{{ij}}\,{tex('x', 'j')} + D\,{tex('x', 'i')}, \qquad "
    rf"\alpha_{{ij}} = {tex('C', 'i')} \Bigl(\prod_{{k=j+1}}^{{i}} {tex('A', 'k')}\Bigr) \Delta_j {B}_j",
    rf"\max\,\bigl|\alpha {x} + D {x} - {y}\bigr| = {tens(found.mismatch)} \qquad "
    r"\alpha^{\mathrm{softmax}}_{ij} = \frac{e^{q_i \cdot k_j / \sqrt d}}{\sum_{l \le i} e^{q_i \cdot k_l / \sqrt d}}",
    rf"\text{{cache}} = 2 \cdot {now['layers']} \cdot {now['width']} \cdot {now['bytes']}\,\mathrm{{B}} \cdot {L:,} = "
    rf"\text{{{words(cached)}}} \qquad \text{{state}} = {2 * now['layers']} \cdot {2 * now['width']} \cdot "
    rf"({now['N']} + 3) \cdot 4\,\mathrm{{B}} = \text{{{words(state)}}}",
    rf"\text{{attention}} = 2 d L (L + 1) = {tens(full)}, \qquad "
    rf"\text{{scans}} = 2 \cdot L \cdot 2d\,(7N + 3) = {tens(scanned)}",
    note=(
        f"Token {last} reads {100 * found.share:.0f} % from token {found.read + 1} in S6, {100 * share:.0f} % from "
        f"token {place + 1} in layer {now['layer']} of attention. S6 may be late: its x comes from a convolution and "
        "still holds the three tokens before. **Assumed** for the sizes: a Transformer of about 2.8 B parameters (32 "
        "layers of width 2560, 16 bits), a Mamba of as many (twice the blocks, expansion 2, 32 bits; N = 16 there). "
        f"The networks: S6 in one Mamba block, {trained('mamba').words}; attention only, two layers, one head, rotary: "
        f"{trained('transformer').words}."
    ),
)
lesson.code()
lesson.train(
    "against_attention",
    intro="The same task, batches and number of parameters. Then both are tested far beyond their training lengths.",
)
lesson.check(
    "The context doubles. What happens to cache and state?",
    options=("both double", "the cache doubles, the state stays", "the cache grows four times"),
    right="the cache doubles, the state stays",
    because="One key and one value a token and layer; the state is overwritten in place. The work grows four times.",
    see=PAPER | {"power": 12},
)
lesson.check(
    "Four letters, a perfect gate. How many numbers a channel bring all of them back?",
    options=("2", "5 are enough", "16"),
    right="5 are enough",
    because="Each letter needs a trace of its own. Three numbers bring back 86 %, five all.",
    see={"letters": 4, "N": 5},
)
lesson.check(
    "A token in the middle is overwritten in the state. Can a later token still ask for it?",
    options=("yes", "no, only attention can"),
    right="no, only attention can",
    because="What is not in h is gone. A cache keeps it whether it will be asked for or not: that is what it costs.",
    see={"letters": 8, "N": 2},
)
lesson.myth(
    said="A state space model cannot attend to single tokens.",
    true="S6 does: its α follows the content, with no softmax and no look back.",
    see={"channel": 0, "tokens": "CFABGBEGC>DBFEGACBD>"},
    shown=lambda wanted: attention.move_words(wanted),
)
lesson.myth(
    said="A fixed state remembers as much as attention, for less.",
    true="It is cheap because it compresses, and limited because it compresses.",
    see={"letters": 8, "N": 4, "power": 17},
    shown=lambda wanted: f"{attention.price_words(wanted)} {attention.loss_words(wanted)}",
)
lesson.sources(
    "Ali, Zimerman & Wolf 2024, [Hidden attention of Mamba](https://arxiv.org/abs/2403.01590), section 3: α.",
    "Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752), section 3.1: selection as compression. On an A100 it "
    "reports 4 to 5 times a Transformer's throughput (section 4.5): the paper's claim, not run here.",
    "Vaswani et al. 2017, [Attention](https://arxiv.org/abs/1706.03762), section 3.2.1; Su et al. 2021, "
    "[RoPE](https://arxiv.org/abs/2104.09864).",
    "All other numbers are computed here, timed in your browser, or measured when the networks were trained "
    "(`python -m benchmarks.lesson_weights`).",
)
