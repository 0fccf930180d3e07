// Lesson 1: poles that can be dragged, a push that can be drawn, and the state that remembers it.

import { line } from "../canvas/draw.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { mode } from "../maths/continuous.js";
import { Flow } from "./flow.js";
import { Spring } from "./spring.js";
import {
  allowed, derive, DT, envelope, HELD, HOLD, indexOf, move, nowOf, SECONDS, slowest, symmetric, timeOf,
} from "./swing.js";

const PLANE = { x: [-3, 0.6], y: [-4.5, 4.5] };

export function build(stage) {
  derive(stage);
  const rows = [
    { views: [plane(stage), portrait(stage), cartoon(stage)], shares: [1, 1, 1.25] },
    [pushPlot(stage), outputPlot(stage)],
    [circuit(stage)],
  ];
  return {
    rows,
    animate: { length: SECONDS, loop: true },
    readouts: () => readouts(stage),
    say: () => say(stage),
  };
}

function plane(stage) {
  return new Plot(stage, {
    name: "poles",
    title: "poles of A: drag them",
    symbol: ["A", "A"],
    height: 270,
    x: { label: "Re: forgets faster ←", range: PLANE.x },
    y: { label: "Im: rings faster ↑↓", range: PLANE.y },
    backdrop: (g, place) => halfPlane(g, place),
    handles: () =>
      stage.derived.poles.map(([x, y], i) => ({
        x,
        y,
        label: `pole ${i + 1}`,
        colour: stage.theme.symbol.A,
        shape: "cross",
        step: [0.05, 0.1],
        move: (px, py) => move(stage, i, px, py),
      })),
    rows: () => [["pole", "real part (1/s)", "imaginary part (rad/s)"], ...stage.derived.poles.map(([re, im], i) => [i + 1, re, im])],
  });
}

/** Left of the axis states die out, right of it they grow. */
function halfPlane(g, { box, x, y, theme }) {
  g.fillStyle = theme.wrong;
  g.globalAlpha = 0.1;
  g.fillRect(x(0), box.top, box.right - x(0), box.bottom - box.top);
  g.globalAlpha = 1;
  g.strokeStyle = theme.faint;
  g.lineWidth = 1.25;
  line(g, x(0), box.top, x(0), box.bottom);
  line(g, box.left, y(0), box.right, y(0));
  g.fillStyle = theme.faint;
  g.textAlign = "right";
  g.fillText("dies out", x(0) - 6, box.top + 9);
  g.textAlign = "left";
  g.fillText("grows", x(0) + 5, box.top + 9);
}

// -- the other pictures -----------------------------------------------------------------------------------------------

function portrait(stage) {
  const path = ({ q, speed }, more) => ({ x: q, y: speed, ...more });
  return new Plot(stage, {
    name: "state",
    title: "path of the state",
    symbol: ["h", "h"],
    height: 270,
    x: { label: "position (m)", range: () => symmetric(Math.max(stage.derived.run.most.q, stage.derived.other?.most.q ?? 0)) },
    y: { label: "speed (m/s)", range: () => symmetric(Math.max(stage.derived.run.most.speed, stage.derived.other?.most.speed ?? 0)) },
    series: () => [
      path(stage.derived.run, { name: stage.derived.other ? "this past" : "", colour: stage.theme.symbol.h }),
      stage.derived.other && path(stage.derived.other, { name: "another", colour: stage.theme.runs[1], dash: [5, 4], width: 1.5 }),
    ],
    front: (g, place) => origin(g, place),
    over: (g, place) => {
      const { run: got, other } = stage.derived;
      const i = indexOf(stage);
      if (other) dot(g, place, other.q[i], other.speed[i], stage.theme.runs[1]);
      dot(g, place, got.q[i], got.speed[i], stage.theme.symbol.h);
      if (!other) return;
      const K = Math.round(stage.values.now / DT);
      ring(g, place, got.q[K], got.speed[K]);
    },
    rows: () => {
      const { t, q, speed } = stage.derived.run;
      return [["time (s)", "position (m)", "speed (m/s)"], ...Array.from(t, (at, i) => [at, q[i], speed[i]])];
    },
  });
}

function origin(g, { box, x, y, theme }) {
  g.strokeStyle = theme.grid;
  g.lineWidth = 1;
  line(g, x(0), box.top, x(0), box.bottom);
  line(g, box.left, y(0), box.right, y(0));
}

