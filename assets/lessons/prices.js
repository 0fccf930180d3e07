// What attention and S6 cost, in memory and in operations, and what a state of fixed size forgets for it.

import { Plot } from "../canvas/plot.js";
import { number, percent } from "../canvas/words.js";
import { attentionOperations, cacheBytes, scanOperations, stateBytes } from "../maths/attention.js";

const [SHORTEST, LONGEST] = [8, 20]; // powers of 2
const LENGTHS = Array.from({ length: LONGEST - SHORTEST + 1 }, (_, i) => 2 ** (SHORTEST + i));
const SHARES = { range: [0, 1.06], ticks: [0, 0.25, 0.5, 0.75, 1], words: (v) => `${Math.round(100 * v)} %` };
const UNITS = [
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["kB", 1e3],
];

/** Bytes as people say them, decimal. */
export function bytesWords(v) {
  const [unit, size] = UNITS.find(([, least]) => v >= least) ?? ["B", 1];
  return `${number(Number((v / size).toPrecision(3)))} ${unit}`;
}

/** { length, cached(L), state(), attention(L), scan(L) } of the sizes that are set: one layer against two blocks. */
export function sizes({ values: { power, N, layers, width, bytes } }) {
  return {
    length: 2 ** power,
    cached: (L) => cacheBytes(L, { layers, width, bytesEach: bytes }),
    state: () => stateBytes({ layers: 2 * layers, width, N }),
    attention: (L) => attentionOperations(L, width),
    scan: (L) => 2 * scanOperations(L, 2 * width, N),
  };
}

/** A plot whose arrow keys mean what the lesson says. */
class Keyed extends Plot {
  key(event) {
    return this.options.key(event);
  }
}

const between = (low, high, v) => Math.max(low, Math.min(high, Math.round(v)));

/** Two curves over the length of the context, which is dragged along the upper one. */
function overLength(stage, options, upper, lower) {
  const set = (power) => stage.set({ power: between(SHORTEST, LONGEST, power) });
  const curve = (name, f, colour) => ({ name, colour, x: LENGTHS, y: LENGTHS.map(f) });
  return new Keyed(stage, {
    height: 220,
    ...options,
    x: {
      label: "tokens of context",
      log: true,
      range: [LENGTHS[0], LENGTHS.at(-1)],
      ticks: [8, 11, 14, 17, 20].map((p) => 2 ** p),
      words: powerWords,
    },
    series: ({ theme }) => [
      curve("attention", upper(sizes(stage)), theme.runs[1]),
      curve("S6", lower(sizes(stage)), theme.runs[0]),
    ],
    handles: ({ theme }) => {
      const { length } = sizes(stage);
      const y = upper(sizes(stage))(length);
      return [{ x: length, y, label: "length of the context", colour: theme.runs[1], move: (x) => set(Math.log2(x)) }];
    },
    key: ({ key }) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (by) set(stage.values.power + by);
      return Boolean(by);
    },
  });
}

/** Memory to keep, and operations to read it all. */
export function prices(stage) {
  const slope = (f, L) => Math.log2(f(2 * L) / f(L)).toFixed(2);
  const memory = overLength(
    stage,
    {
      name: "memory",
      title: "Memory to keep while generating (drag)",
      y: {
        log: true,
        range: () => [sizes(stage).state() / 8, 2 * sizes(stage).cached(LENGTHS.at(-1))],
        words: bytesWords,
      },
      note: () => `${bytesWords(sizes(stage).cached(sizes(stage).length))} against ${bytesWords(sizes(stage).state())}`,
    },
    ({ cached }) => cached,
    ({ state }) => state,
  );
  const cost = overLength(
    stage,
    {
      name: "cost",
      title: "Operations to read it all, one layer (drag)",
      y: { log: true, range: "auto" },
      note: () => {
        const { attention, scan, length } = sizes(stage);
        return `slopes ${slope(attention, length)} and ${slope(scan, length)}`;
      },
    },
    ({ attention }) => attention,
    ({ scan }) => scan,
  );
  return [memory, cost];
}

/** Letters that come back from a state of N numbers a channel; N and their number are dragged. */
export function capacity(stage) {
  const { capacities, chance } = stage.extra;
  const states = capacities[0].map((_, i) => i + 1);
  const ends = [1, states.length];
  const set = (N, letters) =>
    stage.set({ N: between(1, states.length, N), letters: between(1, capacities.length, letters) });
  const share = ({ N, letters }) => capacities[letters - 1][N - 1];
  return new Keyed(stage, {
    name: "capacity",
    title: "Letters that come back, perfect gate (drag)",
    height: 220,
    x: { label: "states a channel N", range: ends, ticks: [1, 2, 4, 8, 12, 16] },
    y: SHARES,
    series: ({ values: { letters }, theme }) => {
      const colour = theme.runs[0];
      return [
        ...capacities.map((y, i) => ({
          name: `${i + 1} letters`,
          quiet: true,
          faint: true,
          colour,
          width: 1,
          x: states,
          y,
        })),
        { name: "a cache", colour: theme.runs[1], dash: [5, 4], x: ends, y: [1, 1] },
        { name: "guessing", colour: theme.faint, dash: [2, 3], width: 1, x: ends, y: [chance, chance] },
        {
          name: `a state, ${letters} letter${letters > 1 ? "s" : ""}`,
          colour,
          width: 2.5,
          x: states,
          y: capacities[letters - 1],
        },
      ];
    },
    handles: ({ values, theme }) => [
      {
        x: values.N,
        y: share(values),
        label: "N and letters",
        colour: theme.runs[0],
        move: (x, y) => {
          const N = between(1, states.length, x);
          set(N, nearest(capacities, N, y, values.letters));
        },
      },
    ],
    key: ({ key }) => {
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
      if (by) set(stage.values.N + by[0], stage.values.letters + by[1]);
      return Boolean(by);
    },
    note: ({ values }) => `${percent(share(values))} at N = ${values.N}`,
  });
}

/** How often both networks were right on rows longer than those of their training, measured when they were trained. */
export function ladder(stage) {
  const { mamba, transformer } = stage.extra.ladder;
  const lengths = Object.keys(mamba).map(Number);
  return new Plot(stage, {
    name: "ladder",
    title: "The two networks on longer rows",
    height: 220,
    x: {
      label: "tokens (learned with 8 to 64)",
      log: true,
      range: [lengths[0], lengths.at(-1)],
      ticks: lengths,
      words: String,
    },
    y: SHARES,
    series: ({ theme }) => [
      { name: "attention", colour: theme.runs[1], x: lengths, y: Object.values(transformer) },
      { name: "S6", colour: theme.runs[0], x: lengths, y: Object.values(mamba) },
    ],
    backdrop: (g, { box, x, theme }) => {
      g.fillStyle = theme.grid;
      g.globalAlpha = 0.5;
      g.fillRect(box.left, box.top, x(64) - box.left, box.bottom - box.top);
      g.globalAlpha = 1;
    },
    note: () => "right answers, measured after training",
  });
}

/** The row of `capacities` that comes nearest to y at N states; the one that is chosen now where several do. */
function nearest(capacities, N, y, now) {
  const away = capacities.map((row) => Math.abs(row[N - 1] - y));
  const least = Math.min(...away);
  return away[now - 1] <= least + 0.02 ? now : away.indexOf(least) + 1;
}

const powerWords = (v) => `2${String(Math.round(Math.log2(v))).replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d])}`;
