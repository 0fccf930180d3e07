// HiPPO, as ssmviz/systems/hippo.py and hippo_online.py: the coefficients of the past, kept up to date by the sample.
// A memory is { name, N, A, B, theta, scaled, bounded, basis(ages, now), density(ages, now) }; ages in seconds, 0: now.

import { delayDecoder, legsMatrices, legsSteps, legtMatrices, norms, shiftedLegendre } from "./legendre.js";
import { expm, matrix } from "./linalg.js";

const TONES = [
  [0.6, 0.47],
  [2.5, 0.23],
  [4.0, 0.07],
  [9.0, 0.18],
  [15.0, 0.0475],
  [60.0, 0.0025],
]; // cycles over the past, share of the energy

/** The lesson's signal at r = time / length. */
export const tones = (r) =>
  TONES.reduce((sum, [cycles, energy]) => sum + Math.sin(2 * Math.PI * cycles * r) * Math.sqrt(2 * energy), 0);

const within = (theta) => (ages) => Float64Array.from(ages, (age) => (age <= theta ? 1 / theta : 0));

function legs(N) {
  const basis = (ages, now) =>
    weighed(
      norms(N),
      shiftedLegendre(
        N,
        Array.from(ages, (age) => 1 - age / now),
      ),
    );
  return {
    ...legsMatrices(N),
    theta: 1,
    scaled: true,
    bounded: false,
    basis,
    density: (ages, now) => within(now)(ages),
  };
}

function legt(N, theta) {
  const basis = (ages) =>
    weighed(
      norms(N),
      shiftedLegendre(
        N,
        Array.from(ages, (age) => 1 - age / theta),
      ),
    );
  return { ...legtMatrices(N, theta), theta, scaled: false, bounded: true, basis, density: within(theta) };
}

/** An exponential fading of the past: Laguerre polynomials (Gu et al. 2020, appendix D.2, alpha 0 and beta 1). */
function lagt(N, theta) {
  return {
    A: matrix(N, N, (n, k) => (n >= k ? -1 / theta : 0)),
    B: new Float64Array(N).fill(1 / theta),
    theta,
    scaled: false,
    bounded: false,
    basis: (ages) => laguerre(N, ages, theta),
    density: (ages) => Float64Array.from(ages, (age) => Math.exp(-age / theta) / theta),
  };
}

/** FouT: sines and cosines of a window, N odd (Gu et al. 2022, arXiv 2206.12037). */
function fout(N, theta) {
  const b = Float64Array.from({ length: N }, (_, n) => (n === 0 ? 1 : n % 2 ? Math.SQRT2 : 0));
  const turn = (n, k) => (n - k === 1 && n % 2 === 0 ? Math.PI * n : k - n === 1 && k % 2 === 0 ? -Math.PI * k : 0);
  const wave = (n, age) => (n % 2 ? Math.cos(Math.PI * (n + 1) * age) : Math.sin(Math.PI * n * age));
  return {
    A: matrix(N, N, (n, k) => (turn(n, k) - 2 * b[n] * b[k]) / theta),
    B: b.map((value) => (2 * value) / theta),
    theta,
    scaled: false,
    bounded: true,
    basis: (ages) => matrix(N, ages.length, (n, i) => (n ? Math.SQRT2 * wave(n, ages[i] / theta) : 1)),
    density: within(theta),
  };
}

const MEMORIES = { legs, legt, lagt, fout };

/** A memory of N coefficients; Fourier takes the next odd N below. */
export function memory(name, N, theta = 1) {
  const size = name === "fout" && N % 2 === 0 ? N - 1 : N;
  return { name, N: size, ...MEMORIES[name](size, theta) };
}

/** The oldest age that is projected. */
export const horizon = ({ bounded, theta }, now) => (bounded ? Math.min(theta, now) : now);

/**
 * The coefficients after every sample, by the recurrence alone, from c = 0; exact for an input that is held.
 * (L, N) row by row: row k is the state at (k+1) dt.
 */
export function online(memory, f, dt = 1) {
  return memory.scaled ? legsOnline(memory.N, f) : march(held(memory, dt), memory.N, f);
}

/** The same for matrices that mean nothing: { A, B, N }. */
export const run = (system, f, dt) => march(held(system, dt), system.N, f);

const holds = new WeakMap(); // by A: a stroke of the pen changes the signal, and not the system

/** [A_bar B_bar] row by row, (N, N + 1): zero-order hold, from one exponential of A with B beside it. */
function held({ A, B, N }, dt) {
  const before = holds.get(A);
  if (before?.dt === dt) return before.step;
  const both = expm(matrix(N + 1, N + 1, (i, j) => (i === N ? 0 : dt * (j === N ? B[i] : A[i][j]))));
  const step = Float64Array.from({ length: N * (N + 1) }, (_, at) => both[Math.floor(at / (N + 1))][at % (N + 1)]);
  holds.set(A, { dt, step });
  return step;
}

