// One system, two views, as ssmviz/lessons/two_views.py and ssmviz/systems/convolution.py: a recurrence and a causal
// convolution. One conjugate pair of poles z = r exp(i theta): h_t = z^Delta_t h_{t-1} + Delta_t x_t, y_t = Re h_t.

import { fft, ifft, powerOfTwo } from "./fft.js";

/** z^Delta_t for every token, {re, im}. */
export function decays({ r, theta }, delta) {
  const size = Float64Array.from(delta, (d) => r ** d);
  return {
    re: size.map((s, t) => s * Math.cos(theta * delta[t])),
    im: size.map((s, t) => s * Math.sin(theta * delta[t])),
  };
}

/** March, token by token: outputs y, and states re + i im, each (L). */
export function march(pole, delta, x) {
  const L = x.length;
  const A = decays(pole, delta);
  const [re, im] = [new Float64Array(L), new Float64Array(L)];
  for (let t = 0, hr = 0, hi = 0; t < L; t++) {
    [hr, hi] = [A.re[t] * hr - A.im[t] * hi + delta[t] * x[t], A.re[t] * hi + A.im[t] * hr];
    re[t] = hr;
    im[t] = hi;
  }
  return { y: re, re, im };
}

/** K_k = r^k cos(k theta), (L): the kernel where Delta is 1 everywhere. */
export function kernel({ r, theta }, L) {
  return Float64Array.from({ length: L }, (_, k) => r ** k * Math.cos(k * theta));
}

/** Slide: y_t = sum_{k <= t} K_k x_{t-k}, (L). */
export function slide(K, x) {
  return Float64Array.from(x, (_, t) => {
    let sum = 0;
    for (let k = 0; k <= t; k++) sum += K[k] * x[t - k];
    return sum;
  });
}

/** The same by FFT. Zeros up to 2L keep the end of the sequence from wrapping around onto its beginning. */
export function slideByFft(K, x) {
  const L = x.length;
  const n = powerOfTwo(2 * L);
  const padded = (values) => {
    const re = new Float64Array(n);
    re.set(values);
    return fft({ re });
  };
  const [k, u] = [padded(K), padded(x)];
  const product = {
    re: k.re.map((re, i) => re * u.re[i] - k.im[i] * u.im[i]),
    im: k.re.map((re, i) => re * u.im[i] + k.im[i] * u.re[i]),
  };
  return ifft(product).re.slice(0, L);
}

/**
 * M (L x L, row by row) with y = M x: M_ts = Re(prod_{s<r<=t} z^Delta_r) Delta_s. Row t from the diagonal to the left is
 * the kernel of output t; one Delta for all gives the same kernel in every row.
 */
export function operatorMatrix(pole, delta) {
  const L = delta.length;
  const M = new Float64Array(L * L);
  for (let s = 0; s < L; s++) {
    for (let t = s, age = 0; t < L; age += delta[++t]) {
      M[t * L + s] = pole.r ** age * Math.cos(pole.theta * age) * delta[s];
    }
  }
  return M;
}

/** Row t of M as a kernel: what output t takes from k tokens ago, k = 0..t. */
export function rowKernel(M, L, t) {
  return Float64Array.from({ length: t + 1 }, (_, k) => M[t * L + t - k]);
}

/** 1, and 1 more for each output whose kernel is not that of the output before. */
export function kernelsNeeded(M, L, tolerance = 1e-9) {
  let count = 1;
  for (let t = 1; t < L; t++) {
    let apart = 0;
    for (let s = 0; s < t; s++) apart = Math.max(apart, Math.abs(M[t * L + s + 1] - M[(t - 1) * L + s]));
    if (apart >= tolerance) count++;
  }
  return count;
}

/** Moved to later tokens; what comes in is `fill`. */
export function late(values, by, fill = 0) {
  return Float64Array.from(values, (_, t) => (t < by ? fill : values[t - by]));
}

export function largestDifference(a, b) {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

/**
 * Of one channel with N diagonal states over L tokens: {name: {work, depth}}, multiplications and the longest chain of
 * them, the making of the kernel (L N, all at once) included.
 */
export function costs(L, N) {
  const doublings = Math.ceil(Math.log2(L));
  const n = 2 * 2 ** doublings;
  const log = doublings + 1;
  return {
    recurrence: { work: 3 * L * N, depth: L + 1 },
    "direct convolution": { work: (L * (L + 1)) / 2 + L * N, depth: 1 },
    "FFT convolution": { work: 4 * (3 * (n / 2) * log + n) + L * N, depth: 2 * log + 1 },
  };
}
