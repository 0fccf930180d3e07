// The pictures of the lesson on memory.

import { line, polyline } from "../canvas/draw.js";
import { Matrix } from "../canvas/matrix.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { L, MOST, POINTS, curves, length, points, step, weights } from "./memory_story.js";

const HIGH = 2.5; // of the signal's axis
const SHOWN = 5; // basis functions
const SIZES = Array.from({ length: MOST }, (_, n) => n + 1);

const MEASURES = {
  legs: "all of the past, evenly",
  legt: "the window, evenly",
  lagt: "the past, fading",
  fout: "the window, in sines and cosines",
  random: "nothing in particular",
};

/** An error, or a dash where there is nothing to be wrong about. */
export const fraction = (value) => (Number.isFinite(value) ? value.toFixed(2) : "–");

const times = (values) => Float64Array.from({ length: L }, (_, i) => (i + 0.5) * step(values));
const story = (stage) => [0, length(stage.values)];

export function signalView(stage) {
  return new Plot(stage, {
    name: "signal",
    title: "the signal, and what the state remembers of it",
    symbol: ["x", "x"],
    height: 210,
    x: { label: "time, s", range: story },
    y: { range: [-HIGH, HIGH], ticks: [-2, -1, 0, 1, 2] },
    series: () => [
      {
        name: "signal",
        colour: stage.theme.symbol.x,
        x: times(stage.values),
        y: stage.derived.f,
        faint: true,
        width: 1.5,
      },
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
    describe: () => stage.scene.say(stage),
    rows: () => {
      const { times: at, curve } = stage.moment;
      const t = times(stage.values);
      const head = ["time, s", "signal", `remembered at ${number(stage.moment.now)} s`];
      const late = new Map(Array.from(at, (v, i) => [v.toFixed(6), curve[i]]));
      return [head, ...Array.from(stage.derived.f, (v, i) => [t[i], v, late.get(t[i].toFixed(6)) ?? ""])];
    },
  });
}

function overSignal(g, place, stage) {
  const { box, theme } = place;
  const { k, now, times: at, curve } = stage.moment;
  const dt = step(stage.values);
  g.save();
  g.beginPath();
  g.rect(box.left, box.top - 4, box.right - box.left, box.bottom - box.top + 8);
  g.clip();
  shade(g, place, stage, 0.09);
  g.lineWidth = 2;
  g.strokeStyle = theme.symbol.x;
  polyline(
    g,
    Array.from({ length: k }, (_, i) => [place.x((i + 0.5) * dt), place.y(stage.derived.f[i])]),
  );
  g.lineWidth = 2.5;
  g.strokeStyle = theme.symbol.h;
  polyline(
    g,
    Array.from(at, (t, i) => [place.x(t), place.y(curve[i])]),
  );
  g.strokeStyle = theme.text;
  g.lineWidth = 1.5;
  line(g, place.x(now), box.top, place.x(now), box.bottom);
  g.restore();
}

/** The measure as an area that stands on the bottom of the plot. */
function shade(g, { box, x, theme }, stage, alpha) {
  const { now } = stage.moment;
  const { at, weight, peak } = weights(stage, now);
  if (!at.length) return;
  g.fillStyle = theme.symbol.A;
  g.globalAlpha = alpha;
  g.beginPath();
  g.moveTo(x(at[0]), box.bottom);
  const high = 0.92 * (box.bottom - box.top);
  at.forEach((t, i) => g.lineTo(x(t), box.bottom - high * Math.min(1, weight[i] / peak)));
  g.lineTo(x(at[at.length - 1]), box.bottom);
  g.fill();
  g.globalAlpha = 1;
}

export function measureView(stage) {
  return new Plot(stage, {
    name: "measure",
    title: "how the past is weighed, μ",
    height: 170,
    x: { label: "time, s", range: story },
    y: { range: [0, 1], ticks: [] },
    over: (g, place) => {
      shade(g, place, stage, 0.3);
      if (stage.derived.memory.name !== "random") return;
      g.fillStyle = place.theme.faint;
      g.textAlign = "center";
      g.fillText(
        "a random A fits no measure",
        (place.box.left + place.box.right) / 2,
        (place.box.top + place.box.bottom) / 2,
      );
    },
    handles: () => [{ x: stage.moment.now, y: 0.5, label: "now", step: [0.1, 0], move: (x) => stage.setClock(x) }],
    note: () => `${MEASURES[stage.values.measure]}; drag the dot to another now`,
    describe: () => `${MEASURES[stage.values.measure]}; now is ${number(stage.moment.now)} s`,
    rows: () => {
      const { at, weight } = weights(stage, stage.moment.now);
      return [["time, s", "weight per second"], ...at.map((t, i) => [t, weight[i]])];
    },
  });
}

export function coefficientsView(stage) {
  const order = (state) => Array.from(state, (_, n) => n);
  return new Plot(stage, {
    name: "state",
    title: "the state: one number for each curve",
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
        before && { name: "at normal speed", kind: "dots", colour: text, x: order(state), y: before },
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

export function matrixView(stage) {
  return new Matrix(stage, {
    name: "matrix",
    title: "what moves the state",
    symbol: ["A", "A"],
    height: 170,
    cells: "square",
    values: () => stage.derived.memory.A,
    rowLabel: (n) => n,
    columnLabel: (n) => n,
  });
}

export function agesView(stage) {
  const measure = () => (stage.values.measure === "random" ? "legt" : stage.values.measure);
  return new Plot(stage, {
    name: "ages",
    title: "memory by age",
    height: 190,
    x: {
      get label() {
        return stage.values.measure === "legs" ? "age, as a share of the past" : "age, in windows θ";
      },
      range: () => [0, stage.values.measure === "legs" ? 1 : 1.2],
    },
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

export function errorsView(stage) {
  return new Plot(stage, {
    name: "errors",
    title: "error at the end, by N",
    height: 190,
    x: { label: "N", range: [1, MOST], log: true, ticks: [1, 2, 4, 8, 16, 32, 64], words: String },
    y: {
      label: "relative error",
      range: () => [Math.max(0.001, 0.8 * Math.min(0.03, ...stage.derived.errors.legs)), 1.2],
      log: true,
    },
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

export function basisView(stage) {
  return new Plot(stage, {
    name: "basis",
    title: "the first curves",
    height: 180,
    x: { label: "age, as a share of what is remembered", range: [0, 1] },
    y: { range: () => (stage.values.measure === "random" ? around(curves(stage, SHOWN)) : [-3.4, 3.4]) },
    series: () =>
      curves(stage, SHOWN).map((y, n) => ({
        name: `${n}`,
        colour: [stage.theme.text, ...stage.theme.runs][n],
        dash: n % 2 ? [6, 3] : undefined,
        x: Float64Array.from(y, (_, i) => i / (y.length - 1)),
        y,
      })),
    note: () =>
      stage.values.measure === "random"
        ? "how five states answer an impulse"
        : "times their coefficients, summed: the memory",
  });
}

function around(rows) {
  const most = Math.max(...rows.map((row) => row.reduce((high, v) => Math.max(high, Math.abs(v)), 0)));
  return [-1.05 * most, 1.05 * most];
}

export function delayView(stage) {
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
