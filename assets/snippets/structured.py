"""S4 (Gu, Goel & Re 2022, arXiv 2111.00396, Algorithm 1): a kernel of HiPPO-LegS without a single matrix power."""

import numpy as np

N, L, delta = 16, 256, 0.01
n = np.arange(N)
B, P = np.sqrt(2 * n + 1), np.sqrt(n + 0.5)
C = np.random.default_rng(0).standard_normal(64)[:N]
A = -np.tril(np.outer(B, B), -1) - np.diag(n + 1)

# on paper A = V diag(-1, ..., -N) V^-1; in floats V is useless
condition = np.linalg.cond(np.linalg.eig(A)[1])

# but A + P P^T is -1/2 plus a skew matrix, which a unitary V diagonalises
frequency, V = np.linalg.eigh(-1j * (A + np.outer(P, P) + np.eye(N) / 2))
Lambda = -0.5 + 1j * frequency

# dense: the bilinear rule, and the L products that S4 avoids
back = np.linalg.inv(np.eye(N) - delta / 2 * A)
A_bar, B_bar = back @ (np.eye(N) + delta / 2 * A), back @ B * delta
dense = np.array([C @ np.linalg.matrix_power(A_bar, k) @ B_bar for k in range(L)])

# the four stages: generating function at the roots of unity, Cauchy sums, Woodbury, inverse FFT
z = np.exp(-2j * np.pi * np.arange(L) / L)[:, None]
C_tilde = (C - C @ np.linalg.matrix_power(A_bar, L)) @ V  # what S4 learns
B_V, P_V = V.conj().T @ B, V.conj().T @ P
resolvent = 1 / (2 / delta * (1 - z) - (1 + z) * Lambda)
k00, k01, k10, k11 = (resolvent @ (v * w) for v in (C_tilde, P_V.conj()) for w in (B_V, P_V))
K_hat = 2 * (k00 - (1 + z[:, 0]) * k01 * k10 / (1 + (1 + z[:, 0]) * k11))
K = np.fft.ifft(K_hat).real

if __name__ == "__main__":
    print(f"cond(V) = {condition:.1e}; the stages are off by {np.abs(K - dense).max():.0e}")
