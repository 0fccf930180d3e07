// Theorem 1 of Mamba on the screen: the gate of an RNN, and what a selective SSM with A = -1, B = 1 writes.

import { line } from "../canvas/draw.js";
import { Bars } from "../canvas/bars.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { selectiveStep, sigmoid, softplus } from "../maths/discretise.js";
import { ball } from "./marks.js";
import { colourOf, dashOf, NAMES, SECONDS } from "./stepping.js";

const LIMIT = 6; // of z, as in ssmviz/lessons/discretisation.py
const POINTS = 121;
const Z = Float64Array.from({ length: POINTS }, (_, i) => -LIMIT + (2 * LIMIT * i) / (POINTS - 1));

/** Rules that are compared: the two of the question, and the chosen one. */
const compared = (stage) => [...new Set(["zoh", "released", stage.values.method])];

export function theoremRows(stage) {
  return [{ views: [shares(stage), gateBars(stage)], shares: [1, 1.5] }, [statePlot(stage)]];
}

/** What is written of the input, against z. */
function shares(stage) {
  return new Plot(stage, {
    name: "gate",
    title: "share of x that is written: drag z",
    symbol: ["B", "B"],
    height: 250,
    x: { label: "z = Linear(x)", range: [-LIMIT, LIMIT] },
    y: { label: "written", range: [0, 6.4] },
    series: () => [
      { name: "gate of an RNN: σ(z)", x: Z, y: Z.map(sigmoid), colour: stage.theme.faint, width: 7, faint: true },
      ...compared(stage).map((method) => ({
        name: NAMES[method],
        x: Z,
        y: Z.map((z) => selectiveStep(z, method).write),
        colour: colourOf(stage, method),
        dash: dashOf(method),
      })),
    ],
    handles: () => [
      {
        x: stage.values.z,
        y: selectiveStep(stage.values.z, stage.values.method).write,
        label: "z",
        colour: colourOf(stage, stage.values.method),
        step: [0.1, 0],
        move: (x) => stage.set({ z: Number(x.toFixed(2)) }),
      },
    ],
    over: (g, { box, x, theme }) => {
      g.strokeStyle = theme.faint;
      g.lineWidth = 1;
      g.setLineDash([3, 3]);
      line(g, x(stage.values.z), box.top, x(stage.values.z), box.bottom);
      g.setLineDash([]);
    },
  });
}

function gateBars(stage) {
  return new Bars(stage, {
    name: "gates",
    title: "z of each token: paint it",
    symbol: ["d", "Δ"],
    height: 250,
    control: "gates",
    low: -LIMIT,
    high: LIMIT,
    label: (i) => i,
    note: () => "z above 0 opens the gate",
  });
}

function statePlot(stage) {
  const steps = (y, more) => ({ x: y.map((_, t) => t), y, kind: "steps", ...more });
  return new Plot(stage, {
    name: "gated",
    title: "the state, token by token",
    symbol: ["h", "h"],
    height: 190,
    cursor: { of: (at) => Math.floor(at), at: (token) => token + 0.5 },
    x: { label: "token", range: () => [0, stage.values.gates.length] },
    over: (g, place) => {
      const { gates } = stage.values;
      const t = Math.min(gates.length - 1, Math.floor((stage.clock / SECONDS) * gates.length));
      for (const method of compared(stage))
        ball(g, place, t + 0.5, stage.derived.gates.runs[method][t], colourOf(stage, method), 6);
    },
    series: () => {
      const { x, wanted, runs } = stage.derived.gates;
      return [
        { name: "input x", x: x.map((_, t) => t + 0.5), y: x, kind: "dots", colour: stage.theme.symbol.x },
        steps(wanted, { name: "gated RNN", colour: stage.theme.faint, width: 7, faint: true }),
        ...compared(stage).map((method) =>
          steps(runs[method], {
            name: `selective SSM, ${NAMES[method]}`,
            colour: colourOf(stage, method),
            dash: dashOf(method),
          }),
        ),
      ];
    },
  });
}

export function theoremFacts(stage) {
  const { z, method } = stage.values;
  const { errors } = stage.derived.gates;
  const write = (rule) => selectiveStep(z, rule).write.toFixed(3);
  return [
    ["z", number(z)],
    ["gate σ(z)", sigmoid(z).toFixed(3)],
    ["Δ = softplus(z)", softplus(z).toFixed(3), "delta"],
    ["ZOH writes", write("zoh"), "B"],
    ["released code writes", write("released"), "B"],
    ...(method === "zoh" || method === "released" ? [] : [[`${NAMES[method]} writes`, write(method), "B"]]),
    ["h, ZOH − gate", number(errors.zoh), "h"],
    ["h, released − gate", number(errors.released), "h"],
  ];
}

export function theoremWords(stage) {
  const { errors } = stage.derived.gates;
  const { z } = stage.values;
  return (
    `At z = ${number(z)} the gate is ${sigmoid(z).toFixed(3)}. ZOH writes the same; the released code writes ` +
    `${softplus(z).toFixed(3)}. Over the sequence ZOH differs from the gated RNN by ${number(errors.zoh)}, the released ` +
    `code by ${number(errors.released)}.`
  );
}
