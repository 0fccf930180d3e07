// The scan: a tree instead of a line, and what never leaves fast memory.

import { Bars } from "../canvas/bars.js";
import { button, el, setText } from "../canvas/dom.js";
import { count, number } from "../canvas/words.js";
import { kept, moved, sizes, traffic } from "../maths/memory.js";
import { blelloch, costOf, hillisSteele, loop } from "../maths/scan.js";
import { Hierarchy } from "./hierarchy.js";
import { only } from "./needs.js";
import { costPlot, growthPlot, METHODS, productPlot, products, times, told, ways } from "./scan_plots.js";
import { fixed } from "./strips.js";
import { Totals } from "./totals.js";
import { Tree, withSources } from "./tree.js";

const STEPS = 8;
const TICK = 1.4; // seconds a level, and a step of the loop
const LENGTH = 14; // seconds: eight ticks, and a look at the result

export function build(stage) {
  stage
    .derive("scan", ({ method, a, b }) => {
      const { h, levels } = (method === "blelloch" ? blelloch : hillisSteele)(a, b);
      return { h, levels: withSources(levels) };
    })
    .derive("h", ({ a, b }) => loop(a, b))
    .derive("apart", (_, { derived }) => Math.max(...derived.h.map((v, t) => Math.abs(v - derived.scan.h[t]))))
    .derive("moves", (values) => traffic(values))
    .derive("sizes", (values) => sizes(values))
    .derive("products", ({ keep }) => products(keep))
    .derive("costs", ({ length }) =>
      Object.fromEntries(Object.keys(METHODS).map((name) => [name, costOf(name, length)])),
    );

  const caption = el("p", { role: "status", style: "min-height:2.8em; font-weight:600" });
  const example = el("p", { style: "min-height:2.8em" });
  return {
    rows: [
      [quiet(pairBars(stage, "a", ["A", "a"], 0)), quiet(pairBars(stage, "b", ["B", "b"], -1))],
      [tree(stage), hierarchy(stage)],
      [
        steps(stage, caption, example),
        quiet(
          new Totals(stage, {
            name: "totals",
            title: "Bytes moved: choose one of four",
            symbol: ["h", "h"],
            gigabytes,
          }),
        ),
      ],
      [
        quiet(costPlot(stage, "depth", "Levels that wait for one another")),
        quiet(costPlot(stage, "work", "Joins in all")),
      ],
      [quiet(productPlot(stage)), ...stage.extra.growths.slice(0, 1).map((growth) => only(growthPlot(stage, growth)))],
      ...stage.extra.growths.map((growth, i) => [only(ways(stage, growth)), ...(i ? [] : [told(stage)])]),
      ...pairs(stage.extra.machines.map((machine) => only(times(stage, machine)))),
    ],
    animate: { length: LENGTH, loop: true },
    before: (_, changes) => restart(stage, changes),
    after: () => {
      setText(caption, levelWords(stage));
      setText(example, joinWords(stage));
    },
    readouts: () => readouts(stage),
    say: () => sentence(stage),
  };
}

/** Numbers of bytes in words: "1.07 GB". */
function gigabytes(bytes) {
  const [unit, words] = bytes >= 1e8 ? [1e9, "GB"] : bytes >= 1e5 ? [1e6, "MB"] : [1e3, "kB"];
  const value = bytes / unit;
  return `${value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)}\u202f${words}`;
}

/** Not the clock's. */
function quiet(view) {
  return only(view, "values", "cursor");
}

// -- the tree ---------------------------------------------------------------------------------------------------------

function pairBars(stage, name, symbol, low) {
  const words = { a: "What each step keeps: drag", b: "What each step adds: drag" }[name];
  return new Bars(stage, {
    name,
    title: words,
    symbol,
    height: 62,
    control: name,
    low,
    high: 1,
    ticks: low ? [-1, 0, 1] : [0, 1],
  });
}

/** Levels reached, share of the one under way, steps that the loop has done: by the clock, or by the person. */
function reached(stage) {
  const last = stage.derived.scan.levels.length - 1;
  const { level } = stage.values;
  if (level >= 0) return { at: Math.min(level, last), along: 0, steps: Math.min(STEPS, level) };
  const ticks = stage.clock / TICK;
  const at = Math.min(last, Math.floor(ticks));
  return { at, along: at < last ? ticks % 1 : 0, steps: Math.min(STEPS, Math.floor(ticks)) };
}

function tree(stage) {
  return new Tree(stage, {
    name: "tree",
    title: "The scan: all pairs of a level are joined at once",
    symbol: ["A", "(a, b)"],
    read: () => ({ ...stage.derived.scan, h: stage.derived.h, ...reached(stage) }),
    key: (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -1, PageDown: 1 }[event.key];
      if (by) step(stage, by);
      return Boolean(by);
    },
  });
}

/** One level on or back, and there it stands. */
function step(stage, by) {
  const last = stage.derived.scan.levels.length - 1;
  stage.set({ level: Math.max(0, Math.min(last, reached(stage).at + by)) });
  stage.commit();
}

function byItself(stage) {
  stage.set({ level: -1 });
  stage.commit();
  stage.play(true);
}

