// S6 beside attention: who reads from whom, what is kept, what it costs, what it forgets.

import { Bars } from "../canvas/bars.js";
import { button, el, relabel } from "../canvas/dom.js";
import { Matrix } from "../canvas/matrix.js";
import { Plot } from "../canvas/plot.js";
import { count, number, percent } from "../canvas/words.js";
import * as maths from "../maths/attention.js";
import { network, readParameters, softmaxRow } from "../maths/block.js";
import { race } from "../maths/stopwatch.js";
import { Carried } from "./carried.js";
import { letterStrip, numbersOf, rightAnswer, show } from "./letters.js";

const PACE = 0.28; // s a token
const LENGTHS = [64, 256, 1024, 4096, 16384, 65536]; // of the race
const POWERS = Array.from({ length: 13 }, (_, i) => 8 + i);
const READ = "S6: |α|, in shares of the row";

export function build(stage) {
  const { vocabulary, capacities, ladder, chance } = stage.extra;
  const [s6, other] = [readParameters(stage.extra.mamba), readParameters(stage.extra.transformer)];
  const D_skip = s6["layers.0.mixer.D"];
  const [D, N] = [s6["layers.0.mixer.A_log"].rows, s6["layers.0.mixer.A_log"].columns];
  const blue = () => stage.theme.runs[0];
  const red = () => stage.theme.runs[1];

  // a dragged slider changes neither tokens nor channel: what depends on them alone is kept
  const keep = (name, inputs, make) => {
    let [key, value] = [];
    stage.derive(name, (values) => {
      const now = inputs.map((input) => values[input]).join();
      if (now !== key) [key, value] = [now, make(values)];
      return value;
    });
  };
  keep("runs", ["tokens"], ({ tokens }) => {
    const ids = numbersOf(tokens, vocabulary);
    return { s6: network(s6, ids), softmax: maths.transformer(other, ids) };
  });
  keep("said", ["tokens"], ({ tokens }) => {
    const { s6: a, softmax: b } = stage.derived.runs;
    return [a, b].map(({ logits }) => {
      const chances = softmaxRow(logits, tokens.length - 1);
      const best = chances.indexOf(Math.max(...chances));
      return { said: vocabulary[best], chance: chances[best] };
    });
  });
  keep("hidden", ["tokens", "channel"], ({ channel }) => {
    const [block] = stage.derived.runs.s6.blocks;
    return channel ? maths.hiddenAttention(block, channel - 1) : shared(maths.meanHiddenAttention(block));
  });
  keep("mismatch", ["tokens"], () => {
    const [block] = stage.derived.runs.s6.blocks;
    let most = 0;
    for (let d = 0; d < D; d++) most = Math.max(most, maths.mismatch(maths.hiddenAttention(block, d), block, D_skip, d));
    return most;
  });
  keep("softmax", ["tokens", "layer"], ({ layer }) => stage.derived.runs.softmax.layers[Number(layer) - 1].alpha);
  const length = () => stage.values.tokens.length;
  const now = () => Math.floor(stage.cursor ?? length() - 1);
  const label = (t) => show(stage.values.tokens[t] ?? "");

  const { strip, palette } = letterStrip(stage, {
    name: "tokens",
    vocabulary,
    answers: () => stage.derived.said.map(({ said }, i) => ({ words: ["S6", "softmax"][i], said })),
  });
  const square = (name, title, values, note, colours) =>
    new Matrix(stage, {
      name,
      title,
      height: 300,
      cells: "fill",
      numbers: false,
      values,
      note,
      get colours() {
        return colours();
      },
      rowLabel: label,
      columnLabel: label,
      down: "who reads",
      hover: (cell) => cell && stage.setCursor(cell[0]),
      mark: () => [{ r: now(), c: 0, columns: length() }],
      key: (event) => stage.cursorKey(event, length()),
    });
  const hidden = square(
    "hidden",
    "Hidden attention of S6",
    () => stage.derived.hidden,
    ({ values: { channel } }) => (channel ? `channel ${channel} of ${D}, signs and all` : `mean |α| of ${D} channels, every row scaled to 1`),
    () => (stage.values.channel ? "signed" : "magnitude"),
  );
  const softmax = square(
    "softmax",
    "Softmax attention",
    () => stage.derived.softmax,
    ({ values: { layer } }) => `layer ${layer} of 2, columns are read by rows`,
    () => "magnitude",
  );
  const row = ({ data, columns }, t) => Array.from(data.subarray(t * columns, (t + 1) * columns));
  const reads = new Bars(stage, {
    name: "reads",
    title: "Where the framed token reads",
    height: 120,
    follows: ["cursor"],
    low: 0,
    high: 1,
    values: () => row(stage.derived.softmax, now()),
    colour: red,
    lines: () => [{ name: READ, colour: blue(), values: row(shared(stage.derived.hidden), now()) }],
    label,
    note: () => `bars: softmax; token ${now() + 1}, ${label(now())}`,
  });

  const cacheOf = () => {
    const { layers } = stage.derived.runs.softmax;
    const parts = layers.flatMap(({ k, v }) => [k, v]);
    const { columns: d } = parts[0];
    return { rows: parts.length * d, columns: length(), most: 4, data: (r, t) => parts[Math.floor(r / d)].data[t * d + (r % d)] };
  };
  const stateOf = (_, t) => {
    const [{ h, x }] = stage.derived.runs.s6.blocks;
    const kept = [...h.data.subarray(t * D * N, (t + 1) * D * N)];
    for (let k = 2; k >= 0; k--) kept.push(...(t >= k ? x.data.subarray((t - k) * D, (t - k + 1) * D) : new Float64Array(D)));
    return { data: kept, rows: D, most: 4 };
  };
  const carried = new Carried(stage, {
    name: "carried",
    title: "What is carried to the next token, one cell a number",
    cache: cacheOf,
    state: stateOf,
    words: "h and the newest 3 inputs of conv",
  });

  const atPower = ({ values }) => 2 ** values.power;
  const slide = (y, colour, label) => [
    {
      x: atPower(stage),
      y,
      label,
      colour,
      step: [0, 0],
      move: (x) => stage.set({ power: Math.max(8, Math.min(20, Math.round(Math.log2(x)))) }),
    },
  ];
  const powerKey = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) stage.set({ power: Math.max(8, Math.min(20, stage.values.power + by)) });
    return Boolean(by);
  };
  const curves = (f) => POWERS.map((p) => f(2 ** p));
  const sizes = ({ layers, width, bytes }) => ({ layers, width, bytesEach: bytes });
  const cached = (L) => maths.cacheBytes(L, sizes(stage.values));
  const state = () => maths.stateBytes({ layers: 2 * stage.values.layers, width: stage.values.width, N: stage.values.N });
  const work = { attention: (L) => maths.attentionOperations(L, stage.values.width), scan: (L) => 2 * maths.scanOperations(L, 2 * stage.values.width, stage.values.N) };
  const pair = (name, title, y, f, g, note) =>
    new KeyPlot(stage, {
      name,
      title,
      height: 220,
      x: { label: "tokens of context", log: true, range: [2 ** 8, 2 ** 20], ticks: [2 ** 8, 2 ** 11, 2 ** 14, 2 ** 17, 2 ** 20], words: powerWords },
      y,
      series: () => [
        { name: "attention", colour: red(), x: POWERS.map((p) => 2 ** p), y: curves(f) },
        { name: "S6", colour: blue(), x: POWERS.map((p) => 2 ** p), y: curves(g) },
      ],
      handles: () => slide(f(atPower(stage)), red(), "length of the context"),
      note,
      key: powerKey,
    });
  const memory = pair(
    "memory",
    "Memory to keep while generating (drag)",
    { log: true, range: () => [state() / 8, 2 * cached(2 ** 20)], words: bytesWords },
    cached,
    state,
    () => `${bytesWords(cached(atPower(stage)))} against ${bytesWords(state())}`,
  );
  const slope = (f) => Math.log2(f(2 * atPower(stage)) / f(atPower(stage)));
  const cost = pair(
    "cost",
    "Operations to read it all, one layer (drag)",
    { log: true, range: "auto" },
    work.attention,
    work.scan,
    () => `slopes ${slope(work.attention).toFixed(2)} and ${slope(work.scan).toFixed(2)}`,
  );

  const states = Array.from({ length: capacities[0].length }, (_, i) => i + 1);
  const capacity = new KeyPlot(stage, {
    name: "capacity",
    title: "Letters that come back, perfect gate (drag)",
    height: 220,
    x: { label: "states a channel N", range: [1, states.length], ticks: [1, 2, 4, 8, 12, 16] },
    y: { range: [0, 1.06], ticks: [0, 0.25, 0.5, 0.75, 1], words: (v) => `${Math.round(100 * v)} %` },
    series: ({ values, theme }) => [
      ...capacities.map((y, i) => ({ name: `${i + 1} letters`, quiet: true, faint: true, colour: blue(), width: 1, x: states, y })),
      { name: "a cache", colour: red(), dash: [5, 4], x: [1, states.length], y: [1, 1] },
      { name: "guessing", colour: theme.faint, dash: [2, 3], width: 1, x: [1, states.length], y: [chance, chance] },
      { name: `a state, ${values.letters} letter${values.letters > 1 ? "s" : ""}`, colour: blue(), width: 2.5, x: states, y: capacities[values.letters - 1] },
    ],
    handles: ({ values }) => [
      {
        x: values.N,
        y: capacities[values.letters - 1][values.N - 1],
        label: "N and letters",
        colour: blue(),
        step: [1, 0],
        move: (x, y) => {
          const N = Math.max(1, Math.min(states.length, Math.round(x)));
          stage.set({ N, letters: nearest(capacities, N, y, values.letters) });
        },
      },
    ],
    key: (event) => {
      const [N, letters] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
      const { values } = stage;
      if (N) stage.set({ N: Math.max(1, Math.min(states.length, values.N + N)) });
      if (letters) stage.set({ letters: Math.max(1, Math.min(capacities.length, values.letters + letters)) });
      return Boolean(N || letters);
    },
    note: ({ values }) => `${percent(capacities[values.letters - 1][values.N - 1])} at N = ${values.N}`,
  });
  const lengths = Object.keys(ladder.mamba).map(Number);
  const beyond = new Plot(stage, {
    name: "ladder",
    title: "The two networks on longer rows",
    height: 220,
    x: { label: "tokens (learned with 8 to 64)", log: true, range: [16, 1024], ticks: lengths, words: String },
    y: { range: [0, 1.06], ticks: [0, 0.25, 0.5, 0.75, 1], words: (v) => `${Math.round(100 * v)} %` },
    series: () => [
      { name: "softmax", colour: red(), x: lengths, y: Object.values(ladder.transformer) },
      { name: "S6", colour: blue(), x: lengths, y: Object.values(ladder.mamba) },
    ],
    backdrop: (g, place) => {
      g.fillStyle = place.theme.grid;
      g.globalAlpha = 0.5;
      g.fillRect(place.box.left, place.box.top, place.x(64) - place.box.left, place.box.bottom - place.box.top);
      g.globalAlpha = 1;
    },
    note: () => "right answers, measured after their training",
  });
  const { speed, go } = stopwatch(stage, blue, red);

  stage.element.addEventListener("pointerdown", ({ target }) => target.tagName === "CANVAS" && stage.play(false));
  return {
    rows: [[strip], [palette], [hidden, softmax], [reads], [carried], [memory, cost], [capacity, beyond], [speed], [go]],
    animate: { length: () => length() * PACE, loop: true },
    before: (_, changes) => {
      if (stage.playing && changes.has("clock")) stage.setCursor(Math.min(length() - 1, Math.floor(stage.clock / PACE)));
      if (stage.cursor >= length()) stage.cursor = length() - 1;
    },
    readouts: () => {
      const L = atPower(stage);
      const { N: states, letters } = stage.values;
      return [
        ["largest |α x + D x − y|", number(stage.derived.mismatch), "y"],
        [`cache at ${count(L)} tokens`, bytesWords(cached(L))],
        ["state, at any length", bytesWords(state()), "h"],
        ["cache / state", number(cached(L) / state())],
        ["operations, attention / S6", number(work.attention(L) / work.scan(L))],
        [`of ${letters} letters, N = ${states} keeps`, percent(capacities[letters - 1][states - 1]), "h"],
      ];
    },
    say: () => sentence(stage, cached, state),
  };
}

