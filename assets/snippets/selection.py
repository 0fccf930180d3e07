"""You are the gate: recall four letters among noise with one fixed read-out, when only Delta may choose."""

import numpy as np

L, LETTERS, CLASSES, N, STRIPS = 24, 4, 8, 8, 1024
A = -np.arange(1.0, N + 1)  # the same for every token
rng = np.random.default_rng(0)


def strips():
    """Letters of random classes at random places; class -1 is noise."""
    tokens = np.full((STRIPS, L), -1)
    for row in tokens:
        row[rng.choice(L, LETTERS, replace=False)] = rng.integers(CLASSES, size=LETTERS)
    return tokens, np.array([row[row >= 0] for row in tokens])


def states(tokens, on_letters, on_noise):
    """The states h, (strips, questions, classes, N): one channel per class, zero-order hold, B = 1."""
    h, asked = np.zeros((STRIPS, CLASSES, N)), []
    for t in range(L + LETTERS):  # the questions last as long as letters and write nothing
        token = tokens[:, t, None] if t < L else np.full((STRIPS, 1), -1)
        delta = np.where((token >= 0) | (t >= L), on_letters, on_noise)[..., None]
        A_bar = np.exp(delta * A)
        h = A_bar * h + (A_bar - 1) / A * (token == np.arange(CLASSES))[..., None]
        asked.append(h)
    return np.stack(asked[L:], axis=1)


def recalled(on_letters, on_noise):
    """Share of letters that one C, fitted by least squares on other strips, recalls."""
    (train, wanted), (test, right) = strips(), strips()
    X = states(train, on_letters, on_noise).reshape(-1, N)
    C = np.linalg.lstsq(X, (wanted[..., None] == np.arange(CLASSES)).ravel(), rcond=None)[0]
    return ((states(test, on_letters, on_noise) @ C).argmax(-1) == right).mean()


constant, gate = recalled(0.5, 0.5), recalled(0.5, 0.0)
print(f"Delta .5 on every token: {constant:.0%}, and 0 on noise: {gate:.0%}")  # 39 %, 100 %
