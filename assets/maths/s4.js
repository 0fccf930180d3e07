// S4 on HiPPO-LegS, as ssmviz/systems/nplr.py and s4.py. Complex vectors are { re, im }, as in fft.js.
//
// The normal part of LegS has a structure that makes its diagonalisation short: S = -1/2 + skew, skew_nk = b_n b_k / 2
// times the sign of k - n, b_n = sqrt(2n+1). An eigenvector to i omega, scaled so that b . v = 1, follows row by row:
//   v_n = b_n q_n / (2 i omega + b_n^2),   q_0 = 1,   q_{n+1} = q_n (i omega - b_n^2 / 2) / (i omega + b_n^2 / 2),
// and omega is an eigenvalue where q_N = -1. Every factor only turns, so that this is a sum of angles that grows with
// omega, and every eigenvalue is where the sum reaches the next multiple of pi.

import { fft, ifft } from "./fft.js";
import { combine, identity, matrix, solve } from "./linalg.js";
import { legsMatrices, norms } from "./legendre.js";

const complex = (n) => ({ re: new Float64Array(n), im: new Float64Array(n) });

/** A = normal - P P^T: { A, normal, P, B }. */
export function normalPlusLowRank(N) {
  const { A, B } = legsMatrices(N);
  const P = B.map((b) => b * Math.SQRT1_2);
  return { A, B, P, normal: matrix(N, N, (n, k) => A[n][k] + P[n] * P[k]) };
}

/**
 * A = V (Lambda - P P*) V* with a unitary V: { re: -1/2, omega (N), rising; B (N) = V* B, real; P (N) = V* P, real }.
 * Lambda_n = re + i omega_n. The columns of V are turned so that B and P are real and positive.
 */
export function diagonalPlusLowRank(N) {
  const omega = frequencies(N);
  const b = norms(N);
  const B = omega.map((w) => 1 / Math.sqrt(b.reduce((sum, bn) => sum + bn ** 2 / (4 * w * w + bn ** 4), 0)));
  return { N, re: -0.5, omega, B, P: B.map((value) => value * Math.SQRT1_2) };
}

/** The imaginary parts of the poles: sum_n atan(omega / (n + 1/2)) = pi (j - (N-1)/2), j = 0..N-1. */
export function frequencies(N) {
  const omega = new Float64Array(N);
  const angle = (w) => {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += Math.atan(w / (n + 0.5));
    return sum;
  };
  const slope = (w) => {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += (n + 0.5) / ((n + 0.5) ** 2 + w * w);
    return sum;
  };
  for (let j = Math.ceil(N / 2); j < N; j++) {
    const goal = Math.PI * (j - (N - 1) / 2);
    if (goal <= 0) continue;
    omega[j] = root(angle, slope, goal);
    omega[N - 1 - j] = -omega[j];
  }
  return omega;
}

/** Where a rising function that bends downwards reaches the goal: Newton from the left, which never overshoots. */
function root(rising, slope, goal) {
  let at = 0;
  for (let k = 0; k < 100; k++) {
    const next = at + (goal - rising(at)) / slope(at);
    if (!(next > at * (1 + 1e-15))) break;
    at = next;
  }
  return at;
}

/** C V (N) of a real C (N): the same output, read from the modes. */
export function outputInModes({ N, omega, B }, C) {
  const out = complex(N);
  const b = norms(N);
  for (let j = 0; j < N; j++) {
    let [qr, qi] = [1, 0];
    for (let n = 0; n < N; n++) {
      const [a, w] = [b[n] ** 2 / 2, omega[j]];
      const size = a * a + w * w;
      const [gr, gi] = [(qr * a + qi * w) / size, (qi * a - qr * w) / size]; // q / (a + i w)
      const weight = (C[n] * b[n] * B[j]) / 2;
      out.re[j] += weight * gr;
      out.im[j] += weight * gi;
      [qr, qi] = [-a * gr - w * gi, w * gr - a * gi]; // q (i w - a) / (i w + a)
    }
  }
  return out;
}

/** Bilinear rule: A_bar = (1 - delta/2 A)^-1 (1 + delta/2 A), B_bar = (1 - delta/2 A)^-1 delta B. */
export function bilinear(A, B, delta) {
  const one = identity(A.length);
  const back = combine(1, one, -delta / 2, A);
  const forward = combine(1, one, delta / 2, A);
  const both = solve(
    back,
    forward.map((row, i) => Float64Array.of(...row, delta * B[i])),
  );
  return {
    A_bar: both.map((row) => row.subarray(0, A.length)),
    B_bar: Float64Array.from(both, (row) => row[A.length]),
  };
}

