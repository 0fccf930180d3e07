"""HiPPO-LegS (Gu et al. 2020, arXiv 2008.07669): 32 numbers that follow a signal and can draw all of it."""

import numpy as np
from numpy.polynomial import legendre
from scipy.linalg import expm

N, L = 32, 512
n = np.arange(N)
B = np.sqrt(2 * n + 1)
A = -np.tril(np.outer(B, B), -1) - np.diag(n + 1)  # c' = (A c + B f) / t

# the signal: six sines, (cycles, share of the energy)
TONES = [(0.6, 0.47), (2.5, 0.23), (4.0, 0.07), (9.0, 0.18), (15.0, 0.0475), (60.0, 0.0025)]
r = (np.arange(L) + 0.5) / L
f = sum(np.sqrt(2 * energy) * np.sin(2 * np.pi * cycles * r) for cycles, energy in TONES)

# online: at sample k only f[k] and the state are known. In log time the ODE has a constant A, so that from k to k + 1
# it moves by expm(A log((k+1)/k)); an input that is held at f[k] has the resting point f[k] e_0.
c = np.zeros(N)
for k in range(L):
    rest = np.eye(N)[0] * f[k]
    c = rest + (expm(A * np.log((k + 1) / k)) @ (c - rest) if k else 0)

# the memory: all of the past, redrawn from the state alone
remembered = legendre.legval(2 * r - 1, c * B)
error = np.linalg.norm(f - remembered) / np.linalg.norm(f)
best = legendre.Legendre.fit(2 * r - 1, f, N - 1)(2 * r - 1)
best_error = np.linalg.norm(f - best) / np.linalg.norm(f)

if __name__ == "__main__":
    print(f"{N} numbers for {L} samples: error {error:.3f}, best polynomial {best_error:.3f}")