function dot(g, { x, y, theme }, at, value, colour) {
  g.beginPath();
  g.arc(x(at), y(value), 6, 0, 2 * Math.PI);
  g.fillStyle = colour;
  g.strokeStyle = theme.background;
  g.lineWidth = 2;
  g.fill();
  g.stroke();
}

/** The state that two pasts share. */
function ring(g, { x, y, theme }, at, value) {
  g.beginPath();
  g.arc(x(at), y(value), 10, 0, 2 * Math.PI);
  g.strokeStyle = theme.text;
  g.lineWidth = 1.5;
  g.stroke();
}

function cartoon(stage) {
  return new Spring(stage, {
    name: "spring",
    title: "what the state stands for",
    symbol: ["h", "h"],
    height: 270,
    now: () => {
      const { run: got, other } = stage.derived;
      const { x, h } = nowOf(stage);
      const { m, b, k } = stage.values;
      return {
        ...{ q: h[0], speed: h[1], force: x, fastest: got.most.speed, mass: m, damper: b, spring: k },
        most: Math.max(got.most.q, other?.most.q ?? 0),
        other: other?.q[indexOf(stage)],
      };
    },
    rows: () => [["time (s)", "position (m)"], ...Array.from(stage.derived.run.t, (t, i) => [t, stage.derived.run.q[i]])],
  });
}

/** A plot over time: hovering holds the time, leaving lets it go on. */
function timePlot(stage, options) {
  const view = new Plot(stage, {
    height: 170,
    cursor: true,
    ...options,
    x: { label: "seconds", range: [0, SECONDS] },
    over: (g, place) => {
      const t = timeOf(stage);
      g.strokeStyle = stage.theme.faint;
      g.lineWidth = 1;
      line(g, place.x(t), place.box.top, place.x(t), place.box.bottom);
      options.over?.(g, place, t);
    },
  });
  view.canvas.addEventListener("pointerleave", () => stage.setCursor(null));
  view.canvas.addEventListener("blur", () => stage.setCursor(null));
  return view;
}

function pushPlot(stage) {
  const paint = (k, value) => {
    const drawing = Array.from(stage.derived.x, (v) => Math.max(-1, Math.min(1, v)));
    drawing[k] = Number(Math.max(-1, Math.min(1, value)).toFixed(2));
    stage.set({ input: "drawn", drawing });
  };
  const range = () => {
    const most = Math.max(1, stage.derived.run.most.x, stage.derived.other?.most.x ?? 0);
    return most > 1 ? symmetric(most) : [-1.1, 1.1];
  };
  const steps = ({ t, x }, more) => ({ x: t, y: x, kind: "steps", ...more });
  return timePlot(stage, {
    name: "input",
    title: "the push: draw your own",
    symbol: ["x", "x"],
    y: { label: "newton", range },
    series: () => [
      steps(stage.derived.run, { kind: "area", colour: stage.theme.symbol.x, faint: true, quiet: true }),
      steps(stage.derived.run, { name: stage.derived.other ? "this past" : "x", colour: stage.theme.symbol.x }),
      stage.derived.other && steps(stage.derived.other, { name: "another past", colour: stage.theme.runs[1], dash: [5, 4] }),
    ],
    paint: { from: 0, to: SECONDS, count: HELD, get: (k) => stage.derived.x[k], set: paint },
    over: (g, place, t) => dot(g, place, t, stage.derived.run.x[indexOf(stage)], stage.theme.symbol.x),
  });
}

function outputPlot(stage) {

  return timePlot(stage, {
    name: "output",
    title: "the output",
    symbol: ["y", "y"],
    y: { label: "y = C h + D x", range: () => symmetric(Math.max(stage.derived.run.most.y, stage.derived.other?.most.y ?? 0)) },
    series: () => {
      const { run: got, other } = stage.derived;
      const fading = other || stage.values.D ? null : envelope(stage);
      return [
        stage.values.D !== 0 && { name: "from the state: C h", x: got.t, y: got.seen, colour: stage.theme.symbol.C, dash: [2, 3] },
        fading && { name: "what a pole leaves: e^(Re λ t)", x: fading.t, y: fading.size, colour: stage.theme.symbol.A, dash: [2, 3] },
        fading && { x: fading.t, y: fading.size.map((v) => -v), colour: stage.theme.symbol.A, dash: [2, 3], quiet: true },
        { name: "y", x: got.t, y: got.y, colour: stage.theme.text },
        other && { name: "y after another past", x: other.t, y: other.y, colour: stage.theme.runs[1], dash: [5, 4] },
      ];
    },
    front: (g, place) => sharedMoment(g, place, stage),
    handles: () => (stage.values.twin && stage.values.write ? [momentHandle(stage)] : []),
    over: (g, place, t) => dot(g, place, t, stage.derived.run.y[indexOf(stage)], stage.theme.text),
  });
}

