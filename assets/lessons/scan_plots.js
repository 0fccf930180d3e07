// The scan lesson's curves: what is counted, what breaks, what was measured.

import { el } from "../canvas/dom.js";
import { line } from "../canvas/draw.js";
import { Plot } from "../canvas/plot.js";
import { count, fileName } from "../canvas/words.js";
import { byRunningProducts, costOf, firstNotFinite, loop } from "../maths/scan.js";
import { Times } from "./times.js";
import { Ways } from "./ways.js";

const TRIED = 2048; // steps of the running product
const POINTS = 300; // of a curve
const FLOAT32 = [1.4e-45, 3.4e38];
export const METHODS = { loop: ["loop", "h"], hillis_steele: ["Hillis–Steele", "A"], blelloch: ["Blelloch", "B"] };

export function costPlot(stage, what, title) {
  const powers = Array.from({ length: 20 }, (_, i) => i + 1);
  return new Plot(stage, {
    name: what,
    title,
    height: 190,
    x: { label: "steps L", range: [2, 2 ** 20], log: true },
    y: { range: what === "depth" ? [0.8, 2e6] : [1, 4e7], log: true },
    series: ({ theme }) =>
      Object.entries(METHODS).map(([method, [name, symbol]]) => ({
        name,
        x: powers.map((p) => 2 ** p),
        y: powers.map((p) => costOf(method, 2 ** p)[what]),
        colour: theme.symbol[symbol],
        dash: method === "blelloch" ? [5, 4] : undefined,
      })),
    handles: ({ theme, values, derived }) => [
      {
        x: values.length,
        y: derived.costs.hillis_steele[what],
        label: "steps",
        colour: theme.symbol.A,
        step: [256, 0],
        move: (x) => stage.set({ length: Math.max(256, Math.min(65536, Math.round(x / 256) * 256)) }),
      },
    ],
    note: ({ derived, values }) =>
      `at ${count(values.length)}: ${Object.keys(METHODS)
        .map((name) => count(derived.costs[name][what]))
        .join(" · ")}`,
  });
}

export function products(keep) {
  const [a, b] = [new Float64Array(TRIED).fill(keep), new Float64Array(TRIED).fill(1)];
  const formula = byRunningProducts(a, b);
  const P = new Float64Array(TRIED);
  for (let t = 0, product = 1; t < TRIED; t++) P[t] = product = Math.fround(product * Math.fround(keep));
  return { formula, P, h: loop(a, b), broken: firstNotFinite(formula) };
}

export function productPlot(stage) {
  const shown = ({ derived }) => Math.min(TRIED, Math.max(60, Math.round(1.35 * (derived.products.broken ?? TRIED))));
  return new Plot(stage, {
    name: "products",
    title: "Why not one running product?",
    height: 250,
    x: { label: "step", range: (it) => [0, shown(it)] },
    y: { range: [1e-52, 1e46], log: true, ticks: [1e-40, 1e-20, 1, 1e20, 1e40] },
    backdrop: (g, { box, x, y, theme }) => {
      g.strokeStyle = theme.wrong;
      g.setLineDash([3, 4]);
      for (const limit of FLOAT32) line(g, box.left, y(limit), box.right, y(limit));
      const { broken } = stage.derived.products;
      if (broken !== null) line(g, x(broken), box.top, x(broken), box.bottom);
      g.setLineDash([]);
      g.fillStyle = theme.faint;
      g.textAlign = "left";
      g.fillText("largest float32", box.left + 6, y(FLOAT32[1]) + 9);
      g.fillText("smallest float32", box.left + 6, y(FLOAT32[0]) - 8);
    },
    series: ({ theme, derived }) => {
      const { P, formula, h } = derived.products;
      const every = Math.ceil(shown(stage) / POINTS);
      const t = Array.from({ length: Math.floor(shown(stage) / every) }, (_, i) => i * every);
      const positive = (values) => t.map((i) => (values[i] > 0 && values[i] < Infinity ? values[i] : NaN));
      return [
        { name: "product P of all a", x: t, y: positive(P), colour: theme.symbol.A },
        { name: "h by the loop", x: t, y: positive(h), colour: theme.symbol.h, width: 5, faint: true },
        { name: "h = P Σ b/P", x: t, y: positive(formula), colour: theme.wrong },
      ];
    },
    note: ({ derived }) =>
      derived.products.broken === null
        ? `holds for ${TRIED} steps`
        : `not finite from step ${derived.products.broken} on`,
  });
}

/** What is claimed, and what was measured. */
export function told(stage) {
  return el("div", { style: "display:grid; gap:10px" }, ...stage.extra.said.map((words) => el("p", {}, words)));
}

/** Of the shape whose bytes are counted above. */
export function ways(stage, growth) {
  return new Ways(stage, {
    name: fileName("ways", growth.machine),
    title: `Measured: ${growth.machine}`,
    growth,
    note: () => `${growth.measured}; batch × L × D × N = ${growth.shape.join(" × ")}`,
  });
}

/** How time grows with the length, as measured. */
export function growthPlot(stage, { machine, measured, curves, slopes }) {
  const all = curves.flatMap(({ ms }) => ms);
  return new Plot(stage, {
    name: "growth",
    title: "Twice as long takes how much longer?",
    height: 250,
    x: { label: "tokens L", range: [curves[0].L[0], curves[0].L.at(-1)], log: true, ticks: curves[0].L, words: count },
    y: { label: "ms", range: [Math.min(...all) / 2, Math.max(...all) * 2], log: true },
    series: ({ theme }) =>
      curves.map(({ kind, L, ms }) => ({
        name: `${kind}: slope ${slopes[kind]}`,
        x: L,
        y: ms,
        colour: theme.symbol[{ scan: "h", convolution: "A", attention: "B" }[kind]],
      })),
    note: () => `measured: ${machine}, ${measured}`,
  });
}

export function times(stage, machine) {
  return new Times(stage, {
    name: fileName("times", machine.machine),
    title: `Measured: ${machine.machine}`,
    machine,
    note: () => `${machine.measured}, forward; batch × L × D × N; line: the least possible`,
  });
}
