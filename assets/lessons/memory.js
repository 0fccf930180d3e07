// Memory: a signal streams in, the state is what a curve through it needs, and the curve is drawn from the state alone.

import { Matrix } from "../canvas/matrix.js";
import { Plot } from "../canvas/plot.js";
import { line, polyline } from "../canvas/draw.js";
import { number } from "../canvas/words.js";
import { bestErrors, delayed, memory, online, relativeError, run, tones } from "../maths/hippo.js";
import { legendreSum } from "../maths/legendre.js";

const SECONDS = 10; // as in ssmviz/lessons/memory.py, and so are the next four
const L = 512;
const POINTS = 64;
const MOST = 64;
const LEVELS = [0.8, -0.6, 0.2, 1.4, -1.2];
const PAUSE = 2; // s that the end of the story stands before it begins again
const HIGH = 2.5; // of the signal's axis
const FADED = 3; // time constants of a fading memory that are drawn
const SHOWN = 5; // basis functions
const SIZES = Array.from({ length: MOST }, (_, n) => n + 1);

const MEASURES = {
  legs: "all of the past, evenly",
  legt: "the window, evenly",
  lagt: "the past, fading",
  fout: "the window, in sines and cosines",
  random: "nothing in particular",
};

export function build(stage) {
  stage
    .derive("f", signal)
    .derive("memory", (values) => chosen(values, stage.extra))
    .derive("c", (values) => states(values, stage))
    .derive("slow", (values) => (values.fast ? states({ ...values, fast: false }, stage) : null))
    .derive("window", (values) => windowBasis(values, stage.derived.memory))
    .derive("errors", () => legsErrors(stage.derived.f))
    .derive("delay", (values) => delayLine(values, stage.derived.f))
    .derive("most", () => stage.derived.c.reduce((most, v) => Math.max(most, Math.abs(v)), 0.1));
  return {
    rows: [
      [signalView(stage)],
      [measureView(stage)],
      { views: [coefficientsView(stage), matrixView(stage)], shares: [3, 2] },
      [agesView(stage), errorsView(stage)],
      [basisView(stage), delayView(stage)],
    ],
    animate: { length: () => length(stage.values) + PAUSE, loop: true },
    before: () => {
      stage.moment = moment(stage);
    },
    readouts: () => readouts(stage),
    say: () => say(stage),
  };
}

// -- what is computed -------------------------------------------------------------------------------------------------

const length = ({ fast }) => (fast ? SECONDS / 2 : SECONDS);
const step = (values) => length(values) / L;

function signal({ signal: kind, drawing }) {
  return Float64Array.from({ length: L }, (_, i) => {
    const r = (i + 0.5) / L;
    if (kind === "tones") return tones(r);
    if (kind === "steps") return LEVELS[Math.floor(r * LEVELS.length)];
    const at = Math.max(0, Math.min(POINTS - 1, r * POINTS - 0.5));
    const left = Math.min(POINTS - 2, Math.floor(at));
    return drawing[left] + (at - left) * (drawing[left + 1] - drawing[left]);
  });
}

/** The memory that is shown; of a random one only what has arrived from the server. */
function chosen({ measure, N, theta }, extra) {
  if (measure !== "random") return memory(measure, N, theta);
  const { random } = extra;
  if (!random) return { ...memory("legt", 1, theta), name: "random", waiting: true };
  const size = random.B.length;
  const A = random.A.map((row) => Float64Array.from(row, (a) => a / theta));
  return { ...memory("legt", size, theta), name: "random", A, B: random.B.map((b) => b / theta) };
}

function states(values, { derived }) {
  const given = derived.memory;
  return given.name === "random" ? run(given, derived.f, step(values)) : online(given, derived.f, step(values));
}

/** The basis at the ages of all samples that a window or a fading memory covers; LegS's moves with time. */
function windowBasis(values, given) {
  if (given.scaled || given.name === "random") return null;
  const dt = step(values);
  const covered = Math.min(L, Math.round(reach(given) / dt));
  return given.basis(Array.from({ length: covered }, (_, j) => (j + 0.5) * dt));
}

