// Where the poles lie, before and after a step rule, and how far from the curve each rule lands.

import { line } from "../canvas/draw.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { ball } from "./marks.js";
import { colourOf, dashOf, METHODS, NAMES, orderWords, others, size, slowest, spiral, tokenAt } from "./stepping.js";

const SMALLEST = 1e-7; // error below which a rule is drawn as exact

/** The unit disc: where each rule puts the poles, and how z^k spirals in, or out. */
export function discPlot(stage) {
  const reach = () =>
    Math.max(1.2, Math.min(4, 1.15 * Math.max(size(stage, "euler"), size(stage, stage.values.method))));
  const marks = (method, more) => {
    const both = stage.derived.mapped[method].flatMap(([re, im]) =>
      im
        ? [
            [re, im],
            [re, -im],
          ]
        : [[re, im]],
    );
    return {
      name: NAMES[method],
      x: both.map(([re]) => re),
      y: both.map(([, im]) => im),
      kind: "dots",
      colour: colourOf(stage, method),
      quiet: true,
      ...more,
    };
  };
  return new Plot(stage, {
    name: "disc",
    title: "the poles, one token later: z",
    symbol: ["A", "Ā"],
    height: 300,
    equal: true,
    x: { label: "Re z", range: () => [-reach(), reach()] },
    y: { label: "Im z", range: () => [-reach(), reach()] },
    backdrop: (g, place) => disc(g, place),
    series: () => [
      ...others(stage).map((m) => marks(m, { width: 2 })),
      marks(stage.values.method, { width: stage.values.system === "pair" ? 4.5 : 2.5 }),
    ],
    front: (g, { x, y, theme }) => {
      const pole = slowest(stage, stage.values.method);
      g.strokeStyle = colourOf(stage, stage.values.method);
      g.globalAlpha = 0.5;
      g.lineWidth = 1.25;
      g.beginPath();
      for (let k = 0; k <= stage.derived.tokens.t.length && k < 200; k += 0.125) {
        const [re, im] = spiral(pole, k);
        if (Math.hypot(re, im) > 20) break;
        g.lineTo(x(re), y(im));
      }
      g.stroke();
      g.globalAlpha = 1;
      g.fillStyle = theme.faint;
    },
    over: (g, place) => {
      const pole = slowest(stage, stage.values.method);
      const [re, im] = spiral(pole, tokenAt(stage));
      ball(g, place, re, im, stage.theme.symbol.h, 6);
    },
    rows: () => [
      ["rule", "Re z", "Im z", "|z|"],
      ...METHODS.flatMap((m) => stage.derived.mapped[m].map(([re, im]) => [NAMES[m], re, im, Math.hypot(re, im)])),
    ],
    describe: () =>
      METHODS.map(
        (m) =>
          `${NAMES[m]}: largest |z| ${number(size(stage, m))}${size(stage, m) > 1 ? ", outside the unit disc" : ""}`,
      ).join("; "),
  });
}

function disc(g, { box, x, y, theme }) {
  g.fillStyle = theme.wrong;
  g.globalAlpha = 0.1;
  g.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  g.globalAlpha = 1;
  g.beginPath();
  g.arc(x(0), y(0), x(1) - x(0), 0, 2 * Math.PI);
  g.fillStyle = theme.background;
  g.fill();
  g.strokeStyle = theme.text;
  g.lineWidth = 1.25;
  g.stroke();
  g.fillStyle = theme.faint;
  g.textAlign = "left";
  g.fillText("outside: grows", box.left + 5, box.bottom - 8);
}

