"""The attention matrix hidden in S6 (Ali, Zimerman & Wolf 2024): alpha x is what the scan computes, for any channel."""

import numpy as np

rng = np.random.default_rng(0)
L, N = 12, 4
A = -np.arange(1.0, N + 1)  # the same for every token
delta = np.where(rng.random(L) < 0.3, 1.0, 0.01)  # what is kept for long, and what passes
B, C, x = rng.normal(size=(L, N)), rng.normal(size=(L, N)), rng.normal(size=L)

# the scan: one state of N numbers
h, y = np.zeros(N), np.zeros(L)
for t in range(L):
    h = np.exp(delta[t] * A) * h + delta[t] * B[t] * x[t]
    y[t] = C[t] @ h

# the same as a matrix: alpha_ij = C_i (product of A_bar_k, k = j+1..i) Delta_j B_j
clock = np.cumsum(delta)
alpha = np.zeros((L, L))
for i in range(L):
    for j in range(i + 1):
        alpha[i, j] = np.sum(C[i] * np.exp((clock[i] - clock[j]) * A) * delta[j] * B[j])

# softmax attention keeps every key and value instead of h
q, k, v = rng.normal(size=(3, L, N))
scores = np.where(np.tri(L, dtype=bool), q @ k.T / np.sqrt(N), -np.inf)
weights = np.exp(scores - scores.max(1, keepdims=True))
weights /= weights.sum(1, keepdims=True)


def cache_bytes(tokens, layers=32, width=2560, bytes_each=2):
    return 2 * layers * width * bytes_each * tokens  # a key and a value per layer and token


print("largest difference:", abs(alpha @ x - y).max())
print("cache at 2k, 128k, 1M tokens:", [f"{cache_bytes(t) / 1e9:.2f} GB" for t in (2**11, 2**17, 2**20)])
