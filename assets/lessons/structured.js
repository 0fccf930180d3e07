// S4: what eigenvectors make of a kernel, the way around them in four stages, and the diagonal systems that followed.

import { button } from "../canvas/dom.js";
import { Matrix } from "../canvas/matrix.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import * as s4 from "../maths/s4.js";

const L = 256; // as in ssmviz/lessons/structured.py
const MOVABLE = 32;
const SECONDS = 6; // of the clock for one kernel
const INITS = { lin: "Lin", inv: "Inv", legs: "LegS", real: "Real (Mamba's)" };
const STEPS = Float64Array.from({ length: L }, (_, l) => l);
const LENGTHS = [64, 128, 256, 512, 1024, 2048, 4096];
const CHECKED = 2 ** 15; // dense eliminations per redraw are kept to this many multiplications

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

// -- what is computed -------------------------------------------------------------------------------------------------

function dense({ parts, C }, delta) {
  const { A_bar, B_bar } = s4.bilinear(parts.A, parts.B, delta);
  const { K, rest } = s4.denseKernel(A_bar, B_bar, C, L);
  return { A_bar, B_bar, K, C_tilde: C.map((c, n) => c - rest[n]), K_hat: s4.generatingFunction(K) };
}

const fast = ({ dplr, dense: { C_tilde } }, delta) => s4.stages(dplr, s4.outputInModes(dplr, C_tilde), delta, L);

/** Largest difference of each stage from dense matrices; the first two at some of the roots. */
function gaps({ parts, dense: exact, stages: done }, delta) {
  const N = parts.B.length;
  const count = Math.max(2, Math.min(16, Math.floor(CHECKED / N ** 3)));
  const [first, second] = [{ roots: [], size: [] }, { roots: [], size: [] }];
  let [one, two] = [0, 0];
  const eye = (i, j) => (i === j ? 1 : 0);
  const turned = exact.A_bar.map((row) => row.map((a) => -a));
  const identity = exact.A_bar.map((row, i) => row.map((_, j) => eye(i, j)));
  const [M0, M1] = [1, -1].map((sign) => parts.normal.map((row, i) => row.map((a, j) => (sign * 2 * eye(i, j)) / delta - a)));
  for (let i = 0; i < count; i++) {
    const k = Math.floor((i * L) / count);
    const z = [done.z.re[k], done.z.im[k]];
    const inverse = s4.denseResolvent(identity, turned, exact.C_tilde, exact.B_bar, z);
    const normal = s4.denseResolvent(M0, M1, exact.C_tilde, parts.B, z);
    one = Math.max(one, Math.hypot(inverse[0] - exact.K_hat.re[k], inverse[1] - exact.K_hat.im[k]));
    two = Math.max(two, Math.hypot(normal[0] - done.k00.re[k], normal[1] - done.k00.im[k]));
    first.roots.push(k);
    first.size.push(Math.hypot(...inverse));
    second.roots.push(k);
    second.size.push(2 * Math.hypot(...normal));
  }
  return { one, two, three: farthest(done.K_hat, exact.K_hat), four: apart(done.K, exact.K), first, second, count };
}

function farthest(a, b) {
  let most = 0;
  for (let k = 0; k < a.re.length; k++) most = Math.max(most, Math.hypot(a.re[k] - b.re[k], a.im[k] - b.im[k]));
  return most;
}

const apart = (a, b) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);
const largest = (a) => a.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
const size = ({ re, im }, times = 1) => re.map((a, k) => times * Math.hypot(a, im[k]));
const relative = (K, truth) => {
  const off = apart(K, truth) / largest(truth);
  return Number.isFinite(off) ? off : Infinity;
};

/** A diagonal system from a start, its poles moved where asked; N real numbers are N/2 pairs, or N real poles. */
function diagonal({ N, delta }, init, C, moved = []) {
  const n = init === "real" ? N : N / 2;
  const poles = s4.initialPoles(init, n);
  for (let k = 0; k < Math.min(n, moved.length / 2); k++) {
    poles.re[k] += moved[2 * k];
    poles.im[k] += moved[2 * k + 1];
  }
  const B = init === "legs" ? s4.diagonalPlusLowRank(N).B.subarray(n).map((b) => b / 2) : new Float64Array(n).fill(1);
  return { poles, ...s4.diagonalKernel(poles, B, C, delta, L, { conjugates: init !== "real" }) };
}

// -- the kernel, and the condition of V -------------------------------------------------------------------------------

const upto = (stage) => Math.min(L - 1, Math.floor((stage.clock / SECONDS) * L));

