// The pictures of the lesson on two views that are curves, bars and matrices.

import { Bars } from "../canvas/bars.js";
import { Matrix } from "../canvas/matrix.js";
import { Plot } from "../canvas/plot.js";
import { count, number } from "../canvas/words.js";
import { costs, rowKernel } from "../maths/convolution.js";
import { fixed } from "./strips.js";
import { Terms } from "./terms.js";

export const L = 24;
const PACE = 1.6; // tokens a second
const REST = 1.5; // seconds at the end
export const LENGTH = L / PACE + REST;
const GRIP = 3; // the k at which the kernel is held
const TOKENS = Array.from({ length: L }, (_, t) => t);
const COLOURS = { recurrence: "h", "direct convolution": "A", "FFT convolution": "B" };

/** The token that all pictures show: the one pointed at, or the clock's; `along`: how much of its step is done. */
export function now(stage) {
  if (stage.cursor !== null) return { t: Math.min(L - 1, Math.floor(stage.cursor)), along: 1 };
  const at = stage.clock * PACE;
  return at >= L ? { t: L - 1, along: 1 } : { t: Math.floor(at), along: at % 1 };
}

export function inputBars(stage) {
  return new Bars(stage, {
    name: "input",
    title: "Input: paint it",
    symbol: ["x", "x"],
    height: 78,
    control: "x",
    low: -1,
    high: 1,
    ticks: [-1, 0, 1],
  });
}

export function deltaBars(stage) {
  return new Bars(stage, {
    name: "delta",
    title: "How long each token lasts",
    symbol: ["d", "Δ"],
    height: 78,
    low: 0,
    high: 3,
    ticks: [0, 1, 2, 3],
    control: "delta",
    values: () => stage.derived.delta,
    colour: () => (stage.values.selective ? stage.theme.symbol.delta : stage.theme.noise),
    painted: (delta) => stage.set({ delta, selective: true }),
    note: () => (stage.values.selective ? "" : "1 for all; paint here to make it selective"),
  });
}

export function polePlot(stage) {
  const move = (x, y) =>
    stage.set({
      r: Math.min(1.02, Math.max(0.05, Math.round(100 * Math.hypot(x, y)) / 100)),
      theta: Math.round((Math.atan2(Math.abs(y), x) * 180) / Math.PI),
    });
  const place = () => {
    const { r, theta } = stage.derived.pole;
    return [r * Math.cos(theta), r * Math.sin(theta)];
  };
  return new Plot(stage, {
    name: "pole",
    title: "The pole: drag it",
    symbol: ["A", "Ā"],
    height: 236,
    equal: true,
    x: { label: "Re", range: [-1.15, 1.15], ticks: [-1, 0, 1] },
    y: { label: "Im", range: [-1.15, 1.15], ticks: [-1, 0, 1] },
    series: ({ theme }) => {
      const [x, y] = place();
      return [
        {
          name: "its mirror image",
          x: [x],
          y: [-y],
          kind: "dots",
          width: 3,
          colour: theme.symbol.A,
          faint: true,
          quiet: true,
        },
      ];
    },
    backdrop: (g, { x, y, theme }) => {
      g.strokeStyle = theme.faint;
      g.lineWidth = 1;
      g.beginPath();
      g.arc(x(0), y(0), x(1) - x(0), 0, 2 * Math.PI);
      g.stroke();
      const [a, b] = place();
      g.strokeStyle = theme.symbol.A;
      g.globalAlpha = 0.5;
      g.beginPath();
      g.moveTo(x(0), y(0));
      g.lineTo(x(a), y(b));
      g.stroke();
      g.globalAlpha = 1;
    },
    handles: ({ theme }) => {
      const [x, y] = place();
      return [{ x, y, label: "pole", colour: theme.symbol.A, shape: "cross", step: [0.02, 0.02], move }];
    },
    note: ({ values }) => `${fixed(values.r)} ∠${values.theta}°`,
  });
}

