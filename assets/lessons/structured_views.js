// The pictures of the lesson on S4: kernels, condition, the three matrices, the four stages.

import { Matrix } from "../canvas/matrix.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { L, STEPS, largest, percent, relative, size } from "./structured_kernels.js";

export const SECONDS = 6; // of the clock for one kernel

const upto = (stage) => Math.min(L - 1, Math.floor((stage.clock / SECONDS) * L));

/** A dot that runs along a curve with the clock. */
export function runner(g, { x, y, theme }, stage, curve, colour) {
  const l = upto(stage);
  if (!Number.isFinite(curve[l])) return;
  g.beginPath();
  g.arc(x(l), y(curve[l]), 4.5, 0, 2 * Math.PI);
  g.fillStyle = colour;
  g.fill();
  g.lineWidth = 1.5;
  g.strokeStyle = theme.background;
  g.stroke();
}

export function kernelView(stage) {
  const wide = () => 1.35 * largest(stage.derived.dense.K);
  return new Plot(stage, {
    name: "kernel",
    title: "one kernel, three ways",
    symbol: ["y", "y"],
    height: 210,
    x: { label: "step l", range: [0, L - 1] },
    y: { range: () => [-wide(), wide()] },
    series: () => {
      const { naive, stages, dense: exact } = stage.derived;
      const { runs, text, symbol } = stage.theme;
      return [
        { name: "matrix products", colour: text, x: STEPS, y: exact.K, width: 5, faint: true },
        { name: "S4's four stages", colour: symbol.A, x: STEPS, y: stages.K, width: 2 },
        { name: "eigenvectors", colour: runs[1], x: STEPS, y: naive, dash: [6, 3], width: 2 },
      ];
    },
    over: (g, place) => {
      const { naive, stages } = stage.derived;
      g.save();
      g.beginPath();
      g.rect(place.box.left, place.box.top, place.box.right - place.box.left, place.box.bottom - place.box.top);
      g.clip();
      runner(g, place, stage, naive, stage.theme.runs[1]);
      runner(g, place, stage, stages.K, stage.theme.symbol.A);
      g.restore();
    },
    note: () => `eigenvectors off by ${percent(relative(stage.derived.naive, stage.derived.dense.K))}`,
    describe: () => stage.scene.say(stage),
  });
}

export function conditionView(stage) {
  return new Plot(stage, {
    name: "condition",
    title: "condition of V",
    symbol: ["A", "A"],
    height: 210,
    x: { label: "N", range: [2, 40] },
    y: { range: [0.3, 1e20], log: true, ticks: [1, 1e4, 1e8, 1e12, 1e16, 1e20] },
    series: () => {
      const { sizes, condition, normal } = stage.extra;
      const { runs, symbol, text } = stage.theme;
      const { N } = stage.values;
      const at = sizes.indexOf(N);
      return [
        { name: "eigenvectors of A", colour: runs[1], x: sizes, y: condition, width: 2.5 },
        { name: "of its normal part", colour: symbol.A, x: sizes, y: normal, width: 2.5 },
        at >= 0 && {
          name: "N now",
          kind: "dots",
          quiet: true,
          colour: runs[1],
          x: [N],
          y: [condition[at]],
          width: 3.5,
        },
        at >= 0 && { name: "N now", kind: "dots", quiet: true, colour: symbol.A, x: [N], y: [normal[at]], width: 3.5 },
        { name: "", x: [2, 40], y: [1.7e7, 1.7e7], colour: text, dash: [2, 4], width: 1 },
        { name: "", x: [2, 40], y: [9e15, 9e15], colour: text, dash: [2, 4], width: 1 },
      ];
    },
    front: (g, { x, y, theme }) => {
      g.fillStyle = theme.faint;
      g.textAlign = "left";
      g.fillText("float64 has no digit left", x(2.5), y(9e15) - 8);
      g.textAlign = "right";
      g.fillText("float32 has no digit left", x(39.5), y(1.7e7) - 8);
    },
    note: () => {
      const at = stage.extra.sizes.indexOf(stage.values.N);
      return at < 0 ? "" : `N = ${stage.values.N}: ${number(stage.extra.condition[at])}`;
    },
  });
}

