// What the pictures of the lesson on discretisation show: six rules on one signal, as trained and resampled.

import { abs, polar, power } from "../maths/complex.js";
import { eulerLimit, exact, gated, METHODS, poleMap, run, selective } from "../maths/discretise.js";

export const SECONDS = 8; // as in ssmviz/lessons/discretisation.py
const MEASURED_AT = 4;
const STEPS = [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];
const REAL_POLES = { mamba: 16, legs: 64 };
const FINE = 400; // points of the curve
const SHOWN = 1e4; // what grows beyond is not drawn

export const NAMES = {
  euler: "Euler",
  backward: "backward",
  bilinear: "bilinear",
  zoh: "ZOH",
  foh: "FOH",
  released: "released code",
};
const COLOURS = {
  light: {
    euler: "#D55E00",
    backward: "#3590c4",
    bilinear: "#B0528A",
    zoh: "#0072B2",
    foh: "#009E73",
    released: "#c27700",
  },
  dark: {
    euler: "#ff8c42",
    backward: "#9fd6f5",
    bilinear: "#cc79a7",
    zoh: "#56b4e9",
    foh: "#2fbf94",
    released: "#e69f00",
  },
};
const DASHES = { backward: [2, 3], bilinear: [7, 3], foh: [7, 3, 2, 3], released: [4, 3] };

export const colourOf = (stage, method) => COLOURS[stage.theme.dark ? "dark" : "light"][method];
export const dashOf = (method) => DASHES[method];
export { METHODS };

export function derive(stage) {
  stage
    .derive("system", systemOf)
    .derive("curve", (v) => remembered(stage, "curve", v, () => curve(stage, v)))
    .derive("tokens", (v) => tokens(stage, v.delta, SECONDS))
    .derive("runs", (v) =>
      Object.fromEntries(METHODS.map((m) => [m, output(stage, v.delta, m, stage.derived.tokens.x)])),
    )
    .derive("error", (v) => apart(stage.derived.runs[v.method], exact(stage.derived.system, v, stage.derived.tokens.t)))
    .derive("mapped", (v) =>
      Object.fromEntries(METHODS.map((m) => [m, stage.derived.system.A.map((pole) => poleMap(pole, v.delta, m))])),
    )
    .derive("errors", (v) => remembered(stage, "errors", v, () => errors(stage, v)))
    .derive("resampled", (v) => resampled(stage, v))
    .derive("gates", (v) => gateRuns(v));
}

/** As `system` in ssmviz/lessons/discretisation.py: every pole answers a constant 1 with 1 in the end. */
function systemOf({ system, re, im }) {
  if (system === "pair") return { A: [[re, im]], C: [[-re / 2, -im / 2]], paired: true };
  const N = REAL_POLES[system];
  const rates = Array.from({ length: N }, (_, n) => n + 1);
  return { A: rates.map((rate) => [-rate, 0]), C: rates.map((rate) => [rate / N, 0]), paired: false };
}

export const signal = ({ input, omega }, t) => (input === "step" ? 1 : Math.sin(omega * t));

/** The signal at the end of every token. */
function tokens(stage, spacing, seconds) {
  const L = Math.round(seconds / spacing);
  const t = Float64Array.from({ length: L }, (_, k) => (k + 1) * spacing);
  return { t, x: t.map((at) => signal(stage.values, at)) };
}

const output = (stage, delta, method, x) => run(stage.derived.system, delta, method, x);

/** Values for drawing: what has left every scale is left out. */
export const drawable = (y) => Array.from(y, (v) => (Math.abs(v) < SHOWN ? v : NaN));

/** Keeps what does not depend on Delta while Delta is dragged. */
function remembered(stage, name, { system, re, im, input, omega }, make) {
  const key = [system, re, im, input, omega].join();
  stage.kept ??= {};
  if (stage.kept[name]?.key !== key) stage.kept[name] = { key, value: make() };
  return stage.kept[name].value;
}