/** K_l = C A_bar^l B_bar, and the row C A_bar^L that is left: { K (L), rest (N) }. L N^2 multiplications. */
export function denseKernel(A_bar, B_bar, C, L) {
  const [N, K] = [C.length, new Float64Array(L)];
  let row = Float64Array.from(C);
  for (let l = 0; l < L; l++) {
    for (let n = 0; n < N; n++) K[l] += row[n] * B_bar[n];
    const next = new Float64Array(N);
    for (let n = 0; n < N; n++) for (let k = 0; k < N; k++) next[k] += row[n] * A_bar[n][k];
    row = next;
  }
  return { K, rest: row };
}

/** z_k = exp(-2 pi i k / L). */
export function rootsOfUnity(L) {
  const z = complex(L);
  for (let k = 0; k < L; k++) {
    z.re[k] = Math.cos((2 * Math.PI * k) / L);
    z.im[k] = -Math.sin((2 * Math.PI * k) / L);
  }
  return z;
}

/** Stage 1 as it is defined: sum over l < L of K_l z^l at the roots of unity. */
export const generatingFunction = (K) => fft({ re: K });

/**
 * The Cauchy sums of the DPLR kernel at every z (S4, Algorithm 1): k00 of C~ and B, k01 of C~ and P, k10 of P and B,
 * k11 of P and P, each sum_n v_n w_n / (2/delta (1 - z) - (1 + z) Lambda_n). O(L N).
 */
export function cauchySums({ N, re, omega, B, P }, C_tilde, delta, z) {
  const L = z.re.length;
  const [k00, k01, k10, k11] = [complex(L), complex(L), complex(L), complex(L)];
  const half = delta / 2;
  for (let k = 0; k < L; k++) {
    const [zr, zi] = [z.re[k], z.im[k]];
    for (let n = 0; n < N; n++) {
      const [lr, li] = [half * re, half * omega[n]];
      const dr = 1 - zr - ((1 + zr) * lr - zi * li);
      const di = -zi - ((1 + zr) * li + zi * lr);
      const size = dr * dr + di * di;
      const [rr, ri] = [(half * dr) / size, (-half * di) / size];
      const cr = C_tilde.re[n] * rr - C_tilde.im[n] * ri;
      const ci = C_tilde.re[n] * ri + C_tilde.im[n] * rr;
      k00.re[k] += cr * B[n];
      k00.im[k] += ci * B[n];
      k01.re[k] += cr * P[n];
      k01.im[k] += ci * P[n];
      k10.re[k] += P[n] * B[n] * rr;
      k10.im[k] += P[n] * B[n] * ri;
      k11.re[k] += P[n] * P[n] * rr;
      k11.im[k] += P[n] * P[n] * ri;
    }
  }
  return { k00, k01, k10, k11 };
}

/** Stage 3, what the low rank takes away: (1+z) k01 (1 + (1+z) k11)^-1 k10. */
export function woodbury({ k01, k10, k11 }, z) {
  const out = complex(z.re.length);
  for (let k = 0; k < out.re.length; k++) {
    const [sr, si] = [1 + z.re[k], z.im[k]];
    const [tr, ti] = [k01.re[k] * k10.re[k] - k01.im[k] * k10.im[k], k01.re[k] * k10.im[k] + k01.im[k] * k10.re[k]];
    const [nr, ni] = [sr * tr - si * ti, sr * ti + si * tr];
    const [dr, di] = [1 + sr * k11.re[k] - si * k11.im[k], sr * k11.im[k] + si * k11.re[k]];
    const size = dr * dr + di * di;
    out.re[k] = (nr * dr + ni * di) / size;
    out.im[k] = (ni * dr - nr * di) / size;
  }
  return out;
}

/** All that stands between C~ (N, in the modes) and the kernel: { z, k00, correction, K_hat, K }. */
export function stages(dplr, C_tilde, delta, L) {
  const z = rootsOfUnity(L);
  const sums = cauchySums(dplr, C_tilde, delta, z);
  const correction = woodbury(sums, z);
  const K_hat = complex(L);
  for (let k = 0; k < L; k++) {
    K_hat.re[k] = 2 * (sums.k00.re[k] - correction.re[k]);
    K_hat.im[k] = 2 * (sums.k00.im[k] - correction.im[k]);
  }
  return { z, k00: sums.k00, correction, K_hat, K: ifft(K_hat).re };
}

