// S4D, as ssmviz/systems/s4d.py: diagonal systems, their starts and kernels. Poles are { re, im }.

import { frequencies } from "./s4.js";

/** The poles that S4D starts with, n pairs (real: n real ones): { re, im } (S4D, section 4). */
export function initialPoles(init, n) {
  const poles = { re: new Float64Array(n), im: new Float64Array(n) };
  const legs = init === "legs" ? frequencies(2 * n).subarray(n) : null;
  for (let k = 0; k < n; k++) {
    poles.re[k] = init === "real" ? -(k + 1) : -0.5;
    if (init === "lin") poles.im[k] = Math.PI * k;
    if (init === "inv") poles.im[k] = ((2 * n) / Math.PI) * ((2 * n) / (2 * k + 1) - 1);
    if (legs) poles.im[k] = legs[k];
  }
  return poles;
}

/** A diagonal system's kernel under zero-order hold: what every mode adds, rows (n, L), and their sum K (L). */
export function diagonalKernel(poles, B, C, delta, L, { conjugates = true } = {}) {
  const K = new Float64Array(L);
  const rows = Array.from(poles.re, (re, n) => {
    const row = mode(re, poles.im[n], (conjugates ? 2 : 1) * B[n] * C[n], delta, L);
    for (let l = 0; l < L; l++) K[l] += row[l];
    return row;
  });
  return { K, rows };
}

/** Re weight B_bar A_bar^l of one pole, with B_bar = (A_bar - 1) / lambda; delta at lambda = 0. */
function mode(re, im, weight, delta, L) {
  const grown = Math.exp(delta * re);
  const [ar, ai] = [grown * Math.cos(delta * im), grown * Math.sin(delta * im)];
  const size = re * re + im * im;
  const minus = Math.expm1(delta * re) * Math.cos(delta * im) - 2 * Math.sin((delta * im) / 2) ** 2; // Re A_bar - 1
  let hr = size ? (weight * (minus * re + ai * im)) / size : weight * delta;
  let hi = size ? (weight * (ai * re - minus * im)) / size : 0;
  const row = new Float64Array(L);
  for (let l = 0; l < L; l++) {
    row[l] = hr;
    [hr, hi] = [hr * ar - hi * ai, hr * ai + hi * ar];
  }
  return row;
}