const reach = ({ bounded, theta }) => (bounded ? theta : FADED * theta);

/** Everything at the clock's moment: sample k, the state, the remembered curve and its error. */
function moment(stage) {
  const { values, derived } = stage;
  const { f, memory: given, c } = derived;
  const k = Math.max(1, Math.min(L, Math.floor((stage.clock / length(values)) * L)));
  const state = c.subarray((k - 1) * given.N, k * given.N);
  const { times, curve } = remembered(stage, given, state, k);
  const from = times.map((t) => f[Math.max(0, Math.min(L - 1, Math.floor(t / step(values))))]);
  return { k, now: k * step(values), state, times, curve, error: relativeError(from, curve) };
}

function remembered({ values, extra, derived }, given, state, k) {
  const dt = step(values);
  if (given.waiting) return { times: new Float64Array(0), curve: new Float64Array(0) };
  if (given.name === "random") return readOut(extra, given, state, k * dt);
  const covered = given.scaled ? k : Math.min(k, derived.window[0].length);
  const times = Float64Array.from({ length: covered }, (_, j) => (k - j - 0.5) * dt);
  if (given.scaled) return { times, curve: legendreSum(state, given.N, Array.from(times, (t) => t / (k * dt))) };
  const curve = new Float64Array(covered);
  for (let n = 0; n < given.N; n++) for (let j = 0; j < covered; j++) curve[j] += state[n] * derived.window[n][j];
  return { times, curve };
}

/** The best linear read-out of a random state, at the ages for which the server has computed it. */
function readOut({ ages, random }, { theta }, state, now) {
  const seen = ages.filter((age) => age <= 1 && age * theta < now);
  const curve = Float64Array.from(seen, (_, i) => random.weights[i].reduce((sum, w, n) => sum + w * state[n], 0));
  return { times: Float64Array.from(seen, (age) => now - age * theta), curve };
}

/** Errors of LegS at the story's end for every N, from one run: A is lower triangular. */
function legsErrors(f) {
  const all = memory("legs", MOST);
  const state = online(all, f).subarray((L - 1) * MOST);
  const basis = all.basis(Array.from({ length: L }, (_, j) => (L - j - 0.5) / L), 1);
  const curve = new Float64Array(L);
  const legs = basis.map((row, n) => {
    for (let i = 0; i < L; i++) curve[i] += state[n] * row[i];
    return relativeError(f, curve);
  });
  return { legs, best: bestErrors(f, MOST) };
}

/** LegT, which is the LMU in another scale, read at one age. */
function delayLine(values, f) {
  const { N, theta, read } = values;
  const dt = step(values);
  const late = (read * theta) / dt; // samples
  const said = delayed(online(memory("legt", N, theta), f, dt), N, read);
  const was = Float64Array.from(f, (_, k) => between(f, k + 0.5 - late)); // the state is that at a sample's end
  return { said, was, late: late * dt, error: relativeError(was, said) };
}

/** f between its samples; 0 before them, the last one after them. */
function between(f, at) {
  if (at < 0) return 0;
  const left = Math.floor(at);
  return left >= L - 1 ? f[L - 1] : f[left] + (at - left) * (f[left + 1] - f[left]);
}

// -- views ------------------------------------------------------------------------------------------------------------

const times = (values) => Float64Array.from({ length: L }, (_, i) => (i + 0.5) * step(values));
const story = (stage) => [0, length(stage.values)];