/** row (M0 + z M1)^-1 column for one complex z = [re, im], by elimination on dense complex matrices. */
export function denseResolvent(M0, M1, row, column, [zr, zi]) {
  const N = M0.length;
  const [re, im] = [matrix(N, N), matrix(N, N)];
  for (let i = 0; i < N; i++)
    for (let j = 0; j < N; j++) {
      re[i][j] = M0[i][j] + zr * M1[i][j];
      im[i][j] = zi * M1[i][j];
    }
  const [xr, xi] = [Float64Array.from(column), new Float64Array(N)];
  for (let k = 0; k < N; k++) eliminate(re, im, xr, xi, k);
  let [sumRe, sumIm] = [0, 0];
  for (let n = 0; n < N; n++) {
    sumRe += row[n] * xr[n];
    sumIm += row[n] * xi[n];
  }
  return [sumRe, sumIm];
}

/** One column of Gauss and Jordan's elimination, with partial pivoting. */
function eliminate(re, im, xr, xi, k) {
  const N = re.length;
  let pivot = k;
  const size = (i) => Math.abs(re[i][k]) + Math.abs(im[i][k]);
  for (let i = k + 1; i < N; i++) if (size(i) > size(pivot)) pivot = i;
  for (const rows of [re, im, xr, xi]) [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
  const scale = re[k][k] ** 2 + im[k][k] ** 2;
  const [pr, pi] = [re[k][k] / scale, -im[k][k] / scale];
  const times = (rows, ims, i) => [rows[i] * pr - ims[i] * pi, rows[i] * pi + ims[i] * pr];
  for (let j = k; j < N; j++) [re[k][j], im[k][j]] = times(re[k], im[k], j);
  [xr[k], xi[k]] = times(xr, xi, k);
  for (let i = 0; i < N; i++) {
    if (i === k) continue;
    const [fr, fi] = [re[i][k], im[i][k]];
    if (fr === 0 && fi === 0) continue;
    for (let j = k; j < N; j++) {
      re[i][j] -= fr * re[k][j] - fi * im[k][j];
      im[i][j] -= fr * im[k][j] + fi * re[k][j];
    }
    xr[i] -= fr * xr[k] - fi * xi[k];
    xi[i] -= fr * xi[k] + fi * xr[k];
  }
}

/**
 * K (L) through the eigenvectors, A = V diag(-1, ..., -N) V^-1, as paper allows and floats do not: V in closed form,
 * rounded once; from there every operation is in single precision where asked.
 */
export function eigenvectorKernel(N, delta, C, L, single) {
  const round = single ? Math.fround : (v) => v;
  const V = legsEigenvectors(N).map((row) => row.map(round));
  const B = norms(N).map(round);
  const weights = new Float64Array(N);
  for (let n = 0; n < N; n++) {
    let left = B[n];
    for (let j = 0; j < n; j++) left = round(left - round(V[n][j] * weights[j]));
    weights[n] = round(left / V[n][n]); // V^-1 B: V is lower triangular
  }
  const A_bar = new Float64Array(N);
  for (let j = 0; j < N; j++) {
    let read = 0; // C V
    for (let n = j; n < N; n++) read = round(read + round(round(C[n]) * V[n][j]));
    const z = round(-(j + 1) * (delta / 2));
    A_bar[j] = round((1 + z) / (1 - z));
    weights[j] = round(round(weights[j] * read) * round(delta / (1 - z)));
  }
  return Float64Array.from({ length: L }, () => {
    let sum = 0;
    for (let n = 0; n < N; n++) {
      sum = round(sum + weights[n]);
      weights[n] = round(weights[n] * A_bar[n]);
    }
    return sum;
  });
}

/** V_ij = (-1)^i binomial(i+j, 2j) sqrt(2i+1), lower triangular; column j belongs to -(j+1). */
export function legsEigenvectors(N) {
  const V = matrix(N, N);
  for (let j = 0; j < N; j++) {
    let binomial = 1;
    for (let i = j; i < N; i++) {
      V[i][j] = (i % 2 ? -1 : 1) * binomial * Math.sqrt(2 * i + 1);
      binomial = (binomial * (i + j + 1)) / (i - j + 1);
    }
  }
  return V;
}

/** Complex multiplications for one kernel, as `cost` of ssmviz/lessons/structured.py. */
export const cost = (N, L) => ({
  inverses: L * (N ** 3 / 3 + N ** 2),
  powers: N ** 3 / 3 + L * N ** 2,
  stages: L * (9 * N + 6) + (L / 2) * Math.log2(L),
});
