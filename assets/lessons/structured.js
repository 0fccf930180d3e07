// S4: what eigenvectors make of a kernel, the way around them in four stages, and the diagonal systems that followed.

import { number } from "../canvas/words.js";
import * as s4 from "../maths/s4.js";
import { Meter } from "./structured_cost.js";
import { INITS, L, dense, diagonal, fast, gaps, percent, relative, training } from "./structured_kernels.js";
import { galleryView, modesView, spectrumView } from "./structured_poles.js";
import { SECONDS, breakdownView, conditionView, kernelView, matrixViews, stageViews } from "./structured_views.js";

export function build(stage) {
  stage
    .derive("C", ({ N }) => Float64Array.from(stage.extra.C.slice(0, N)))
    .derive("parts", ({ N }) => s4.normalPlusLowRank(N))
    .derive("dplr", ({ N }) => s4.diagonalPlusLowRank(N))
    .derive("dense", ({ delta }) => dense(stage.derived, delta))
    .derive("naive", ({ N, delta, floats }) => s4.eigenvectorKernel(N, delta, stage.derived.C, L, floats === "float32"))
    .derive("stages", ({ delta }) => fast(stage.derived, delta))
    .derive("gaps", ({ delta }) => gaps(stage.derived, delta))
    .derive("diagonal", (values) => diagonal(values, values.init, stage.derived.C, values.moved))
    .derive("gallery", (values) => Object.keys(INITS).map((init) => diagonal(values, init, stage.derived.C)));
  const meter = new Meter(stage);
  return {
    rows: [
      { views: [kernelView(stage), conditionView(stage)], shares: [3, 2] },
      matrixViews(stage),
      stageViews(stage),
      [breakdownView(stage), meter.view],
      { views: [spectrumView(stage), modesView(stage)], shares: [2, 3] },
      Object.keys(INITS).map((init, i) => galleryView(stage, init, i)),
    ],
    animate: { length: SECONDS, loop: true },
    readouts: () => readouts(stage),
    say: () => say(stage),
  };
}

function readouts(stage) {
  const { values, derived, extra } = stage;
  const at = extra.sizes.indexOf(values.N);
  const { K } = derived.dense;
  const facts = [
    ["cond(V) of A", at < 0 ? "beyond 1e18" : number(extra.condition[at]), "A"],
    ["of its normal part", at < 0 ? "1.00" : extra.normal[at].toFixed(2), "A"],
    [`eigenvectors, ${values.floats}: off by`, percent(relative(derived.naive, K))],
    ["S4's stages, float64: off by", number(relative(derived.stages.K, K))],
    ["slowest wave halves in", halves(derived.diagonal.poles, values.delta), "delta"],
  ];
  const learned = training(stage);
  if (learned) facts.push(["a delay, after training: off by", learned.error.toFixed(2)]);
  return facts;
}

function halves({ re }, delta) {
  const slowest = Math.max(...re);
  if (slowest >= 0) return "never";
  return `${number(Math.log(2) / -slowest / delta)} steps`;
}

function say(stage) {
  const { values, derived } = stage;
  const off = relative(derived.naive, derived.dense.K);
  const how = off < 1e-3 ? "still good" : off < 0.1 ? "visibly off" : off < 1 ? "wrong" : "useless";
  return `With ${values.N} states in ${values.floats}, the kernel through A's eigenvectors is ${how} (off by ${percent(off)}); through normal plus low rank it is right to ${number(relative(derived.stages.K, derived.dense.K))}.`;
}
