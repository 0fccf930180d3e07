"""One system, six step rules, one step input: how far each lands from the curve. Needs numpy."""

import numpy as np

pole = -0.4 + 2j  # stands for itself and its conjugate: y = 2 Re(C h)
B, C = 1.0, -pole / 2  # the answer to 1 is 1 in the end
delta, L = 0.25, 32  # seconds a token lasts, tokens

v = delta * pole
whole = (np.exp(v) - 1) / pole  # the integral of exp(s pole) over one token
late = (whole - delta) / v  # the same for an input that rises from 0 to 1
rules = {  # A_bar, what x_t adds, what x_{t-1} adds
    "euler": (1 + v, delta, 0),
    "backward": (1 / (1 - v), delta / (1 - v), 0),
    "bilinear": ((1 + v / 2) / (1 - v / 2), delta / (1 - v / 2), 0),
    "zoh": (np.exp(v), whole, 0),
    "foh": (np.exp(v), late, whole - late),
    "released": (np.exp(v), delta, 0),  # Mamba's code: A as in zoh, B as in Euler
}

x = np.ones(L)
t = delta * np.arange(1, L + 1)  # where each token ends
exact = 2 * (C * B * (np.exp(pole * t) - 1) / pole).real

outputs = {}
for name, (A_bar, B_now, B_before) in rules.items():
    h, y = 0j, []
    for k in range(L):
        h = A_bar * h + B * (B_now * x[k] + B_before * (x[k - 1] if k else 0))
        y.append(2 * (C * h).real)
    outputs[name] = np.array(y)
    print(f"{name:9} |A_bar| = {abs(A_bar):.3f}   largest error {abs(outputs[name] - exact).max():.1e}")
