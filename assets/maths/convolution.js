// Two views of one linear system, as ssmviz/systems/convolution.py: a recurrence, and a causal convolution.
// The system is diagonal: N states, each with a number abar, bbar and c of its own (real: modes; {re, im}: pairs).

import { fft, ifft, powerOfTwo } from "./fft.js";

/** March: y_t = sum_n c_n h_tn with h_t = abar h_{t-1} + bbar x_t. Returns {y: (L), h: (L N), row by row}. */
export function march(abar, bbar, c, x) {
  const [L, N] = [x.length, abar.length];
  const [y, h] = [new Float64Array(L), new Float64Array(L * N)];
  for (let t = 0; t < L; t++) {
    for (let n = 0; n < N; n++) {
      const before = t ? h[(t - 1) * N + n] : 0;
      h[t * N + n] = abar[n] * before + bbar[n] * x[t];
      y[t] += c[n] * h[t * N + n];
    }
  }
  return { y, h };
}

/** K_k = sum_n c_n abar_n^k bbar_n, (L). */
export function kernel(abar, bbar, c, L) {
  const K = new Float64Array(L);
  for (let n = 0; n < abar.length; n++) {
    for (let k = 0, power = bbar[n]; k < L; k++, power *= abar[n]) K[k] += c[n] * power;
  }
  return K;
}

/** The same marches and kernels for a conjugate pair of poles z = radius exp(i angle), y = Re h, written with 1. */
export function pairMarch(radius, angle, x) {
  const [L, zr, zi] = [x.length, radius * Math.cos(angle), radius * Math.sin(angle)];
  const [re, im] = [new Float64Array(L), new Float64Array(L)];
  for (let t = 0, hr = 0, hi = 0; t < L; t++) {
    [hr, hi] = [zr * hr - zi * hi + x[t], zr * hi + zi * hr];
    re[t] = hr;
    im[t] = hi;
  }
  return { y: re, re, im };
}

/** K_k = radius^k cos(k angle), (L). */
export function pairKernel(radius, angle, L) {
  return Float64Array.from({ length: L }, (_, k) => radius ** k * Math.cos(k * angle));
}

/** Slide: y_t = sum_{k <= t} K_k x_{t-k}, (L). */
export function slide(K, x) {
  return Float64Array.from(x, (_, t) => {
    let sum = 0;
    for (let k = 0; k <= t; k++) sum += K[k] * x[t - k];
    return sum;
  });
}

/** What output t is made of: K_k x_{t-k} for k = 0..t. */
export function terms(K, x, t) {
  return Float64Array.from({ length: t + 1 }, (_, k) => K[k] * x[t - k]);
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
  const product = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let i = 0; i < n; i++) {
    product.re[i] = k.re[i] * u.re[i] - k.im[i] * u.im[i];
    product.im[i] = k.re[i] * u.im[i] + k.im[i] * u.re[i];
  }
  return ifft(product).re.slice(0, L);
}

/**
 * M (L L, row by row) with y = M x for one state whose numbers change with the token:
 * M_ts = c_t (prod_{s<r<=t} abar_r) bbar_s. Constant numbers give the same value along every diagonal.
 */
export function operatorMatrix(abar, bbar, c) {
  const L = abar.length;
  const M = new Float64Array(L * L);
  for (let s = 0; s < L; s++) {
    for (let t = s, reach = bbar[s]; t < L; reach *= abar[++t]) M[t * L + s] = c[t] * reach;
  }
  return M;
}