/** From here on both outputs are one. */
function sharedMoment(g, { box, x, theme }, stage) {
  if (!stage.derived.other) return;
  const at = x(stage.values.now);
  g.fillStyle = theme.symbol.h;
  g.globalAlpha = 0.1;
  g.fillRect(at, box.top, box.right - at, box.bottom - box.top);
  g.globalAlpha = 1;
  g.textAlign = "left";
  g.fillText("same state: same future", at + 12, box.bottom - 9);
}

function momentHandle(stage) {
  return {
    x: stage.values.now,
    y: 0,
    label: "the shared moment",
    shape: "square",
    colour: stage.theme.symbol.h,
    step: [HOLD, 0],
    move: (x) => stage.set({ now: Math.max(1, Math.min(11, Math.round(x / HOLD) * HOLD)) }),
  };
}

function circuit(stage) {
  const setter = (name, toControl) => ({
    set: (value) => stage.set({ [name]: allowed(stage, name, toControl(value, stage.values)) }),
  });
  return new Flow(stage, {
    name: "circuit",
    title: "h′ = A h + B x, y = C h + D x: drag a number up or down",
    height: 215,
    entries: () => {
      const { A, B, C, D } = stage.derived.system;
      return { A, B: B.map((value) => [value]), C: [C], D: [[D]] };
    },
    free: {
      B10: setter("write", (value, { m }) => value * m),
      A10: setter("k", (value, { m }) => -value * m),
      A11: setter("b", (value, { m }) => -value * m),
      C00: setter("c1", (value) => value),
      C01: setter("c2", (value) => value),
      D00: setter("D", (value) => value),
    },
    now: () => nowOf(stage),
  });
}

// -- words ------------------------------------------------------------------------------------------------------------

function readouts(stage) {
  const { poles } = stage.derived;
  const pole = slowest(stage);
  const { timeConstant, frequency } = mode(pole);
  const { x, h, y, Dx } = nowOf(stage);
  const words = poles[0][1] ? `${number(pole[0])} ± ${number(Math.abs(pole[1]))}i` : poles.map(([re]) => number(re)).join(", ");
  return [
    ["poles", words, "A"],
    ["down to 1/e after", Number.isFinite(timeConstant) ? `${number(timeConstant)} s` : "never", "A"],
    ["kept after 1 s", `${number(100 * Math.exp(pole[0]))} %`, "A"],
    ["rings", frequency ? `every ${number(1 / frequency)} s` : "not at all", "A"],
    ["state now", `${place(h[0])}, ${place(h[1])}`, "h"],
    ["bypass: D x", place(Dx), "x"],
    ["output now", place(y), "y"],
    ["push now", place(x), "x"],
  ];
}

const place = (value) => (Math.abs(value) >= 100 ? number(value) : value.toFixed(2).replace("-", "−").replace("−0.00", "0.00"));

function say(stage) {
  const { run: got, other } = stage.derived;
  if (other) {
    const K = Math.round(stage.values.now / DT);
    let apart = 0;
    for (let i = K; i < got.y.length; i++) apart = Math.max(apart, Math.abs(got.y[i] - other.y[i]));
    return `Two different pasts, one state at ${number(stage.values.now)} s: from there on the outputs differ by at most ${number(apart)}. The state is all you need.`;
  }
  const pole = slowest(stage);
  const { timeConstant, frequency } = mode(pole);
  const ringing = frequency ? `and rings every ${number(1 / frequency)} s` : "and does not ring";
  if (pole[0] > 0.0005) return `A pole lies right of the axis: whatever enters grows by a factor of ${number(Math.exp(pole[0]))} every second.`;
  if (!Number.isFinite(timeConstant) || pole[0] > -0.0005) return `The pole lies on the axis: the state forgets nothing ${ringing}.`;
  return `A pole at ${number(pole[0])} forgets all but 1/e within ${number(timeConstant)} s ${ringing}.`;
}
