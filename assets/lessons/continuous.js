// Lesson 1: poles that can be dragged, a push that can be drawn, and the state that remembers it.

import { line } from "../canvas/draw.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { mode } from "../maths/continuous.js";
import { Flow } from "./flow.js";
import { ball } from "./marks.js";
import { outputPlot, pushPlot } from "./push.js";
import { Spring } from "./spring.js";
import { allowed, derive, DT, indexOf, move, nowOf, SECONDS, slowest, symmetric } from "./swing.js";

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
    rows: () => [
      ["pole", "real part (1/s)", "imaginary part (rad/s)"],
      ...stage.derived.poles.map(([re, im], i) => [i + 1, re, im]),
    ],
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
    x: {
      label: "position (m)",
      range: () => symmetric(Math.max(stage.derived.run.most.q, stage.derived.other?.most.q ?? 0)),
    },
    y: {
      label: "speed (m/s)",
      range: () => symmetric(Math.max(stage.derived.run.most.speed, stage.derived.other?.most.speed ?? 0)),
    },
    series: () => [
      path(stage.derived.run, { name: stage.derived.other ? "this past" : "", colour: stage.theme.symbol.h }),
      stage.derived.other &&
        path(stage.derived.other, { name: "another", colour: stage.theme.runs[1], dash: [5, 4], width: 1.5 }),
    ],
    front: (g, place) => origin(g, place),
    over: (g, place) => {
      const { run: got, other } = stage.derived;
      const i = indexOf(stage);
      if (other) ball(g, place, other.q[i], other.speed[i], stage.theme.runs[1], 6);
      ball(g, place, got.q[i], got.speed[i], stage.theme.symbol.h, 6);
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
    rows: () => [
      ["time (s)", "position (m)"],
      ...Array.from(stage.derived.run.t, (t, i) => [t, stage.derived.run.q[i]]),
    ],
  });
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
  const words = poles[0][1]
    ? `${number(pole[0])} ± ${number(Math.abs(pole[1]))}i`
    : poles.map(([re]) => number(re)).join(", ");
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

const place = (value) =>
  Math.abs(value) >= 100 ? number(value) : value.toFixed(2).replace("-", "−").replace("−0.00", "0.00");

function say(stage) {
  const { run: got, other } = stage.derived;
  if (other) {
    const K = Math.round(stage.values.now / DT);
    let apart = 0;
    for (let i = K; i < got.y.length; i++) apart = Math.max(apart, Math.abs(got.y[i] - other.y[i]));
    const when = `${number(stage.values.now)} s`;
    return `Two pasts, one state at ${when}: from there on the outputs differ by at most ${number(apart)}. The state is all you need.`;
  }
  const pole = slowest(stage);
  const { timeConstant, frequency } = mode(pole);
  const ringing = frequency ? `and rings every ${number(1 / frequency)} s` : "and does not ring";
  if (pole[0] > 0.0005)
    return `A pole lies right of the axis: what enters grows by a factor of ${number(Math.exp(pole[0]))} a second.`;
  if (!Number.isFinite(timeConstant) || pole[0] > -0.0005)
    return `The pole lies on the axis: the state forgets nothing ${ringing}.`;
  return `A pole at ${number(pole[0])} forgets all but 1/e within ${number(timeConstant)} s ${ringing}.`;
}
