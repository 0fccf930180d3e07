// Recurrent = convolutional: the same layer marches and slides, until it becomes selective.

import { count, number } from "../canvas/words.js";
import {
  costs,
  decays,
  kernel,
  kernelsNeeded,
  largestDifference,
  late,
  march,
  operatorMatrix,
  slide,
} from "../maths/convolution.js";
import { March } from "./march.js";
import { only } from "./needs.js";
import { Slide } from "./slide.js";
import { fixed, indexed } from "./strips.js";
import {
  costPlot,
  deltaBars,
  inputBars,
  kernelPlot,
  L,
  LENGTH,
  matrix,
  now,
  polePlot,
  shiftPlot,
  terms,
} from "./two_views_plots.js";

export function build(stage) {
  stage
    .derive("pole", ({ r, theta }) => ({ r, theta: (theta * Math.PI) / 180 }))
    .derive("delta", ({ selective, delta }) => (selective ? Float64Array.from(delta) : new Float64Array(L).fill(1)))
    .derive("A", (_, { derived }) => decays(derived.pole, derived.delta))
    .derive("run", ({ x }, { derived }) => march(derived.pole, derived.delta, x))
    .derive("K", (_, { derived }) => kernel(derived.pole, L))
    .derive("slid", ({ x }, { derived }) => slide(derived.K, x))
    .derive("apart", (_, { derived }) => largestDifference(derived.run.y, derived.slid))
    .derive("M", (_, { derived }) => operatorMatrix(derived.pole, derived.delta))
    .derive("kernels", (_, { derived }) => kernelsNeeded(derived.M, L))
    .derive("most", (_, { derived }) => {
      const { y, re, im } = derived.run;
      return Math.max(0.5, ...y.map((_, t) => Math.hypot(re[t], im[t])), ...derived.slid.map(Math.abs));
    })
    .derive("late", shiftTest)
    .derive("cost", ({ tokens, states }) => costs(2 ** tokens, states));
  followClock(stage);

  return {
    rows: [
      [quiet(inputBars(stage)), quiet(deltaBars(stage))],
      [marching(stage), sliding(stage)],
      { views: [quiet(polePlot(stage)), byToken(kernelPlot(stage)), byToken(matrix(stage))], shares: [1, 1.25, 1.05] },
      [byToken(terms(stage)), quiet(shiftPlot(stage))],
      [
        quiet(costPlot(stage, "work", "Multiplications")),
        quiet(costPlot(stage, "depth", "Steps that wait for one another")),
      ],
    ],
    animate: { length: LENGTH, loop: true },
    before: (_, changes) => standOrGo(stage, changes),
    readouts: () => readouts(stage),
    say: () => sentence(stage),
  };
}

/** Pointing at a token holds it; where the pointer goes elsewhere, the clock shows again. */
function followClock(stage) {
  const release = (event) => {
    if (event.pointerType !== "mouse" || stage.cursor === null || !stage.playing) return;
    if (event.type === "pointerleave" || event.target.tagName !== "CANVAS") stage.setCursor(null);
  };
  stage.element.addEventListener("pointermove", release);
  stage.element.addEventListener("pointerleave", release);
}

/** Pressing Play lets go of the token that was pointed at. Another token is a change of its own. */
function standOrGo(stage, changes) {
  if (stage.playing && !stage.wasPlaying) stage.cursor = null;
  stage.wasPlaying = stage.playing;
  const { t } = now(stage);
  if (t !== stage.shown) changes.add("token");
  stage.shown = t;
}

/** Not the clock's. */
function quiet(view) {
  return only(view, "values", "cursor");
}

/** Drawn anew for another token. */
function byToken(view) {
  return only(view, "values", "cursor", "token");
}

function marching(stage) {
  return new March(stage, {
    name: "march",
    title: "March: a state steps through the tokens",
    symbol: ["h", "h"],
    now: () => now(stage),
    run: () => stage.derived.run,
    data: () => ({
      ...stage.derived,
      x: stage.values.x,
      A: stage.derived.A,
      delta: stage.derived.delta,
      pole: stage.derived.pole,
      most: stage.derived.most,
    }),
  });
}

function sliding(stage) {
  return new Slide(stage, {
    name: "slide",
    title: "Slide: one kernel over the input",
    symbol: ["A", "K"],
    now: () => now(stage),
    data: () => {
      const { K, slid, most, kernels, apart } = stage.derived;
      return { x: stage.values.x, K, y: slid, most, kernels, apart, selective: stage.values.selective };
    },
    note: () =>
      stage.values.selective ? "not any more" : `largest difference from the march: ${number(stage.derived.apart)}`,
  });
}

/** The input comes later: does the same output come later? */
function shiftTest({ x, shift, follow, selective }, { derived }) {
  const delta = follow && selective ? late(derived.delta, shift, 1) : derived.delta;
  const expected = late(derived.run.y, shift);
  const got = march(derived.pole, delta, late(x, shift)).y;
  const size = derived.run.y.reduce((most, y) => Math.max(most, Math.abs(y)), 0) || 1;
  return { expected, got, error: largestDifference(expected, got) / size };
}

function readouts(stage) {
  const { derived, values } = stage;
  const { t } = now(stage);
  return [
    ["largest difference of march and slide", number(derived.apart)],
    ["kernels that the outputs need", `${derived.kernels} for ${L}`, "A"],
    [`output ${t}`, `${indexed("y", t)} = ${fixed(derived.run.y[t])}`, "y"],
    [
      "shifted input, shifted output",
      derived.late.error > 1e-9 ? `off by ${number(100 * derived.late.error)} %` : "the same",
    ],
    [
      `multiplications at L = ${count(2 ** values.tokens)}`,
      `FFT ${number(derived.cost["FFT convolution"].work / derived.cost.recurrence.work)} × the march's`,
    ],
  ];
}

function sentence(stage) {
  const { derived, values } = stage;
  if (!values.selective)
    return `March and slide give the same output (largest difference ${number(derived.apart)}): a layer that does not change has one kernel.`;
  if (derived.kernels === 1) return "Every Δ is the same, so nothing is selected: there is still one kernel.";
  return `Every token brings its own Δ: ${derived.kernels} kernels for ${L} outputs, so no single kernel slides; the march goes on as before.`;
}