function signalView(stage) {
  return new Plot(stage, {
    name: "signal",
    title: "the signal, and what the state remembers of it",
    symbol: ["x", "x"],
    height: 210,
    x: { label: "time, s", range: story },
    y: { range: [-HIGH, HIGH], ticks: [-2, -1, 0, 1, 2] },
    series: () => [
      { name: "signal", colour: stage.theme.symbol.x, x: times(stage.values), y: stage.derived.f, faint: true, width: 1.5 },
      { name: "drawn from the state", colour: stage.theme.symbol.h, x: [], y: [] },
    ],
    over: (g, place) => overSignal(g, place, stage),
    paint: {
      from: 0,
      get to() {
        return length(stage.values);
      },
      count: POINTS,
      get: (i) => points(stage)[i],
      set: (i, value) => {
        const drawing = points(stage);
        drawing[i] = Math.round(100 * value) / 100;
        stage.set({ signal: "drawn", drawing });
      },
    },
    note: () => "draw your own with the pointer",
    describe: () => say(stage),
    rows: () => {
      const { times: at, curve } = stage.moment;
      const t = times(stage.values);
      const head = ["time, s", "signal", `remembered at ${number(stage.moment.now)} s`];
      const late = new Map(Array.from(at, (v, i) => [v.toFixed(6), curve[i]]));
      return [head, ...Array.from(stage.derived.f, (v, i) => [t[i], v, late.get(t[i].toFixed(6)) ?? ""])];
    },
  });
}

/** What is shown, as the points of a drawing. */
function points({ values, derived }) {
  if (values.signal === "drawn") return [...values.drawing];
  return Array.from({ length: POINTS }, (_, i) => Math.round(100 * derived.f[Math.floor(((i + 0.5) / POINTS) * L)]) / 100);
}

function overSignal(g, place, stage) {
  const { box, theme } = place;
  const { k, now, times: at, curve } = stage.moment;
  const dt = step(stage.values);
  g.save();
  g.beginPath();
  g.rect(box.left, box.top - 4, box.right - box.left, box.bottom - box.top + 8);
  g.clip();
  shade(g, place, stage, box.bottom - box.top);
  g.lineWidth = 2;
  g.strokeStyle = theme.symbol.x;
  polyline(g, Array.from({ length: k }, (_, i) => [place.x((i + 0.5) * dt), place.y(stage.derived.f[i])]));
  g.lineWidth = 2.5;
  g.strokeStyle = theme.symbol.h;
  polyline(g, Array.from(at, (t, i) => [place.x(t), place.y(curve[i])]));
  g.strokeStyle = theme.text;
  g.lineWidth = 1.5;
  line(g, place.x(now), box.top, place.x(now), box.bottom);
  g.restore();
}

/** The measure as an area that stands on the bottom of the plot; its peak is `high` pixels times 0.9. */
function shade(g, { box, x, theme }, stage, high) {
  const { now } = stage.moment;
  const { at, weight, peak } = weights(stage, now);
  if (!at.length) return;
  g.fillStyle = theme.symbol.A;
  g.globalAlpha = high > 100 ? 0.09 : 0.3;
  g.beginPath();
  g.moveTo(x(at[0]), box.bottom);
  at.forEach((t, i) => g.lineTo(x(t), box.bottom - 0.92 * high * Math.min(1, weight[i] / peak)));
  g.lineTo(x(at[at.length - 1]), box.bottom);
  g.fill();
  g.globalAlpha = 1;
}

/** The measure at `now` over time, and what fills the axis: 1 / theta, for LegS half of the story's first second. */
function weights({ values, derived }, now) {
  const given = derived.memory;
  if (given.name === "random") return { at: [], weight: [], peak: 1 };
  const oldest = given.scaled ? now : Math.min(now, given.bounded ? given.theta : now);
  const at = Array.from({ length: 61 }, (_, i) => now - oldest * (1 - i / 60));
  const weight = given.density(at.map((t) => now - t - 1e-9), now);
  return { at, weight, peak: given.scaled ? 4 / length(values) : 1 / given.theta };
}