export function kernelPlot(stage) {
  const grip = (value) => Math.min(1.02, Math.max(0.05, Math.round(100 * Math.max(0, value) ** (1 / GRIP)) / 100));
  return new Plot(stage, {
    name: "kernel",
    title: "The kernel",
    symbol: ["A", "K"],
    height: 236,
    x: { label: "k tokens ago", range: [-0.5, L - 0.5] },
    y: { label: "weight", range: ({ derived, values }) => (values.selective ? around(derived.M) : [-1.15, 1.15]) },
    series: ({ theme, values, derived }) => {
      const first = {
        name: "K, the same for every output",
        x: TOKENS,
        y: derived.K,
        kind: "stems",
        colour: theme.symbol.A,
      };
      const envelope = {
        name: "r to the k",
        quiet: true,
        x: TOKENS,
        y: TOKENS.map((k) => values.r ** k),
        colour: theme.symbol.A,
        width: 1,
        dash: [3, 3],
      };
      if (!values.selective) return [envelope, first];
      const { t } = now(stage);
      const own = rowKernel(derived.M, L, t);
      return [
        { ...first, name: "K, if Δ were 1", faint: true },
        {
          name: `kernel of output ${t} alone`,
          x: TOKENS.slice(0, t + 1),
          y: own,
          kind: "stems",
          colour: theme.symbol.delta,
        },
      ];
    },
    handles: ({ theme, values }) =>
      values.selective
        ? []
        : [
            {
              x: GRIP,
              y: values.r ** GRIP,
              label: "how slowly it dies out",
              colour: theme.symbol.A,
              step: [0, 0.02],
              move: (_, y) => stage.set({ r: grip(y) }),
            },
          ],
  });
}

/** A range of values that is symmetric around 0. */
function around(values) {
  const most = Math.max(1.15, 1.1 * values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0));
  return [-most, most];
}

export function matrix(stage) {
  return new Matrix(stage, {
    name: "matrix",
    title: "The whole layer: y = M x",
    height: 236,
    cells: "square",
    numbers: false,
    values: ({ derived }) => ({ data: derived.M, rows: L, columns: L }),
    rowLabel: (r) => (r % 4 ? "" : r),
    across: "token s",
    down: "output t",
    hover: (cell) => cell && stage.setCursor(cell[0]),
    mark: ({ theme }) => [{ r: now(stage).t, c: 0, columns: now(stage).t + 1, colour: theme.text }],
    note: ({ values }) => (values.selective ? "no two rows alike" : "one stripe per k"),
    key: (event) => stage.cursorKey(event, L),
  });
}

export function terms(stage) {
  return new Terms(stage, {
    name: "terms",
    title: "One output, term by term",
    symbol: ["y", "y"],
    read: ({ derived, values }) => {
      const { t } = now(stage);
      return { t, K: rowKernel(derived.M, L, t), x: values.x, y: derived.run.y[t] };
    },
    note: () => "point at any output",
  });
}

export function shiftPlot(stage) {
  return new Plot(stage, {
    name: "shift",
    title: "Shift the input: is the output the same, later?",
    height: 216,
    x: { label: "token", range: [-0.5, L - 0.5] },
    y: { label: "output", range: ({ derived }) => [-1.1 * derived.most, 1.1 * derived.most] },
    series: ({ theme, derived, values }) => [
      {
        name: `output, then shifted by ${values.shift}`,
        x: TOKENS,
        y: derived.late.expected,
        kind: "line",
        colour: theme.faint,
        width: 4,
        faint: true,
      },
      {
        name: "output of the shifted input",
        x: TOKENS,
        y: derived.late.got,
        kind: "dots",
        colour: derived.late.error > 1e-9 ? theme.wrong : theme.right,
      },
    ],
    note: ({ derived }) =>
      derived.late.error > 1e-9 ? `no: off by ${number(100 * derived.late.error)} %` : "yes, to the last digit",
  });
}

export function costPlot(stage, what, title) {
  const powers = Array.from({ length: 17 }, (_, i) => i + 4);
  return new Plot(stage, {
    name: what,
    title,
    height: 200,
    x: { label: "tokens L", range: [16, 2 ** 20], log: true },
    y: { range: what === "work" ? [100, 1e12] : [0.7, 3e6], log: true },
    series: ({ theme, values }) =>
      Object.entries(COLOURS).map(([name, symbol]) => ({
        name,
        x: powers.map((p) => 2 ** p),
        y: powers.map((p) => costs(2 ** p, values.states)[name][what]),
        colour: theme.symbol[symbol],
        dash: name === "direct convolution" ? [5, 4] : undefined,
      })),
    handles: ({ theme, values, derived }) => [
      {
        x: 2 ** values.tokens,
        y: derived.cost.recurrence[what],
        label: "tokens",
        colour: theme.symbol.h,
        step: [0.5 * 2 ** values.tokens, 0],
        move: (x) => stage.set({ tokens: Math.min(20, Math.max(4, Math.round(Math.log2(x)))) }),
      },
    ],
    note: ({ derived, values }) =>
      `at ${count(2 ** values.tokens)}: ${Object.keys(COLOURS)
        .map((name) => count(derived.cost[name][what]))
        .join(" · ")}`,
  });
}
