// What the lesson on S4 computes: kernels in three ways, every stage against dense matrices, diagonal systems.

import { number } from "../canvas/words.js";
import * as s4 from "../maths/s4.js";
import { diagonalKernel, initialPoles } from "../maths/s4d.js";

export const L = 256; // length of every kernel, as in ssmviz/lessons/structured.py
export const STEPS = Float64Array.from({ length: L }, (_, l) => l);
export const INITS = { lin: "Lin", inv: "Inv", legs: "LegS", real: "Real (Mamba's)" };
const CHECKED = 2 ** 17; // dense eliminations per redraw are kept to this many multiplications

export function dense(parts, C, delta) {
  const { A_bar, B_bar } = s4.bilinear(parts.A, parts.B, delta);
  const { K, rest } = s4.denseKernel(A_bar, B_bar, C, L);
  return { A_bar, B_bar, K, C_tilde: C.map((c, n) => c - rest[n]), K_hat: s4.generatingFunction(K) };
}

export const fast = (dplr, C_tilde, delta) => s4.stages(dplr, s4.outputInModes(dplr, C_tilde), delta, L);

/** Largest difference of each stage from dense matrices; the first two at some of the roots. */
export function gaps(parts, exact, done, delta) {
  const N = parts.B.length;
  const count = Math.max(1, Math.min(16, Math.floor(CHECKED / N ** 3)));
  const [first, second] = [
    { roots: [], size: [] },
    { roots: [], size: [] },
  ];
  let [one, two] = [0, 0];
  const eye = (i, j) => (i === j ? 1 : 0);
  const turned = exact.A_bar.map((row) => row.map((a) => -a));
  const identity = exact.A_bar.map((row, i) => row.map((_, j) => eye(i, j)));
  const [M0, M1] = [1, -1].map((sign) =>
    parts.normal.map((row, i) => row.map((a, j) => (sign * 2 * eye(i, j)) / delta - a)),
  );
  for (let i = 0; i < count; i++) {
    const k = Math.floor(((i + 0.25) * L) / count);
    const z = [done.z.re[k], done.z.im[k]];
    const inverse = s4.denseResolvent(identity, turned, exact.C_tilde, exact.B_bar, z);
    const normal = s4.denseResolvent(M0, M1, exact.C_tilde, parts.B, z);
    one = Math.max(one, Math.hypot(inverse[0] - exact.K_hat.re[k], inverse[1] - exact.K_hat.im[k]));
    two = Math.max(two, Math.hypot(normal[0] - done.k00.re[k], normal[1] - done.k00.im[k]));
    first.roots.push(k);
    first.size.push(Math.hypot(...inverse));
    second.roots.push(k);
    second.size.push(2 * Math.hypot(...normal));
  }
  return { one, two, three: farthest(done.K_hat, exact.K_hat), four: apart(done.K, exact.K), first, second, count };
}

/** Everything once at some sizes. */
export function warmUp(C) {
  for (const N of [16, 32, 64]) {
    const some = Float64Array.from(C.slice(0, N));
    const parts = s4.normalPlusLowRank(N);
    const exact = dense(parts, some, 0.05);
    gaps(parts, exact, fast(s4.diagonalPlusLowRank(N), exact.C_tilde, 0.05), 0.05);
    for (const init of Object.keys(INITS)) diagonal(init, N, 0.05, some, []);
  }
}

function farthest(a, b) {
  let most = 0;
  for (let k = 0; k < a.re.length; k++) most = Math.max(most, Math.hypot(a.re[k] - b.re[k], a.im[k] - b.im[k]));
  return most;
}

const apart = (a, b) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);
export const largest = (a) => a.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
export const size = ({ re, im }, times = 1) => re.map((a, k) => times * Math.hypot(a, im[k]));
export const relative = (K, truth) => {
  const off = apart(K, truth) / largest(truth);
  return Number.isFinite(off) ? off : Infinity;
};

/** A diagonal system from a start, its poles moved where asked; N real numbers are N/2 pairs, or N real poles. */
export function diagonal(init, N, delta, C, moved) {
  const n = init === "real" ? N : N / 2;
  const poles = initialPoles(init, n);
  for (let k = 0; k < Math.min(n, moved.length / 2); k++) {
    poles.re[k] += moved[2 * k];
    poles.im[k] += moved[2 * k + 1];
  }
  const B =
    init === "legs"
      ? s4
          .diagonalPlusLowRank(N)
          .B.subarray(n)
          .map((b) => b / 2)
      : new Float64Array(n).fill(1);
  return { poles, ...diagonalKernel(poles, B, C, delta, L, { conjugates: init !== "real" }) };
}

/** Poles of the diagonal system: N real numbers are N/2 pairs, or N real ones. */
export const count = ({ values }) => (values.init === "real" ? values.N : values.N / 2);

/** A relative error in words. */
export function percent(share) {
  if (!Number.isFinite(share)) return "more than floats can hold";
  if (share >= 10) return `${number(share)} times`;
  return share >= 0.001 ? `${number(100 * share)} %` : number(share);
}

/** What the server has trained, where it is asked for and here. */
export const training = ({ values, extra }) =>
  values.trained && extra.learned?.init === values.init && extra.learned.re.length === count({ values })
    ? extra.learned
    : null;