/** A dot that runs along a curve with the clock. */
function runner(g, { x, y, theme }, stage, curve, colour) {
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

function kernelView(stage) {
  const wide = () => 1.35 * largest(stage.derived.dense.K);
  return new Plot(stage, {
    name: "kernel",
    title: "one kernel, computed in three ways",
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
    describe: () => say(stage),
  });
}

function conditionView(stage) {
  return new Plot(stage, {
    name: "condition",
    title: "condition of V",
    symbol: ["A", "A"],
    height: 210,
    x: { label: "N", range: [2, 40] },
    y: { range: [0.3, 1e20], log: true, ticks: [1, 1e4, 1e8, 1e12, 1e16, 1e20] },
    series: () => {
      const { sizes, condition } = stage.extra;
      const { runs, symbol, text } = stage.theme;
      const { N } = stage.values;
      const at = sizes.indexOf(N);
      return [
        { name: "eigenvectors of A", colour: runs[1], x: sizes, y: condition, width: 2.5 },
        { name: "of its normal part", colour: symbol.A, x: sizes, y: sizes.map(() => 1), width: 2.5 },
        at >= 0 && { name: "N now", kind: "dots", quiet: true, colour: runs[1], x: [N], y: [condition[at]], width: 3.5 },
        { name: "N now", kind: "dots", quiet: true, colour: symbol.A, x: [N], y: [N <= 40 ? 1 : NaN], width: 3.5 },
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

// -- normal plus low rank ---------------------------------------------------------------------------------------------

function matrixViews(stage) {
  const most = () => Math.max(...stage.derived.parts.A.map((row) => largest(row)));
  const view = (name, title, symbol, values, note) =>
    new Matrix(stage, { name, title, symbol: ["A", symbol], height: 180, cells: "square", most, values, note, rowLabel: String, columnLabel: String });
  const P = () => stage.derived.parts.P;
  return [
    view("matrix", "HiPPO-LegS", "A", () => stage.derived.parts.A, () => "= S − PPᵀ"),
    view("normal", "the normal part: easy to diagonalise", "S", () => stage.derived.parts.normal, () => ""),
    view("rank", "a column times a row", "PPᵀ", () => Array.from(P(), (p) => P().map((q) => p * q)), () => ""),
  ];
}

// -- the four stages --------------------------------------------------------------------------------------------------

function stageViews(stage) {
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
  return [
    view(
      "generating",
      "1 all at once: one inverse per root",
      () => [
        { name: "sum of Kₗ zˡ", colour: colours().h, x: STEPS, y: size(stage.derived.dense.K_hat) },
        { name: "C̃(1−zĀ)⁻¹B̄", colour: colours().exact, kind: "dots", x: stage.derived.gaps.first.roots, y: stage.derived.gaps.first.size },
      ],
      () => off(stage.derived.gaps.one),
    ),
    view(
      "cauchy",
      "2 no matrix: Cauchy sums",
      () => [
        { name: "normal part alone", colour: colours().h, x: STEPS, y: size(stage.derived.stages.k00, 2) },
        { name: "dense", colour: colours().exact, kind: "dots", x: stage.derived.gaps.second.roots, y: stage.derived.gaps.second.size },
      ],
      () => off(stage.derived.gaps.two),
    ),
    view(
      "woodbury",
      "3 minus the low rank: Woodbury",
      () => [
        { name: "corrected", colour: colours().h, x: STEPS, y: size(stage.derived.stages.K_hat) },
        { name: "dense", colour: colours().exact, x: STEPS, y: size(stage.derived.dense.K_hat), dash: [2, 4] },
        { name: "taken away", colour: stage.theme.runs[1], x: STEPS, y: size(stage.derived.stages.correction, 2), width: 1.5 },
      ],
      () => off(stage.derived.gaps.three),
    ),
    view(
      "inverse",
      "4 back to time: inverse FFT",
      () => [
        { name: "kernel", colour: colours().done, x: STEPS, y: stage.derived.stages.K },
        { name: "dense", colour: colours().exact, x: STEPS, y: stage.derived.dense.K, dash: [2, 4] },
      ],
      () => off(stage.derived.gaps.four),
    ),
  ];
}

// -- errors over N, and cost ------------------------------------------------------------------------------------------

function breakdownView(stage) {
  return new Plot(stage, {
    name: "breakdown",
    title: "error of the kernel",
    height: 190,
    x: { label: "N", range: [2, 40] },
    y: { label: "relative error", range: [1e-16, 1e4], log: true, ticks: [1e-16, 1e-12, 1e-8, 1e-4, 1, 1e4] },
    series: () => {
      const { extra, theme, values } = stage;
      const line = (name, key, colour, dash) => ({ name, colour, dash, x: extra.sizes, y: extra[key].map((v) => v ?? Infinity) });
      const at = relative(stage.derived.naive, stage.derived.dense.K);
      return [
        line("eigenvectors, float32", "eigenvectors_float32", theme.runs[1]),
        line("eigenvectors, float64", "eigenvectors_float64", theme.runs[1], [5, 3]),
        line("S4, float32", "s4_float32", theme.symbol.A),
        line("S4, float64", "s4_float64", theme.symbol.A, [5, 3]),
        { name: "now", quiet: true, kind: "dots", colour: theme.runs[1], x: [values.N], y: [Math.max(1e-16, at)], width: 3.5 },
      ];
    },
  });
}

/** Counted multiplications as lines; what this browser took as dots, once it is asked. */
class Meter {
  constructor(stage) {
    this.stage = stage;
    this.dots = [];
    const measure = button("play", "Measure here", () => this.start(), { "data-action": "measure" });
    this.view = new Plot(stage, {
      name: "cost",
      title: "cost of one kernel",
      height: 190,
      x: { label: "length L", range: [64, 4096], log: true, ticks: LENGTHS, words: String },
      y: { label: "ms, at 1 ns a multiplication", range: [0.003, 4e3], log: true, ticks: [0.01, 1, 100] },
      series: () => this.series(),
      note: () => this.words(),
    });
    this.view.caption.insertBefore(measure, this.view.caption.lastChild);
  }

  series() {
    const { theme, values } = this.stage;
    const counted = LENGTHS.map((length) => s4.cost(values.N, length));
    const line = (name, way, colour, dash) => ({ name, colour, dash, x: LENGTHS, y: counted.map((c) => c[way] / 1e6) });
    const dots = (way, colour) => {
      const mine = this.dots.filter((dot) => dot.way === way && dot.N === values.N);
      return { name: `measured: ${way}`, quiet: true, kind: "dots", colour, x: mine.map(({ length }) => length), y: mine.map(({ ms }) => ms), width: 3 };
    };
    return [
      line("an inverse at each root", "inverses", theme.runs[1]),
      line("powers of Ā", "powers", theme.text, [2, 4]),
      line("S4's stages", "stages", theme.symbol.A),
      dots("inverses", theme.runs[1]),
      dots("stages", theme.symbol.A),
    ];
  }

  words() {
    const here = this.dots.filter(({ N }) => N === this.stage.values.N);
    const at = (way) => here.find((dot) => dot.way === way && dot.length === 256)?.ms;
    if (at("inverses") === undefined || at("stages") === undefined) return "lines: counted";
    return `dots: this browser; at L = 256: ${number(at("inverses"))} ms and ${number(at("stages"))} ms`;
  }

  /** One measurement after the other, a moment apart, so that the page stays alive. */
  start() {
    if (this.busy) return;
    this.busy = true;
    const { N, delta } = this.stage.values;
    const { derived } = this.stage;
    const jobs = [64, 128, 256].flatMap((length) => [["inverses", length], ["stages", length]]);
    for (const length of LENGTHS.slice(3)) jobs.push(["stages", length]);
    this.dots = this.dots.filter((dot) => dot.N !== N);
    const next = () => {
      const [way, length] = jobs.shift();
      this.dots.push({ way, length, N, ms: fastest(() => WAYS[way](derived, delta, length), way === "stages" ? 5 : 1) });
      this.stage.touch("values");
      if (jobs.length) setTimeout(next, 15);
      else this.busy = false;
    };
    next();
  }
}

const WAYS = {
  inverses: ({ parts, dense: exact }, delta, length) => {
    const z = s4.rootsOfUnity(length);
    const turned = exact.A_bar.map((row) => row.map((a) => -a));
    const identity = turned.map((row, i) => row.map((_, j) => (i === j ? 1 : 0)));
    for (let k = 0; k < length; k++) s4.denseResolvent(identity, turned, exact.C_tilde, parts.B, [z.re[k], z.im[k]]);
  },
  stages: ({ dplr, dense: exact }, delta, length) => s4.stages(dplr, s4.outputInModes(dplr, exact.C_tilde), delta, length),
};

function fastest(work, times) {
  let best = Infinity;
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    work();
    best = Math.min(best, performance.now() - began);
  }
  return Math.max(best, 0.005); // what the clock of a browser can tell
}

// -- the diagonal systems ---------------------------------------------------------------------------------------------

function spectrumView(stage) {
  const poles = () => stage.derived.diagonal.poles;
  const top = () => Math.max(10, ...s4.initialPoles(stage.values.init, count(stage)).im.map(Math.abs));
  return new Plot(stage, {
    name: "spectrum",
    title: "poles of the diagonal system",
    symbol: ["A", "A"],
    height: 230,
    x: { label: "Re λ: forgetting", range: () => (stage.values.init === "real" ? [-1.08 * stage.values.N - 1, 1] : [-4, 1]) },
    y: { label: "Im λ: ringing", range: () => [-0.08 * top(), 1.12 * top()] },
    backdrop: (g, { box, x, theme }) => {
      g.fillStyle = theme.runs[1];
      g.globalAlpha = 0.08;
      g.fillRect(x(0), box.top, box.right - x(0), box.bottom - box.top);
      g.globalAlpha = 1;
    },
    series: () => {
      const { theme, extra, values } = stage;
      const start = s4.initialPoles(values.init, count(stage));
      const learned = values.trained && extra.learned?.init === values.init ? extra.learned : null;
      return [
        { name: "start", kind: "dots", colour: theme.text, faint: true, x: start.re, y: start.im, width: 1.6 },
        learned && { name: "after training", kind: "dots", colour: theme.runs[1], x: learned.re, y: learned.im, width: 2.5 },
        { name: "now", quiet: true, kind: "dots", colour: theme.symbol.A, x: poles().re, y: poles().im, width: 2 },
      ];
    },
    handles: () =>
      Array.from({ length: Math.min(MOVABLE, count(stage)) }, (_, n) => ({
        x: poles().re[n],
        y: poles().im[n],
        label: `pole ${n}`,
        shape: "cross",
        colour: stage.theme.symbol.A,
        step: [0.05, top() / 100],
        move: (x, y) => move(stage, n, x, y),
      })),
    note: () => (stage.values.init === "real" ? "drag one; all are real" : "drag one; conjugates below are not drawn"),
    rows: () => [["pole", "Re", "Im"], ...Array.from(poles().re, (re, n) => [n, re, poles().im[n]])],
  });
}

const count = ({ values }) => (values.init === "real" ? values.N : values.N / 2);

function move(stage, n, x, y) {
  const { init, moved: before } = stage.values;
  const start = s4.initialPoles(init, count(stage));
  const moved = [...before];
  moved[2 * n] = Math.round(100 * (x - start.re[n])) / 100;
  moved[2 * n + 1] = init === "real" ? 0 : Math.round(100 * (y - start.im[n])) / 100;
  stage.set({ moved });
}

function modesView(stage) {
  return new Plot(stage, {
    name: "modes",
    title: "its kernel: one decaying wave per pole, summed",
    symbol: ["y", "y"],
    height: 230,
    x: { label: "step l", range: [0, L - 1] },
    series: () => {
      const { rows, K } = stage.derived.diagonal;
      const { theme } = stage;
      const waves = rows.slice(0, 12).map((y, n) => ({ name: `wave ${n}`, quiet: true, faint: true, width: 1, colour: theme.symbol.A, x: STEPS, y }));
      return [...waves, { name: "kernel", colour: theme.symbol.A, x: STEPS, y: K, width: 2.5 }];
    },
    over: (g, place) => runner(g, place, stage, stage.derived.diagonal.K, stage.theme.symbol.A),
    note: () => `${INITS[stage.values.init]}, ${count(stage)} ${stage.values.init === "real" ? "real poles" : "pairs"}`,
  });
}

function galleryView(stage, init, i) {
  const K = () => {
    const { K: kernel } = stage.derived.gallery[i];
    const most = largest(kernel) || 1;
    return kernel.map((v) => v / most);
  };
  return new Plot(stage, {
    name: `gallery-${init}`,
    title: INITS[init],
    height: 110,
    x: { range: [0, L - 1], ticks: [0, 128, 255] },
    y: { label: null, range: [-1.1, 1.1], ticks: [0] },
    series: () => [
      { name: "kernel", quiet: true, colour: stage.theme.symbol.A, faint: stage.values.init !== init, x: STEPS, y: K(), width: 2 },
    ],
    note: () => `largest ${number(largest(stage.derived.gallery[i].K))}`,
  });
}

// -- words ------------------------------------------------------------------------------------------------------------

function percent(share) {
  if (!Number.isFinite(share) || share > 1e4) return Number.isFinite(share) ? `${number(share)} times` : "everything";
  return share >= 10 ? `${number(share)} times` : share >= 0.001 ? `${number(100 * share)} %` : number(share);
}

function readouts(stage) {
  const { values, derived, extra } = stage;
  const at = extra.sizes.indexOf(values.N);
  const { K } = derived.dense;
  return [
    ["cond(V) of A", at < 0 ? "beyond 1e18" : number(extra.condition[at]), "A"],
    ["of its normal part", "1.00", "A"],
    [`eigenvectors, ${values.floats}: off by`, percent(relative(derived.naive, K))],
    ["S4's stages, float64: off by", number(relative(derived.stages.K, K))],
    ["slowest wave halves in", halves(derived.diagonal.poles, values.delta), "delta"],
  ];
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
