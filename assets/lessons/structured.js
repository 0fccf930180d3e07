// S4: what eigenvectors make of a kernel, the way around them in four stages, and the diagonal systems that followed.

import { number } from "../canvas/words.js";
import * as s4 from "../maths/s4.js";
import { memo } from "./memo.js";
import { Meter } from "./structured_cost.js";
import { INITS, L, dense, diagonal, fast, gaps, percent, relative, training, warmUp } from "./structured_kernels.js";
import { galleryView, modesView, spectrumView } from "./structured_poles.js";
import { SECONDS, breakdownView, conditionView, kernelView, matrixViews, stageViews } from "./structured_views.js";

const UNMOVED = [];

export function build(stage) {
  derive(stage);
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

/** What follows from the values; most changes leave most of it as it was. */
function derive(stage) {
  const { derived } = stage;
  // a browser compiles what it has run: the first drag need not wait for that
  const idle = window.requestIdleCallback?.(() => warmUp(stage.extra.C));
  stage.aborter.signal.addEventListener("abort", () => window.cancelIdleCallback?.(idle));
  const [split, turn, products, through] = [s4.normalPlusLowRank, s4.diagonalPlusLowRank, dense, fast].map(memo);
  const [fail, compare, sum] = [s4.eigenvectorKernel, gaps, diagonal].map(memo);
  const sums = Object.keys(INITS).map((init) => [init, memo(diagonal)]);
  const read = memo((C, N) => Float64Array.from(C.slice(0, N)));
  stage
    .derive("C", ({ N }) => read(stage.extra.C, N))
    .derive("parts", ({ N }) => split(N))
    .derive("dplr", ({ N }) => turn(N))
    .derive("dense", ({ delta }) => products(derived.parts, derived.C, delta))
    .derive("naive", ({ N, delta, floats }) => fail(N, delta, derived.C, L, floats === "float32"))
    .derive("stages", ({ delta }) => through(derived.dplr, derived.dense.C_tilde, delta))
    .derive("gaps", ({ delta }) => compare(derived.parts, derived.dense, derived.stages, delta))
    .derive("diagonal", ({ N, delta, init, moved }) => sum(init, N, delta, derived.C, moved))
    .derive("gallery", ({ N, delta }) => sums.map(([init, kernel]) => kernel(init, N, delta, derived.C, UNMOVED)));
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
  const right = number(relative(derived.stages.K, derived.dense.K));
  return (
    `With ${values.N} states in ${values.floats}, the kernel through A's eigenvectors is ${how} ` +
    `(off by ${percent(off)}); through normal plus low rank it is right to ${right}.`
  );
}
