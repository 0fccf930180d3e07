// From seconds to tokens: as `ssmviz/systems/discretise.py`, for diagonal systems whose B is 1. A system is { A, C,
// paired }: poles and read-out as pairs [re, im]; where paired, each pole stands for itself and its conjugate.

import { abs, add, div, exp, mul, ONE, phi1, phi2, scale, sub, ZERO } from "./complex.js";

export const METHODS = ["euler", "backward", "bilinear", "zoh", "foh", "released"];
const ALPHA = { euler: 0, bilinear: 0.5, backward: 1 }; // members of the generalised bilinear transform

/** h_t = A_bar h_{t-1} + B_bar x_t + B_before x_{t-1} of one pole: pairs. */
export function step(pole, delta, method) {
  const v = scale(pole, delta);
  if (method in ALPHA) {
    const ahead = sub(ONE, scale(v, ALPHA[method]));
    const A_bar = div(add(ONE, scale(v, 1 - ALPHA[method])), ahead);
    return { A_bar, B_bar: div([delta, 0], ahead), B_before: ZERO };
  }
  const A_bar = exp(v);
  if (method === "released") return { A_bar, B_bar: [delta, 0], B_before: ZERO }; // A as in zoh, B as in Euler
  const whole = scale(phi1(v), delta);
  if (method === "zoh") return { A_bar, B_bar: whole, B_before: ZERO };
  const late = scale(phi2(v), delta);
  return { A_bar, B_bar: late, B_before: sub(whole, late) };
}

/** Where a pole of the s-plane falls on the z-plane: [re, im]. */
export const poleMap = (pole, delta, method) => step(pole, delta, method).A_bar;

/** The Delta from which on Euler's rule grows: |1 + Delta lambda| = 1; 0 where the system itself does not die out. */
export function eulerLimit(poles) {
  if (poles.some(([re]) => re >= 0)) return 0;
  return Math.min(...poles.map(([re, im]) => (-2 * re) / (re * re + im * im)));
}

/** The output y of the recurrence, token by token, from rest. */
export function run({ A, C, paired }, delta, method, x) {
  const y = new Float64Array(x.length);
  const twice = paired ? 2 : 1;
  A.forEach((pole, n) => {
    const { A_bar, B_bar, B_before } = step(pole, delta, method);
    const [[a, b], [p, q], [u, v], [c, d]] = [A_bar, B_bar, B_before, C[n]];
    let [re, im, before] = [0, 0, 0];
    if (pole[1] === 0) {
      for (let t = 0; t < x.length; t++) {
        re = a * re + p * x[t] + u * before;
        before = x[t];
        y[t] += twice * c * re;
      }
      return;
    }
    for (let t = 0; t < x.length; t++) {
      const now = x[t];
      const next = a * re - b * im + p * now + u * before;
      im = a * im + b * re + q * now + v * before;
      re = next;
      before = now;
      y[t] += twice * (c * re - d * im);
    }
  });
  return y;
}

/**
 * y(t) in closed form, to a step or to sin(omega t), from rest: the curve that every rule is held against.
 * To e^(w t) a pole p answers (e^(w t) - e^(p t)) / (w - p); the sine is (e^(i omega t) - e^(-i omega t)) / 2i.
 */
export function exact({ A, C, paired }, { input, omega }, times) {
  const y = new Float64Array(times.length);
  const drives = input === "step" ? [[ONE, 0]] : [[[0, -0.5], omega], [[0, 0.5], -omega]];
  const driven = drives.map(() => ZERO); // of all poles together
  A.forEach((pole, n) => {
    let free = ZERO;
    drives.forEach(([share, turn], i) => {
      const size = mul(scale(C[n], paired ? 2 : 1), share);
      const away = sub([0, turn], pole);
      if (abs(away) < NEAR) return addResonant(y, times, size, away, turn);
      const answer = div(size, away);
      driven[i] = add(driven[i], answer);
      free = sub(free, answer);
    });
    addTurning(y, times, free, pole);
  });
  drives.forEach(([, turn], i) => addTurning(y, times, driven[i], [0, turn]));
  return y;
}

const NEAR = 1e-3; // 1/s: so near to the pole the quotient would lose its digits

/** y += Re(size e^(pole t)). */
function addTurning(y, times, [p, q], [re, im]) {
  for (let i = 0; i < times.length; i++) {
    const t = times[i];
    const grown = re === 0 ? 1 : Math.exp(re * t);
    y[i] += im === 0 ? p * grown : grown * (p * Math.cos(im * t) - q * Math.sin(im * t));
  }
}

/** y += Re(size h), where h = (e^(i turn t) - e^(pole t)) / away, away = i turn - pole, by the series of the quotient. */
function addResonant(y, times, size, away, turn) {
  times.forEach((t, i) => {
    const h = mul(exp([0, turn * t]), scale(phi1(scale(away, -t)), t));
    y[i] += mul(size, h)[0];
  });
}

// -- Theorem 1 of Mamba -----------------------------------------------------------------------------------------------

export const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
export const sigmoid = (z) => 0.5 * (1 + Math.tanh(0.5 * z));

/** What the selective SSM with A = -1, B = 1 keeps of its state and writes of its input, Delta = softplus(z). */
export function selectiveStep(z, method) {
  const { A_bar, B_bar } = step([-1, 0], softplus(z), method);
  return { keep: A_bar[0], write: B_bar[0] };
}

/** h_t = (1 - g_t) h_{t-1} + g_t x_t with g = sigmoid(z). */
export const gated = (x, z) => march(x, z, (zt) => ({ keep: 1 - sigmoid(zt), write: sigmoid(zt) }));

/** The same by the selective SSM under a step rule. */
export const selective = (x, z, method) => march(x, z, (zt) => selectiveStep(zt, method));

function march(x, z, gate) {
  let h = 0;
  return Float64Array.from(x, (xt, t) => {
    const { keep, write } = gate(z[t]);
    h = keep * h + write * xt;
    return h;
  });
}