/** The row of `capacities` that comes nearest to y at N states; the one that is chosen now where several do. */
function nearest(capacities, N, y, now) {
  const away = capacities.map((row) => Math.abs(row[N - 1] - y));
  const least = Math.min(...away);
  return away[now - 1] <= least + 0.02 ? now : away.indexOf(least) + 1;
}

/** |alpha| with every row scaled to the sum 1. */
function shared({ data, rows, columns }) {
  const out = data.map(Math.abs);
  for (let i = 0; i < rows; i++) {
    const one = out.subarray(i * columns, (i + 1) * columns);
    const sum = one.reduce((a, b) => a + b, 0) || 1;
    one.forEach((v, j) => (one[j] = v / sum));
  }
  return { data: out, rows, columns };
}

/** A plot whose arrow keys mean what the page says. */
class KeyPlot extends Plot {
  key(event) {
    return this.options.key(event);
  }
}

/** The race of this browser: a button, and a plot that fills as it runs. */
function stopwatch(stage, blue, red) {
  let times = [];
  const series = (name, key, colour) => ({ name, colour, kind: "line", x: times.map(({ L }) => L), y: times.map((one) => one[key]) });
  const speed = new Plot(stage, {
    name: "speed",
    title: "Time a token takes, measured in this browser",
    height: 200,
    x: { label: "tokens before it", log: true, range: [LENGTHS[0], LENGTHS.at(-1)], ticks: LENGTHS, words: (v) => count(v) },
    y: { label: "µs", log: true, range: () => (times.length ? [0.5 * Math.min(...times.map(({ s6, attention }) => Math.min(s6, attention))), 2 * Math.max(...times.map(({ s6, attention }) => Math.max(s6, attention)))] : [1, 10_000]) },
    series: () => (times.length ? [series("one layer of attention", "attention", red()), series("two blocks of S6", "s6", blue())] : []),
    note: () => (times.length ? "width 64, N = 16, best of 5" : "nothing measured yet"),
    describe: () => times.map(({ L, s6, attention }) => `${L} tokens: attention ${number(attention)}, S6 ${number(s6)} microseconds`).join("; ") || "Nothing measured yet",
  });
  const run = async () => {
    times = [];
    relabel(measure, "pause", "Measuring …");
    await race(LENGTHS, (one) => {
      times = [...times, one];
      stage.touch("values");
    });
    relabel(measure, "restart", "Measure again");
    stage.element.dataset.raced = times.length;
  };
  const once = new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting) return;
    once.disconnect();
    run();
  });
  once.observe(speed.element);
  const measure = button("play", "Measure here", run, { "data-action": "measure" });
  return { speed, go: el("div", { class: "deck" }, measure) };
}

const powerWords = (v) => `2${String(Math.round(Math.log2(v))).replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d])}`;

/** Bytes as people say them, decimal. */
function bytesWords(v) {
  for (const [unit, size] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]])
    if (v >= size) return `${number(Number((v / size).toPrecision(3)))} ${unit}`;
  return `${Math.round(v)} B`;
}

function sentence({ values, derived }, cached, state) {
  const wanted = rightAnswer(values.tokens);
  const [a, b] = derived.said;
  const L = 2 ** values.power;
  const agree = wanted && a.said === wanted && b.said === wanted ? `Both say ${show(wanted)}` : `S6 says ${show(a.said)}, softmax ${show(b.said)}`;
  const ratio = cached(L) / state();
  return `${agree}. At ${count(L)} tokens the cache is ${number(Number(ratio.toPrecision(2)))} times the state.`;
}