function steps(stage, caption, example) {
  return el(
    "div",
    { style: "display:grid; gap:12px; align-content:start" },
    el(
      "div",
      { style: "display:flex; flex-wrap:wrap; gap:6px" },
      button("back", "Level back", () => step(stage, -1), { "data-action": "back" }),
      button("forward", "Next level", () => step(stage, 1), { "data-action": "next" }),
      button("play", "By itself", () => byItself(stage), { "data-action": "itself" }),
    ),
    caption,
    example,
    el(
      "p",
      {},
      "One join: first (a, b), then (c, d), is one step again: (c·a, c·b + d). It does not matter which neighbours are joined first, so a whole level can be done at once.",
    ),
  );
}

function levelWords(stage) {
  const { levels } = stage.derived.scan;
  const { at } = reached(stage);
  const { phase, joins } = levels[at];
  const far = joins.length ? joins[0][2] - joins[0][0] : 0;
  const all = `${joins.length} ${joins.length === 1 ? "join" : "joins"} at once`;
  if (phase === "leaves") return "Start: every step is a pair (a, b), keep a of the state, add b.";
  if (phase === "root") return "Cleared: the last pair becomes (1, 0), “nothing has happened yet”.";
  if (phase === "last") return `Join: what lies before each step, then the step itself. ${all}; every b is now h.`;
  if (phase === "down")
    return `Down: each node hands “before me” to its left half, and joins it with that half for the right one. ${all}.`;
  if (stage.values.method === "blelloch") return `Up: each node joins its two halves. ${all}.`;
  const done = at === levels.length - 1 ? "; every b is now h" : "";
  return `Level ${at}: every position joins the one ${far} before it. ${all}${done}.`;
}

/** One join of this level, with its numbers: the one of the column that is pointed at, or the last. */
function joinWords(stage) {
  const { levels } = stage.derived.scan;
  const { at } = reached(stage);
  const { joins, phase, a, b } = levels[at];
  if (!joins.length) return "";
  const [i, j, to] = joins.find(([, , end]) => end === stage.cursor) ?? joins.at(-1);
  const [before, later] = [levels[at - 1], phase === "last" ? levels[0] : levels[at - 1]];
  const pair = (level, k) => `(${fixed(level.a[k])}, ${fixed(level.b[k])})`;
  const [first, then] = [pair(before, i), pair(later, j)];
  const sum = `${fixed(later.a[j])} · ${signed(before.b[i])} + ${signed(later.b[j])}`;
  return `At step ${to}: first ${first}, then ${then} is (${fixed(later.a[j])} · ${fixed(before.a[i])}, ${sum}) = (${fixed(a[to])}, ${fixed(b[to])}).`;
}

function signed(value) {
  return value < 0 && fixed(value) !== "0.00" ? `(${fixed(value)})` : fixed(value);
}

// -- memory -----------------------------------------------------------------------------------------------------------

/** Another setting is shown from its beginning. */
function restart(stage, changes) {
  if (!changes.has("values") && stage.memoryKey) return;
  const { fused, recompute } = stage.values;
  const key = `${fused} ${recompute}`;
  if (stage.memoryKey && key !== stage.memoryKey) stage.memoryFrom = stage.clock;
  stage.memoryKey = key;
}

function hierarchy(stage) {
  return new Hierarchy(stage, {
    name: "memory",
    title: "Where the numbers are while it runs",
    symbol: ["h", "h"],
    gigabytes,
    read: () => {
      const { moves } = stage.derived;
      const passed = (stage.clock - (stage.memoryFrom ?? 0) + LENGTH) % LENGTH;
      const place = stage.clock >= LENGTH ? moves.length : (passed / (LENGTH - 1.5)) * moves.length;
      const index = Math.min(moves.length, Math.floor(place));
      return {
        moves,
        sizes: stage.derived.sizes,
        index,
        along: index < moves.length ? place % 1 : 1,
        setting: stage.values,
      };
    },
    note: ({ values }) => (values.fused ? "one kernel" : "three kernels, one after the other"),
  });
}

/** Rows of two. */
function pairs(views) {
  return views.flatMap((view, i) => (i % 2 ? [] : [views.slice(i, i + 2)]));
}

function readouts(stage) {
  const { derived, values } = stage;
  const { depth, work } = derived.costs[values.method];
  return [
    [`levels for ${count(values.length)} steps`, `${depth} instead of ${count(values.length)}`, "A"],
    ["joins in all", count(work)],
    ["scan against loop", `largest difference ${number(derived.apart)}`],
    ["h alone would be", gigabytes(derived.sizes.h), "h"],
    ["moved forward", gigabytes(moved(values, "forward"))],
    ["waits for the backward", kept(values) ? gigabytes(kept(values)) : "nothing"],
  ];
}

function sentence(stage) {
  const { derived, values } = stage;
  const { depth } = derived.costs[values.method];
  const forward = gigabytes(moved(values, "forward"));
  const apart = gigabytes(moved({ ...values, fused: false }, "forward"));
  const bytes = {
    "true true": `Not writing h buys bandwidth: ${forward} move forward instead of ${apart}.`,
    "true false": `One kernel, but h is written for the backward: ${forward} move forward instead of ${apart}.`,
  }[`${values.fused} ${values.recompute}`];
  const depths = `Associativity buys depth: ${count(values.length)} steps are ${depth} levels.`;
  return `${depths} ${bytes ?? `Three kernels write h and more to slow memory and read them back: ${forward} move forward.`}`;
}
