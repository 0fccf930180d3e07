"""Every layer of the family, in one card each."""

from __future__ import annotations

from ssmviz.family.cards import Card, Cost, Memory, Source

MAMBA = "Gu & Dao 2023, Mamba"
MAMBA_LINK = "https://arxiv.org/abs/2312.00752"
SCAN = Cost(r"L", r"L", r"1", "a parallel scan")
FFT = Cost(r"L \log L", r"L", r"1", "one convolution by FFT")
CHUNKS = Cost(r"L", r"L", r"1", "a matrix inside each chunk of tokens, a recurrence between them")
STEP = ("dt_min", "dt_max")
POLES = ("learn_poles", "learn_dt")
RECURRENT = "Its past is in the state: it never looks back at single inputs."
COMPARES = "It compares tokens and has no step size: nothing is discretised."

LAYERS: dict[str, Card] = {
    "s6": Card(
        "s6",
        "S6",
        2023,
        "The selective state space layer of Mamba. Every channel has N decaying states; the token itself decides how "
        "long it lasts (Δ), how it is written (B) and how the state is read (C). So the layer can skip noise and "
        "keep what matters, at the price of no longer being a convolution.",
        r"h_t = e^{\Delta_t A}\, h_{t-1} + \bar B_t\, x_t, \quad y_t = C_t h_t, \qquad "
        r"\Delta_t, B_t, C_t = \mathrm{functions\ of\ } x_t",
        Source(MAMBA, "section 3.2, Algorithm 2", MAMBA_LINK),
        Memory("N decaying numbers a channel", lambda s: s.D * s.N, r"D N", "channel", "states"),
        SCAN,
        lambda s: s.D * (2 * s.rank + 3 * s.N + 2),
        ("N", *STEP, "skip", "selective", "dt_rank", "b_discretisation", "bc_scale"),
        no_weights=RECURRENT,
    ),
    "s4d": Card(
        "s4d",
        "S4D",
        2022,
        "S4 without its low-rank part: N complex poles a channel, each a decaying oscillation. Nothing depends on the "
        "token, so the layer is one long convolution whose kernel is a sum of N exponentials.",
        r"y = K * x, \qquad K_l = 2\,\mathrm{Re} \sum_{n=1}^{N} C_n\, \bar A_n^{\,l}\, \bar B_n",
        Source("Gu, Gupta, Goel & Ré 2022, S4D", "section 3", "https://arxiv.org/abs/2206.11893"),
        Memory("N oscillators a channel", lambda s: 2 * s.D * s.N, r"2 D N", "channel", "states"),
        FFT,
        lambda s: s.D * (4 * s.N + 2),
        ("N", *STEP, "skip", "s4d_init", *POLES),
        no_weights=RECURRENT,
    ),
    "s4": Card(
        "s4",
        "S4",
        2021,
        "HiPPO's matrix made fast: a normal matrix, which has well-conditioned eigenvectors, less one of rank 1. The "
        "kernel comes from its generating function on the unit circle, by a Cauchy sum and the Woodbury identity. "
        "The N states are complex, each one of a conjugate pair.",
        r"A = \Lambda - P P^{*}, \qquad "
        r"\hat K(z) = \frac{2}{1+z} \Bigl[ k_{\tilde C B} - \frac{k_{\tilde C P}\, k_{P^{*} B}}{1 + k_{P^{*} P}} \Bigr]"
        r", \qquad k_{vw} = \sum_n \frac{v_n w_n}{\omega - \Lambda_n}, "
        r"\qquad \omega = \frac{2}{\Delta} \frac{1-z}{1+z}, \qquad \tilde C = C\, (1 - \bar A^{L})",
        Source("Gu, Goel & Ré 2021, S4", "section 3, Algorithm 1", "https://arxiv.org/abs/2111.00396"),
        Memory("N coupled states a channel", lambda s: 2 * s.D * s.N, r"2 D N", "channel", "states"),
        Cost(r"L \log L", r"L", r"1", "a Cauchy sum for the kernel, then one convolution by FFT"),
        lambda s: s.D * (8 * s.N + 2),
        ("N", *STEP, "skip", *POLES),
        no_delta="Its Δ is one constant a channel, and its states are coupled: no part of a state is kept on its own.",
        no_weights=RECURRENT,
    ),
    "s5": Card(
        "s5",
        "S5",
        2022,
        "One system for all channels instead of one for each: the layer has a single state, which every channel writes "
        "and every channel reads. The poles are diagonal, so a parallel scan runs it, without any FFT.",
        r"h_t = \bar\Lambda\, h_{t-1} + \bar B\, x_t, \qquad y_t = 2\, \mathrm{Re}(C h_t) + D x_t, "
        r"\qquad B \in \mathbb{C}^{N \times D},\; C \in \mathbb{C}^{D \times N}",
        Source("Smith, Warrington & Linderman 2022, S5", "section 3", "https://arxiv.org/abs/2208.04933"),
        Memory("N oscillators that all channels share", lambda s: 2 * s.N, r"2 N", "layer", "states"),
        Cost(r"L \log L", r"L", r"1", "a parallel scan of log L passes"),
        lambda s: 4 * s.D * s.N + 3 * s.N + s.D,
        ("N", *STEP, "skip", *POLES),
        no_delta="Its Δ is one constant a state, the same at every token.",
        no_weights=RECURRENT,
    ),
    "lssl": Card(
        "lssl",
        "LSSL",
        2021,
        "The first layer that was an ODE, a recurrence and a convolution at once: HiPPO's dense matrix with a step "
        "Δ for every channel, by the generalised bilinear transform. Δ and C are trained, the matrix stays. Its powers "
        "take N times the memory of the input: S4 was made to fix that.",
        r"\bar A = (I - \alpha \Delta A)^{-1} (I + (1 - \alpha) \Delta A), \qquad "
        r"K = (C \bar B,\; C \bar A \bar B,\; C \bar A^2 \bar B,\; \dots), \qquad \alpha = \tfrac12",
        Source("Gu et al. 2021, LSSL", "section 3", "https://arxiv.org/abs/2110.13985"),
        Memory("N Legendre coefficients a channel", lambda s: s.D * s.N, r"D N", "channel", "coefficients"),
        Cost(r"L \log L", r"L", r"1", "the powers of a dense matrix, then one convolution by FFT"),
        lambda s: s.D * (s.N + 2),
        ("N", *STEP, "skip", "learn_dt"),
        no_delta="Its Δ is one constant a channel, and its states are coupled: no part of a state is kept on its own.",
        no_weights=RECURRENT,
    ),
    "lmu": Card(
        "lmu",
        "LMU",
        2019,
        "The Legendre memory unit, where the story begins: a linear memory m holds a sliding window of the past as "
        "Legendre polynomials, and a nonlinear state h reads it and says what is written next. Because h is nonlinear, "
        "tokens are read one after the other, in training too. All channels share the one window.",
        r"m_t = \bar A\, m_{t-1} + \bar B\, u_t, \qquad u_t = e_x^{\top} x_t + e_h^{\top} h_{t-1} + e_m^{\top} m_{t-1}"
        r", \qquad h_t = \tanh(W_x x_t + W_h h_{t-1} + W_m m_t)",
        Source(
            "Voelker, Kajić & Eliasmith 2019, Legendre Memory Units",
            "section 2",
            "https://papers.nips.cc/paper/9689-legendre-memory-units",
        ),
        Memory(
            "one window as Legendre coefficients",
            lambda s: s.D + s.N,
            r"D + N",
            "window",
            "Legendre coefficients",
        ),
        Cost(r"L", r"L", r"1", "a loop over the tokens"),
        lambda s: s.D * (2 * s.D + s.N + 2) + s.N,
        ("N", "window"),
        no_delta="Its window has one fixed length: Δ is the same at every token.",
        no_weights=RECURRENT,
    ),
    "hyena": Card(
        "hyena",
        "Hyena",
        2023,
        "A convolution with a free filter: a small network with sine activations says what the kernel is at every lag, "
        "times a window that fades. In the H3 block this is Hyena. The filter is as long as the sequence, so there is "
        "no finite state to step with.",
        r"y = h * x + D x, \qquad h_l = \mathrm{window}(l)\; \mathrm{MLP}_{\sin}(\mathrm{features\ of\ } l)",
        Source("Poli, Massaroli et al. 2023, Hyena", "section 3", "https://arxiv.org/abs/2302.10866"),
        Memory("every input so far", lambda s: s.D * s.L, r"D L"),
        Cost(r"L \log L", r"L", r"L", "one convolution by FFT"),
        lambda s: 4 * s.N * (4 * s.N + s.D + 11) + s.D,
        ("N", "skip"),
        no_delta="Its filter is a function of the lag: nothing is discretised.",
        heads="channel",
    ),
    "retnet": Card(
        "retnet",
        "RetNet",
        2023,
        "Linear attention that forgets: every head multiplies its matrix of keys times values by a fixed γ < 1 at each "
        "token. It can be computed as a matrix, as a recurrence, or in chunks that are both.",
        r"S_t = \gamma S_{t-1} + k_t^{\top} v_t, \quad y_t = q_t S_t, \qquad Y = (Q K^{\top} \odot D)\, V, "
        r"\quad D_{ij} = \gamma^{i-j}",
        Source("Sun et al. 2023, RetNet", "section 2", "https://arxiv.org/abs/2307.08621"),
        Memory("one matrix a head", lambda s: s.D**2 // s.heads, r"D^2 / H", "key feature", "value features"),
        CHUNKS,
        lambda s: 4 * s.D**2,
        ("heads",),
        no_delta=COMPARES,
    ),
    "rwkv": Card(
        "rwkv",
        "RWKV",
        2023,
        "RWKV-4: an average of all values so far, weighted by a key's size and a decay that each channel learns. "
        "The average is a ratio of two one-dimensional state space systems: its numerator and its denominator.",
        r"y_t = \frac{\sum_{i<t} e^{-(t-1-i) w + k_i} v_i + e^{u + k_t} v_t}"
        r"{\sum_{i<t} e^{-(t-1-i) w + k_i} + e^{u + k_t}}",
        Source("Peng et al. 2023, RWKV", "section 3", "https://arxiv.org/abs/2305.13048"),
        Memory(
            "a numerator and a denominator a channel",
            lambda s: 4 * s.D,
            r"4 D",  # and the largest exponent so far, which keeps both in range, and the newest input
            "channel",
            "two sums (numerator, denominator)",
        ),
        Cost(r"L \log L", r"L", r"1", "a parallel scan of log L passes"),
        lambda s: 3 * s.D**2 + 5 * s.D,
        (),
        no_delta="Its decay w is one constant a channel.",
        heads="channel",
    ),
    "linear_attention": Card(
        "linear_attention",
        "Linear attention",
        2020,
        "Attention without its softmax: a feature map φ of queries and keys lets the sum over the past be kept as one "
        "matrix of fixed size. Nothing is ever forgotten, so old and new pile up in the same numbers.",
        r"S_t = S_{t-1} + \phi(k_t)^{\top} v_t, \quad z_t = z_{t-1} + \phi(k_t), \quad "
        r"y_t = \frac{\phi(q_t)\, S_t}{\phi(q_t)\, z_t^{\top}}",
        Source("Katharopoulos et al. 2020, Transformers are RNNs", "section 3", "https://arxiv.org/abs/2006.16236"),
        Memory(
            "one matrix a head and its norm",
            lambda s: s.D**2 // s.heads + s.D,
            r"D^2 / H + D",
            "key feature",
            "value features (the last: their norm)",
        ),
        CHUNKS,
        lambda s: 3 * s.D**2,
        ("heads",),
        no_delta=COMPARES,
    ),
    "attention": Card(
        "attention",
        "Attention",
        2017,
        "Softmax attention: every token looks at all before it and takes a weighted mean of their values. It "
        "compresses nothing: keys and values of all tokens are kept, so its memory grows with the text.",
        r"y_t = \sum_{i \le t} \alpha_{ti}\, v_i, \quad \alpha_t = \mathrm{softmax}\bigl(q_t K^{\top} / \sqrt{d}\bigr)",
        Source("Vaswani et al. 2017, Attention is all you need", "section 3.2", "https://arxiv.org/abs/1706.03762"),
        Memory("keys and values of every token so far", lambda s: 2 * s.D * s.L, r"2 D L"),
        Cost(r"L^2", r"L", r"L", "all pairs of tokens, never all in memory at once"),
        lambda s: 3 * s.D**2,
        ("heads", "positions"),
        no_delta=COMPARES,
    ),
}
