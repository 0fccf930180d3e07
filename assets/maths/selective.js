// One selective state, as ssmviz/systems/discretise.py: Delta = softplus(z), and Theorem 1 of Mamba (N = 1, A = -1, B = 1).

/** log(1 + exp(z)), without overflow. */
export function softplus(z) {
  return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** The z whose softplus is `delta`; -Infinity for 0. */
export function softplusInverse(delta) {
  return delta > 30 ? delta : Math.log(Math.expm1(delta));
}

/** 1 / (1 + exp(-z)). */
export function sigmoid(z) {
  return 0.5 * (1 + Math.tanh(0.5 * z));
}

/** Share of a state with pole -n that a token of `delta` leaves: exp(-n Delta). */
export function kept(delta, n = 1) {
  return Math.exp(-n * delta);
}

/** B_bar of Theorem 1: 1 - exp(-Delta) with zero-order hold, Delta with "euler" (the released code). */
export function writeGate(z, rule = "zoh") {
  const delta = softplus(z);
  return rule === "zoh" ? -Math.expm1(-delta) : delta;
}

/** h_t = (1 - g_t) h_{t-1} + g_t x_t with g = sigmoid(z). */
export function gated(x, z) {
  return march(z.map((v) => 1 - sigmoid(v)), z.map(sigmoid), x);
}

/** h_t = exp(-Delta_t) h_{t-1} + B_bar_t x_t with Delta = softplus(z): the same as `gated` with "zoh", and not with "euler". */
export function selective(x, z, rule = "zoh") {
  return march(z.map((v) => kept(softplus(v))), z.map((v) => writeGate(v, rule)), x);
}

function march(keep, write, x) {
  let state = 0;
  return Float64Array.from(x, (v, t) => (state = keep[t] * state + write[t] * v));
}