export function matrixViews(stage) {
  const most = () => Math.max(...stage.derived.parts.A.map((row) => largest(row)));
  const view = (name, title, symbol, values, note) =>
    new Matrix(stage, {
      name,
      title,
      symbol: ["A", symbol],
      height: 180,
      cells: "square",
      most,
      values,
      note,
      rowLabel: String,
      columnLabel: String,
    });
  const P = () => stage.derived.parts.P;
  return [
    view(
      "matrix",
      "HiPPO-LegS",
      "A",
      () => stage.derived.parts.A,
      () => "= S − PPᵀ",
    ),
    view(
      "normal",
      "the normal part: easy to diagonalise",
      "S",
      () => stage.derived.parts.normal,
      () => "",
    ),
    view(
      "rank",
      "a column times a row",
      "PPᵀ ",
      () => Array.from(P(), (p) => P().map((q) => p * q)),
      () => "",
    ),
  ];
}

export function stageViews(stage) {
  const view = (name, title, given, note) =>
    new Plot(stage, {
      name,
      title,
      height: 150,
      x: { range: [0, L - 1], ticks: [0, 64, 128, 192, 255] },
      series: given,
      over: (g, place) => runner(g, place, stage, given()[0].y, given()[0].colour),
      note,
    });
  const colours = () => ({ done: stage.theme.symbol.A, exact: stage.theme.text, h: stage.theme.symbol.h });
  const off = (value) => `off by ${number(value)}`;
  const at = () => ` at ${stage.derived.gaps.count === 1 ? "one root" : `${stage.derived.gaps.count} roots`}`;
  return [
    view(
      "generating",
      "1 inverses",
      () => [
        { name: "sum of Kₗ zˡ", colour: colours().h, x: STEPS, y: size(stage.derived.dense.K_hat) },
        {
          name: "C̃(1−zĀ)⁻¹B̄",
          colour: colours().exact,
          kind: "dots",
          x: stage.derived.gaps.first.roots,
          y: stage.derived.gaps.first.size,
        },
      ],
      () => `${off(stage.derived.gaps.one)}${at()}`,
    ),
    view(
      "cauchy",
      "2 Cauchy sums",
      () => [
        { name: "normal part", colour: colours().h, x: STEPS, y: size(stage.derived.stages.k00, 2) },
        {
          name: "dense",
          colour: colours().exact,
          kind: "dots",
          x: stage.derived.gaps.second.roots,
          y: stage.derived.gaps.second.size,
        },
      ],
      () => `${off(stage.derived.gaps.two)}${at()}`,
    ),
    view(
      "woodbury",
      "3 Woodbury",
      () => [
        { name: "whole", colour: colours().h, x: STEPS, y: size(stage.derived.stages.K_hat) },
        { name: "dense", colour: colours().exact, x: STEPS, y: size(stage.derived.dense.K_hat), dash: [2, 4] },
        {
          name: "removed",
          colour: stage.theme.runs[1],
          x: STEPS,
          y: size(stage.derived.stages.correction, 2),
          width: 1.5,
        },
      ],
      () => off(stage.derived.gaps.three),
    ),
    view(
      "inverse",
      "4 inverse FFT",
      () => [
        { name: "kernel", colour: colours().done, x: STEPS, y: stage.derived.stages.K },
        { name: "dense", colour: colours().exact, x: STEPS, y: stage.derived.dense.K, dash: [2, 4] },
      ],
      () => off(stage.derived.gaps.four),
    ),
  ];
}

export function breakdownView(stage) {
  return new Plot(stage, {
    name: "breakdown",
    title: "error of the kernel",
    height: 190,
    x: { label: "N", range: [2, 40] },
    y: { label: "relative error", range: [1e-16, 1e4], log: true, ticks: [1e-16, 1e-12, 1e-8, 1e-4, 1, 1e4] },
    series: () => {
      const { extra, theme, values } = stage;
      const line = (name, key, colour, dash) => ({
        name,
        colour,
        dash,
        x: extra.sizes,
        y: extra[key].map((v) => v ?? Infinity),
      });
      const at = relative(stage.derived.naive, stage.derived.dense.K);
      return [
        line("eigenvectors, float32", "eigenvectors_float32", theme.runs[1]),
        line("eigenvectors, float64", "eigenvectors_float64", theme.runs[1], [5, 3]),
        line("S4, float32", "s4_float32", theme.symbol.A),
        line("S4, float64", "s4_float64", theme.symbol.A, [5, 3]),
        {
          name: "now",
          quiet: true,
          kind: "dots",
          colour: theme.runs[1],
          x: [values.N],
          y: [Math.max(1e-16, at)],
          width: 3.5,
        },
      ];
    },
  });
}