/** The s-plane: where the chosen rule dies out, and the pole to drag. */
export function planePlot(stage) {
  const pair = () => stage.values.system === "pair";
  const far = () => (pair() ? 4 : stage.derived.system.A.length * 1.04);
  const place = (re, im) =>
    stage.set({
      re: Number(Math.max(-4, Math.min(0.5, re)).toFixed(2)),
      im: Number(Math.min(6, Math.abs(im)).toFixed(2)),
    });
  return new Plot(stage, {
    name: "poles",
    title: "drag the poles; shaded: this rule grows",
    symbol: ["A", "A"],
    height: 240,
    equal: true,
    x: { label: "Re λ", range: () => [-far(), 0.15 * far()] },
    y: { label: "Im λ", range: () => (pair() ? [-4, 4] : [-0.3 * far(), 0.3 * far()]) },
    backdrop: (g, spot) => region(g, spot, stage.values),
    series: () =>
      pair()
        ? []
        : [
            {
              name: "",
              quiet: true,
              kind: "dots",
              width: 2,
              colour: stage.theme.symbol.A,
              x: stage.derived.system.A.map(([re]) => re),
              y: stage.derived.system.A.map(() => 0),
            },
          ],
    handles: () =>
      (pair() ? [1, -1] : []).map((way, i) => ({
        x: stage.values.re,
        y: way * stage.values.im,
        label: `pole ${i + 1}`,
        shape: "cross",
        colour: stage.theme.symbol.A,
        step: [0.05, 0.1],
        move: (re, im) => place(re, way * im < 0 ? 0 : im),
      })),
    rows: () => [
      ["pole", "real part (1/s)", "imaginary part (rad/s)"],
      ...stage.derived.system.A.map(([re, im], n) => [n, re, im]),
    ],
    describe: () => {
      const where = pair()
        ? `A pair at ${number(stage.values.re)} ± ${number(stage.values.im)}i`
        : `${stage.derived.system.A.length} real poles from −1 to −${stage.derived.system.A.length}`;
      return `${where}; the chosen rule dies out in ${REGION[stage.values.method] ?? "the left half-plane"}.`;
    },
  });
}

const REGION = { euler: "a disc of radius 1/Δ", backward: "all but a disc on the right" };

/** Shades where |z| > 1: outside a disc (Euler), inside one (backward), or the right half (the others). */
function region(g, { box, x, y, theme }, { method, delta }) {
  g.save();
  g.fillStyle = theme.wrong;
  g.globalAlpha = 0.13;
  g.beginPath();
  const radius = (x(1) - x(0)) / delta;
  if (method === "euler") {
    g.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    g.arc(x(-1 / delta), y(0), radius, 0, 2 * Math.PI);
    g.fill("evenodd");
  } else if (method === "backward") {
    g.arc(x(1 / delta), y(0), radius, 0, 2 * Math.PI);
    g.fill();
  } else g.fillRect(x(0), box.top, box.right - x(0), box.bottom - box.top);
  g.restore();
  g.strokeStyle = theme.faint;
  g.lineWidth = 1;
  line(g, x(0), box.top, x(0), box.bottom);
  line(g, box.left, y(0), box.right, y(0));
}

export function errorPlot(stage) {
  return new Plot(stage, {
    name: "error",
    title: "distance to the curve",
    height: 240,
    x: { label: "Δ (s)", log: true, range: [4 / 512, 0.5], ticks: [0.01, 0.03, 0.1, 0.3], words: String },
    y: { log: true, range: [SMALLEST, 10] },
    series: () => {
      const { delta, of } = stage.derived.errors;
      const held = (values) => values.map((e) => (e < 1e6 ? Math.max(e, SMALLEST * 1.6) : NaN));
      return METHODS.map((m) => ({
        name: NAMES[m],
        quiet: true,
        x: delta,
        y: held(of[m]),
        colour: colourOf(stage, m),
        dash: m === stage.values.method ? undefined : dashOf(m),
        width: m === stage.values.method ? 3.5 : 1.25,
      }));
    },
    front: (g, { box, x, theme }) => {
      g.fillStyle = theme.faint;
      g.textAlign = "left";
      g.fillText("no error at all", box.left + 6, box.bottom - 16);
      g.strokeStyle = theme.symbol.delta;
      g.lineWidth = 1.5;
      line(g, x(stage.values.delta), box.top, x(stage.values.delta), box.bottom);
    },
    rows: () => {
      const { delta, of } = stage.derived.errors;
      const head = ["Δ (s)", ...METHODS.map((m) => NAMES[m])];
      return [head, ...delta.map((d, i) => [d, ...METHODS.map((m) => of[m][i])])];
    },
    describe: () => METHODS.map((m) => `${NAMES[m]}: ${orderWords(stage, m)}`).join("; "),
  });
}
