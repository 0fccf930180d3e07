// Continuous systems h' = A h + B x, y = C h + D x, exactly: as `ssmviz/systems/continuous.py`.
// A is a list of rows, B and C are lists, D is a number; time is in seconds, poles are pairs [re, im] in 1/s.

import { apply, dot, expm, matrix, solve } from "./linalg.js";

/** A mass on a spring, h = (position, speed): m q'' + b q' + k q = write x. */
export function massSpring({ m, b, k, write = 1, C = [1, 0], D = 0 }) {
  return {
    A: [
      [0, 1],
      [-k / m, -b / m],
    ],
    B: [0, write / m],
    C,
    D,
  };
}

/** The damper b and the spring k that put the poles of a mass m there: a conjugate pair, or two real ones. */
export function spring([first, second], m = 1) {
  return { b: -m * (first[0] + second[0]), k: m * (first[0] * second[0] - first[1] * second[1]) };
}

/** Forgetting and ringing of one pole: seconds until 1/e is left, turns a second, damping ratio. */
export function mode([re, im]) {
  const size = Math.hypot(re, im);
  return {
    timeConstant: re < 0 ? -1 / re : Infinity,
    frequency: Math.abs(im) / (2 * Math.PI),
    damping: size ? -re / size : NaN,
  };
}

/**
 * One step of `delta` seconds: A_bar = exp(delta A), B_bar what an input of 1 has become in the state at its end
 * (zero-order hold), late: the same for an input that rises from 0 to 1 (Van Loan 1978).
 */
export function integrals({ A, B }, delta) {
  const N = A.length;
  const bordered = matrix(N + 2, N + 2, (i, j) => {
    if (i >= N) return i === N && j === N + 1 ? 1 : 0;
    if (j < N) return delta * A[i][j];
    return j === N ? delta * B[i] : 0;
  });
  const grown = expm(bordered);
  return {
    A_bar: grown.slice(0, N).map((row) => row.slice(0, N)),
    B_bar: grown.slice(0, N).map((row) => row[N]),
    late: grown.slice(0, N).map((row) => row[N + 1]),
  };
}

/** The states of a system at rest to an input held for dt seconds a value: N lists of x.length + 1 numbers. */
export function states(system, x, dt) {
  const { A_bar, B_bar } = integrals(system, dt);
  const N = system.B.length;
  const h = Array.from({ length: N }, () => new Float64Array(x.length + 1));
  for (let t = 0; t < x.length; t++)
    for (let n = 0; n < N; n++) {
      let sum = B_bar[n] * x[t];
      for (let k = 0; k < N; k++) sum += A_bar[n][k] * h[k][t];
      h[n][t + 1] = sum;
    }
  return h;
}

/** C h for states as `states` gives them. */
export function read(C, h) {
  return h[0].map((_, t) => h.reduce((sum, row, n) => sum + C[n] * row[t], 0));
}

/**
 * The weakest input of K held values that leads a system at rest to the state `wanted`: with R = (A_bar^(K-1) B_bar,
 * ..., B_bar), h_K = R x, the solution of least norm R^T (R R^T)^-1 h_K.
 */
export function weakestWay(system, wanted, K, dt) {
  const { A_bar, B_bar } = integrals(system, dt);
  const reach = [B_bar];
  while (reach.length < K) reach.unshift(apply(A_bar, reach[0]));
  const N = B_bar.length;
  const gram = matrix(N, N, (i, j) => reach.reduce((sum, column) => sum + column[i] * column[j], 0));
  const share = solve(gram, wanted);
  return reach.map((column) => dot(column, share));
}