function measureView(stage) {
  return new Plot(stage, {
    name: "measure",
    title: "how the past is weighed, μ",
    height: 84,
    x: { range: story },
    y: { range: [0, 1], ticks: [] },
    series: () => [{ name: "", x: [0, 1], y: [0, 0], colour: stage.theme.grid }],
    over: (g, place) => {
      shade(g, place, stage, place.box.bottom - place.box.top);
      if (stage.derived.memory.name !== "random") return;
      g.fillStyle = place.theme.faint;
      g.textAlign = "center";
      g.fillText("a random A fits no measure", (place.box.left + place.box.right) / 2, (place.box.top + place.box.bottom) / 2);
    },
    handles: () => [
      { x: stage.moment.now, y: 0.5, label: "now", step: [0.1, 0], shape: "square", move: (x) => stage.setClock(x) },
    ],
    note: () => `${MEASURES[stage.values.measure]}; drag now`,
    describe: () => `${MEASURES[stage.values.measure]}; now is ${number(stage.moment.now)} s`,
    rows: () => {
      const { at, weight } = weights(stage, stage.moment.now);
      return [["time, s", "weight per second"], ...at.map((t, i) => [t, weight[i]])];
    },
  });
}

function coefficientsView(stage) {
  const order = (state) => Array.from(state, (_, n) => n);
  return new Plot(stage, {
    name: "state",
    title: "the state: a coefficient for each curve",
    symbol: ["h", "h"],
    height: 190,
    follows: ["clock"],
    x: { label: "n", range: () => [-0.7, stage.derived.memory.N - 0.3], words: (n) => (Number.isInteger(n) ? n : "") },
    y: { range: () => [-1.05 * stage.derived.most, 1.05 * stage.derived.most] },
    series: () => {
      const { state, k } = stage.moment;
      const { slow, memory: given } = stage.derived;
      const before = slow?.subarray((k - 1) * given.N, k * given.N);
      const { symbol, text } = stage.theme;
      return [
        { name: before ? "now" : "", kind: "bars", colour: symbol.h, x: order(state), y: state },
        before && { name: "at normal speed, at the same place", kind: "dots", colour: text, x: order(state), y: before },
      ];
    },
    describe: () => {
      const { state } = stage.moment;
      const first = Array.from(state.subarray(0, 6), number).join(", ");
      return `${state.length} coefficients, the first: ${first}`;
    },
    rows: () => [["n", "coefficient"], ...Array.from(stage.moment.state, (v, n) => [n, v])],
  });
}

function matrixView(stage) {
  return new Matrix(stage, {
    name: "matrix",
    title: "what is kept",
    symbol: ["A", "A"],
    height: 190,
    cells: "square",
    values: () => stage.derived.memory.A,
    rowLabel: (n) => n,
    columnLabel: (n) => n,
  });
}

function agesView(stage) {
  const measure = () => (stage.values.measure === "random" ? "legt" : stage.values.measure);
  return new Plot(stage, {
    name: "ages",
    title: "memory by age",
    height: 190,
    x: { label: "age, in windows", range: [0, 1.2] },
    y: { label: "error of the best read-out", range: [0, 1.05] },
    series: () => {
      const { ages, kept, lost } = stage.extra;
      const { symbol, runs } = stage.theme;
      return [
        { name: `${NAMES[measure()]} A`, colour: symbol.h, x: ages, y: kept, width: 2.5 },
        { name: "random A", colour: runs[1], x: ages, y: lost, dash: [5, 3] },
      ];
    },
    note: () => `N = ${stage.extra.N}; noise, any read-out`,
  });
}

const NAMES = { legs: "LegS", legt: "LegT", lagt: "LagT", fout: "Fourier", random: "random" };

function errorsView(stage) {
  return new Plot(stage, {
    name: "errors",
    title: "error at the end, by N",
    height: 190,
    x: { label: "N", range: [1, MOST], log: true, ticks: [1, 2, 4, 8, 16, 32, 64], words: String },
    y: { label: "relative error", range: () => [Math.min(0.03, ...stage.derived.errors.legs) * 0.8, 1.2], log: true },
    series: () => {
      const { legs, best } = stage.derived.errors;
      const { symbol, text } = stage.theme;
      const { N } = stage.values;
      return [
        { name: "LegS, online", colour: symbol.h, x: SIZES, y: legs, width: 2.5 },
        { name: "best polynomial", colour: text, x: SIZES, y: best, dash: [2, 4] },
        { name: "N now", kind: "dots", colour: symbol.h, x: [N], y: [legs[N - 1]], width: 3 },
      ];
    },
    note: () => `LegS at N = ${stage.values.N}: ${fraction(stage.derived.errors.legs[stage.values.N - 1])}`,
  });
}

