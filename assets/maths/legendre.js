// Legendre polynomials and the memories made of them, as ssmviz/systems/legendre.py: LegS, LegT, the LMU's delay line.
// Matrices are lists of rows (linalg.js). Every memory follows c' = A c + B f with A as it stands here, so A is stable.

import { matrix } from "./linalg.js";

/** sqrt(2n+1), what makes P_n orthonormal on [0, 1]; (N). */
export const norms = (N) => Float64Array.from({ length: N }, (_, n) => Math.sqrt(2 * n + 1));

/** P_n(2r - 1) for n < N at every place r, (N, places). */
export function shiftedLegendre(N, places) {
  const P = matrix(N, places.length, (n) => (n === 0 ? 1 : 0));
  for (let i = 0; i < places.length; i++) {
    const x = 2 * places[i] - 1;
    if (N > 1) P[1][i] = x;
    for (let n = 1; n < N - 1; n++) P[n + 1][i] = ((2 * n + 1) * x * P[n][i] - n * P[n - 1][i]) / (n + 1);
  }
  return P;
}

/** The curve sum_n c_n sqrt(2n+1) P_n(2r - 1), n < N, at every place r; (places). */
export function legendreSum(c, N, places) {
  const norm = norms(N);
  return Float64Array.from(places, (r) => {
    const x = 2 * r - 1;
    let [before, P, sum] = [0, 1, 0];
    for (let n = 0; n < N; n++) {
      sum += c[n] * norm[n] * P;
      [before, P] = [P, ((2 * n + 1) * x * P - n * before) / (n + 1)];
    }
    return sum;
  });
}

/** LegS, the whole past weighed evenly: c' = (A c + B f) / t (Gu et al. 2020, Theorem 2). */
export function legsMatrices(N) {
  const B = norms(N);
  return { A: matrix(N, N, (n, k) => (n > k ? -B[n] * B[k] : n === k ? -(n + 1) : 0)), B };
}

/** LegT, a window of theta seconds, orthonormal (Gu et al. 2020, appendix D.1). */
export function legtMatrices(N, theta = 1) {
  const B = norms(N);
  const sign = (n, k) => (n >= k || (n + k) % 2 === 0 ? 1 : -1);
  return { A: matrix(N, N, (n, k) => (-B[n] * B[k] * sign(n, k)) / theta), B: B.map((b) => b / theta) };
}

/** Reads f(t - r theta) from LegT's coefficients: the LMU's decoder in LegT's scale, (N). */
export function delayDecoder(N, r) {
  const P = shiftedLegendre(N, [1 - r]);
  return norms(N).map((norm, n) => norm * P[n][0]);
}

/**
 * The exact step of LegS from time k to k + 1 for k = 0..L-1, input held. Row n of step k lies packed from
 * `k * N(N+1)/2 + n(n+1)/2`: the steps are lower triangular, so the first n coefficients never ask for later ones.
 *
 * A_bar is the old curve's projection when it is squeezed into the first share rho = k/(k+1) of the new past:
 * A_bar_nj = rho sqrt(2n+1) M_nj / sqrt(2j+1), where P_n(rho x + rho - 1) = sum_j M_nj P_j(x), and M follows from the
 * recurrence of P_n, O(N^2) a step. A curve that stays 1 stays e_0, so B_bar = e_0 - A_bar e_0.
 */
export function legsSteps(N, L) {
  const [size, norm] = [(N * (N + 1)) / 2, norms(N)];
  const steps = new Float64Array(L * size);
  for (let k = 0; k < L; k++) {
    const rho = k / (k + 1);
    squeeze(N, rho, (n, row) => {
      const at = k * size + (n * (n + 1)) / 2;
      for (let j = 0; j <= n; j++) steps[at + j] = (rho * norm[n] * row[j]) / norm[j];
    });
  }
  return steps;
}

/** Gives the rows of M, n = 0..N-1, one after another. */
function squeeze(N, rho, give) {
  let [before, row] = [new Float64Array(N + 1), new Float64Array(N + 1)];
  row[0] = 1;
  for (let n = 0; n < N; n++) {
    give(n, row);
    const next = new Float64Array(N + 1);
    for (let j = 0; j <= n + 1 && j < N; j++) {
      const moved = (j ? (row[j - 1] * j) / (2 * j - 1) : 0) + (row[j + 1] * (j + 1)) / (2 * j + 3); // x P_n
      next[j] = ((2 * n + 1) * (rho * moved + (rho - 1) * row[j]) - n * before[j]) / (n + 1);
    }
    [before, row] = [row, next];
  }
}
