"""The selective recurrence h_t = a_t h_{t-1} + b_t in log2 L levels instead of L steps."""

import numpy as np


def loop(a, b):
    h, states = 0.0, []
    for a_t, b_t in zip(a, b):
        h = a_t * h + b_t
        states.append(h)
    return np.array(states)


def scan(a, b):
    """Hillis and Steele: every position joins the one 1, 2, 4, ... before it, all at once."""
    a, b, levels, distance = a.copy(), b.copy(), 0, 1
    while distance < len(a):
        # first (a, b), then (c, d), is one step again: (c a, c b + d)
        b[distance:] = a[distance:] * b[:-distance] + b[distance:]
        a[distance:] = a[distance:] * a[:-distance]
        levels, distance = levels + 1, 2 * distance
    return b, levels


rng = np.random.default_rng(0)
a, b = rng.uniform(0, 1, 2048), rng.standard_normal(2048)
h, levels = scan(a, b)
print(levels, "levels for", len(a), "steps; largest difference from the loop:", abs(h - loop(a, b)).max())

# The tempting way without a scan: h = P sum(b / P), P the running product of a. In float32 it does not live long.
keep = np.full(2048, 0.46, np.float32)
with np.errstate(all="ignore"):
    P = np.cumprod(keep)
    naive = P * np.cumsum(1 / P, dtype=np.float32)
broken = int(np.flatnonzero(~np.isfinite(naive))[0])
print("not finite from step", broken, "on; the loop says", loop(keep, np.ones(2048))[broken])