function basisView(stage) {
  return new Plot(stage, {
    name: "basis",
    title: "the first curves",
    height: 180,
    x: { label: "age, as a share of what is remembered", range: [0, 1] },
    y: { range: () => (stage.values.measure === "random" ? "auto" : [-3.4, 3.4]) },
    series: () => curves(stage).map((y, n) => ({
      name: `${n}`,
      colour: [stage.theme.text, ...stage.theme.runs][n],
      dash: n % 2 ? [6, 3] : undefined,
      x: Float64Array.from(y, (_, i) => i / (y.length - 1)),
      y,
    })),
    note: () => (stage.values.measure === "random" ? "how five states answer an impulse" : "times their coefficients, summed: the memory"),
  });
}

/** The first basis functions by age; of a random system, the first states after an impulse. */
function curves({ derived }) {
  const given = derived.memory;
  const count = Math.min(SHOWN, given.N);
  if (given.name === "random") {
    const answer = run(given, Float64Array.from({ length: 100 }, (_, k) => (k ? 0 : 100 / given.theta)), given.theta / 100);
    return Array.from({ length: count }, (_, n) => Float64Array.from({ length: 100 }, (_, k) => answer[k * given.N + n]));
  }
  const oldest = given.scaled ? 1 : reach(given);
  return given.basis(Array.from({ length: 101 }, (_, i) => (i / 100) * oldest), 1).slice(0, count);
}

function delayView(stage) {
  return new Plot(stage, {
    name: "delay",
    title: "LMU: a window is a delay line",
    symbol: ["y", "y"],
    height: 180,
    x: { label: "time, s", range: story },
    y: { range: [-HIGH, HIGH], ticks: [-2, -1, 0, 1, 2] },
    series: () => {
      const { said, was } = stage.derived.delay;
      const { symbol, text } = stage.theme;
      const x = times(stage.values);
      return [
        { name: "signal", colour: symbol.x, x, y: stage.derived.f, faint: true, width: 1.5 },
        { name: "what it was", colour: text, x, y: was, dash: [2, 4], width: 1.5 },
        { name: "read from the state", colour: symbol.h, x, y: said },
      ];
    },
    note: () => `${number(stage.derived.delay.late)} s late, error ${fraction(stage.derived.delay.error)}`,
  });
}

// -- words ------------------------------------------------------------------------------------------------------------

const fraction = (value) => (Number.isFinite(value) ? value.toFixed(2) : "–");

function readouts(stage) {
  const { values, derived, moment: at } = stage;
  const { best } = derived.errors;
  const facts = [
    ["samples seen", String(at.k), "x"],
    ["numbers kept", String(derived.memory.N), "h"],
    ["error of the memory", fraction(at.error), "h"],
  ];
  if (values.measure === "legs") facts.push([`best polynomial, at the end`, fraction(best[values.N - 1])]);
  if (derived.slow) facts.push(["largest change by speed", number(difference(stage)), "A"]);
  return facts;
}

/** How far the state is from the one at normal speed, at the same place of the story. */
function difference({ moment: { state, k }, derived: { slow, memory: given } }) {
  return state.reduce((most, v, n) => Math.max(most, Math.abs(v - slow[(k - 1) * given.N + n])), 0);
}

function say(stage) {
  const { moment: at, derived, values } = stage;
  if (derived.memory.waiting) return "The random matrix is on its way.";
  const kept = `${derived.memory.N} ${derived.memory.N === 1 ? "number" : "numbers"}`;
  const what = { legs: "all of it", lagt: "it, the older the more faintly" }[values.measure] ?? `the last ${number(values.theta)} s`;
  const after = `After ${at.now.toFixed(1)} s, ${kept} of a state redraw ${what} with an error of ${fraction(at.error)}`;
  return values.measure === "random" ? `${after}, although they are read as well as can be: this A has mixed it all up.` : `${after}.`;
}