function curve(stage, values) {
  const t = Float64Array.from({ length: FINE + 1 }, (_, i) => (i * SECONDS) / FINE);
  return { t, y: exact(stage.derived.system, values, t), x: t.map((at) => signal(values, at)) };
}

/** Largest distance to the curve over the first seconds, for every rule and number of tokens. */
function errors(stage, values) {
  const delta = STEPS.map((L) => MEASURED_AT / L);
  const curves = delta.map((d) => {
    const { t, x } = tokens(stage, d, MEASURED_AT);
    return { x, y: exact(stage.derived.system, values, t) };
  });
  const of = (method) => curves.map(({ x, y }, i) => apart(output(stage, delta[i], method, x), y));
  return { delta, of: Object.fromEntries(METHODS.map((m) => [m, of(m)])) };
}

/** Largest distance; what is no number is infinitely far. */
function apart(got, wanted) {
  let most = 0;
  for (let i = 0; i < got.length; i++) {
    const distance = Math.abs(got[i] - wanted[i]);
    if (!(distance <= most)) most = Number.isNaN(distance) ? Infinity : distance;
  }
  return most;
}

/** p where the error falls as Delta^p; Infinity where there is no error to speak of. */
function order(stage, method) {
  const [coarse, fine] = stage.derived.errors.of[method].slice(-2);
  return fine < 1e-12 ? Infinity : Math.log(coarse / fine) / Math.log(STEPS.at(-1) / STEPS.at(-2));
}

/** As trained, and twice as many tokens: with Delta halved, and with Delta kept. */
function resampled(stage, { delta, method }) {
  const fine = tokens(stage, delta / 2, SECONDS);
  const trained = { ...stage.derived.tokens, y: stage.derived.runs[method], believed: delta };
  const runs = {
    trained,
    halved: { ...fine, y: output(stage, delta / 2, method, fine.x), believed: delta / 2 },
    kept: { ...fine, y: output(stage, delta, method, fine.x), believed: delta },
  };
  for (const one of Object.values(runs)) {
    one.error = apart(one.y, exact(stage.derived.system, stage.values, one.t));
    one.clock = one.t.map((_, k) => (k + 1) * one.believed); // the model's own seconds
  }
  return runs;
}

/** The order in words. */
export function orderWords(stage, method) {
  const p = order(stage, method);
  return Number.isFinite(p) ? `error falls as Δ to the ${p.toFixed(1)}` : "no error";
}

/** Largest |z| under a rule. */
export const size = (stage, method) => abs(slowest(stage, method));

/** The pole that a rule keeps longest, on the z-plane. */
export const slowest = (stage, method) =>
  stage.derived.mapped[method].reduce((slow, pole) => (abs(pole) > abs(slow) ? pole : slow));

/** z^k of a pole, k tokens on; also between two tokens, along the spiral. */
export function spiral([re, im], k) {
  if (Number.isInteger(k)) return power([re, im], k);
  return polar(Math.hypot(re, im) ** k, Math.atan2(im, re) * k);
}

export const limit = (stage) => eulerLimit(stage.derived.system.A);

/** Theorem 1: the gated RNN and the selective SSM, on the painted gates. */
function gateRuns({ gates, method }) {
  const x = gates.map((_, t) => Math.cos(0.9 * t));
  const wanted = gated(x, gates);
  const runs = Object.fromEntries([...new Set(["zoh", "released", method])].map((m) => [m, selective(x, gates, m)]));
  return { x, wanted, runs, errors: Object.fromEntries(Object.entries(runs).map(([m, h]) => [m, apart(h, wanted)])) };
}

/** Every rule but the chosen one. */
export const others = (stage) => METHODS.filter((method) => method !== stage.values.method);

/** How many tokens are over at the clock's time. */
export const tokenAt = (stage) =>
  Math.min(stage.derived.tokens.t.length, Math.floor(stage.clock / stage.values.delta + 1e-9));
