// What a kernel costs: multiplications as they are counted, milliseconds as this browser takes them.

import { button } from "../canvas/dom.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import * as s4 from "../maths/s4.js";

const LENGTHS = [64, 128, 256, 512, 1024, 2048, 4096];
const DENSE = 3; // of them are short enough for an inverse at each root

/** Counted multiplications as lines; what this browser took as dots, once it is asked. */
export class Meter {
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
      return {
        name: `measured: ${way}`,
        quiet: true,
        kind: "dots",
        colour,
        x: mine.map(({ length }) => length),
        y: mine.map(({ ms }) => ms),
        width: 3,
      };
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
    const jobs = LENGTHS.slice(0, DENSE).flatMap((length) => [
      ["inverses", length],
      ["stages", length],
    ]);
    for (const length of LENGTHS.slice(DENSE)) jobs.push(["stages", length]);
    this.dots = this.dots.filter((dot) => dot.N !== N);
    const next = () => {
      const [way, length] = jobs.shift();
      this.dots.push({
        way,
        length,
        N,
        ms: fastest(() => WAYS[way](derived, delta, length), way === "stages" ? 5 : 1),
      });
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
  stages: ({ dplr, dense: exact }, delta, length) =>
    s4.stages(dplr, s4.outputInModes(dplr, exact.C_tilde), delta, length),
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