function march(step, N, f) {
  const c = new Float64Array(f.length * N);
  for (let k = 0; k < f.length; k++) {
    const [now, before] = [k * N, (k - 1) * N];
    for (let n = 0; n < N; n++) {
      const row = n * (N + 1);
      let sum = step[row + N] * f[k];
      if (k) for (let j = 0; j < N; j++) sum += step[row + j] * c[before + j];
      c[now + n] = sum;
    }
  }
  return c;
}

/** c_new = A_bar (c - f e_0) + f e_0. */
function legsOnline(N, f) {
  const [steps, most] = [kept(N, f.length), largest];
  const size = (most * (most + 1)) / 2;
  const c = new Float64Array(f.length * N);
  const old = new Float64Array(N);
  for (let k = 0; k < f.length; k++) {
    if (k) old.set(c.subarray((k - 1) * N, k * N));
    old[0] -= f[k];
    for (let n = 0, at = k * size; n < N; at += ++n) {
      let sum = n ? 0 : f[k];
      for (let j = 0; j <= n; j++) sum += steps[at + j] * old[j];
      c[k * N + n] = sum;
    }
  }
  return c;
}

let [largest, longest, keptSteps] = [0, 0, null]; // the steps of a large LegS serve every smaller and shorter one

function kept(N, L) {
  if (N > largest || L > longest) {
    [largest, longest] = [Math.max(N, largest), Math.max(L, longest)];
    keptSteps = legsSteps(largest, longest);
  }
  return keptSteps;
}

/** The remembered curve f(now - age) = sum_n c_n basis_n(age), (ages). `c` may hold more than N numbers. */
export function reconstruct(memory, c, ages, now, basis = memory.basis(ages, now)) {
  const curve = new Float64Array(ages.length);
  for (let n = 0; n < memory.N; n++) for (let i = 0; i < curve.length; i++) curve[i] += c[n] * basis[n][i];
  return curve;
}

/** |f - approximation| / |f| in the 2-norm; NaN where f is 0 everywhere. */
export function relativeError(f, approximation) {
  let [missed, all] = [0, 0];
  for (let i = 0; i < f.length; i++) {
    missed += (f[i] - approximation[i]) ** 2;
    all += f[i] ** 2;
  }
  return Math.sqrt(missed / all);
}

/** Relative error of the best polynomial of degree N - 1 on evenly spaced samples, for N = 1..most, (most). */
export function bestErrors(f, most) {
  const columns = orthonormal(f.length, most);
  let [left, all] = [0, 0];
  for (const value of f) all += value * value;
  left = all;
  return columns.map((column) => {
    let c = 0;
    for (let i = 0; i < f.length; i++) c += column[i] * f[i];
    left = Math.max(0, left - c * c);
    return Math.sqrt(left / all);
  });
}

const columnsKept = new Map();

/** Polynomials orthonormal over L samples: Gram and Schmidt, twice, on Legendre's. */
function orthonormal(L, most) {
  const key = `${L} ${most}`;
  if (!columnsKept.has(key)) {
    const middle = Array.from({ length: L }, (_, i) => (i + 0.5) / L);
    const columns = shiftedLegendre(most, middle);
    columns.forEach((column, n) => {
      for (let again = 0; again < 2; again++) for (let k = 0; k < n; k++) without(column, columns[k]);
      const size = Math.sqrt(column.reduce((sum, v) => sum + v * v, 0));
      for (let i = 0; i < L; i++) column[i] /= size;
    });
    columnsKept.set(key, columns);
  }
  return columnsKept.get(key);
}

function without(column, unit) {
  let share = 0;
  for (let i = 0; i < column.length; i++) share += column[i] * unit[i];
  for (let i = 0; i < column.length; i++) column[i] -= share * unit[i];
}

/** The LMU's delay line: what f was `share` of a window ago, read from LegT's coefficients (L, N) at every sample. */
export function delayed(c, N, share) {
  const read = delayDecoder(N, share);
  return Float64Array.from({ length: c.length / N }, (_, k) => {
    let sum = 0;
    for (let n = 0; n < N; n++) sum += read[n] * c[k * N + n];
    return sum;
  });
}

function weighed(weights, rows) {
  rows.forEach((row, n) => {
    for (let i = 0; i < row.length; i++) row[i] *= weights[n];
  });
  return rows;
}

function laguerre(N, ages, theta) {
  const L = matrix(N, ages.length, (n) => (n === 0 ? 1 : 0));
  for (let i = 0; i < ages.length; i++) {
    const s = ages[i] / theta;
    if (N > 1) L[1][i] = 1 - s;
    for (let n = 1; n < N - 1; n++) L[n + 1][i] = ((2 * n + 1 - s) * L[n][i] - n * L[n - 1][i]) / (n + 1);
  }
  return L;
}
