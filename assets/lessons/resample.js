// The same signal in twice as many tokens: with Delta halved, and with Delta kept.

import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { ball, heights } from "./marks.js";
import { drawable, SECONDS } from "./stepping.js";

const CASES = {
  trained: { name: "as trained: Δ", dots: true },
  halved: { name: "twice the tokens, Δ halved" },
  kept: { name: "twice the tokens, Δ kept", dash: [5, 4] },
};

const colours = ({ theme }) => ({ trained: theme.text, halved: theme.right, kept: theme.wrong });

function resampledPlot(stage, { axis, ...options }) {
  const runs = () => stage.derived.resampled;
  return new Plot(stage, {
    height: 300,
    ...options,
    y: { range: () => heights(stage) },
    series: () =>
      ["halved", "kept", "trained"].map((name) => {
        const one = runs()[name];
        const { dots, dash } = CASES[name];
        const start = dots ? [] : [0];
        return {
          name: CASES[name].name,
          x: [...start, ...one[axis]],
          y: [...start, ...drawable(one.y)],
          colour: colours(stage)[name],
          kind: dots ? "dots" : "line",
          dash,
          width: dots ? 2.5 : 2,
        };
      }),
    over: (g, place) => {
      for (const name of Object.keys(CASES)) {
        const one = runs()[name];
        const k = Math.floor((stage.clock / SECONDS) * one.t.length + 1e-9);
        if (k > 0) ball(g, place, one[axis][k - 1], one.y[k - 1], colours(stage)[name], 6);
      }
    },
  });
}

export const resampleRows = (stage) => [
  [strips(stage, "t"), strips(stage, "clock")],
  [trueTime(stage), ownTime(stage)],
];

const trueTime = (stage) =>
  resampledPlot(stage, {
    axis: "t",
    name: "resampled",
    title: "the output, on the world's clock",
    symbol: ["y", "y"],
    x: { label: "seconds", range: [0, SECONDS] },
  });

const ownTime = (stage) =>
  resampledPlot(stage, {
    axis: "clock",
    name: "clock",
    title: "the same, on the model's clock: tokens × Δ",
    symbol: ["d", "Δ"],
    x: { label: "seconds that the model believes", range: [0, 2 * SECONDS] },
  });

/** The tokens themselves: how long each of them lasts, on the world's clock or on the model's. */
function strips(stage, axis) {
  const own = axis === "clock";
  const names = Object.keys(CASES);
  const one = (name) => stage.derived.resampled[name];
  return new Plot(stage, {
    name: own ? "believed" : "lasting",
    title: own ? "how long the model believes each token lasts" : "how long each token lasts",
    symbol: ["d", "Δ"],
    height: 104,
    x: { range: [0, own ? 2 * SECONDS : SECONDS] },
    y: { range: [0, names.length], ticks: [0.5, 1.5, 2.5], words: (at) => LABELS[Math.floor(at)] },
    front: (g, place) => names.forEach((name, row) => strip(g, place, stage, name, row, own)),
    over: (g, place) => {
      for (const [row, name] of names.entries()) {
        const { length } = one(name).t;
        const k = Math.min(length - 1, Math.floor((stage.clock / SECONDS) * length));
        box(g, place, colours(stage)[name], k, lasts(one(name), own), row, 0.9);
      }
    },
    rows: () => [
      ["tokens", "lasts (s)", "number"],
      ...names.map((name) => [CASES[name].name, lasts(one(name), own), one(name).t.length]),
    ],
    describe: () =>
      names
        .map((name) => `${CASES[name].name}: ${one(name).t.length} tokens of ${number(lasts(one(name), own))} s`)
        .join("; "),
  });
}

const LABELS = ["Δ", "Δ/2", "2×, Δ"];
const lasts = (one, own) => (own ? one.believed : SECONDS / one.t.length);

function strip(g, place, stage, name, row, own) {
  const one = stage.derived.resampled[name];
  for (let k = 0; k < one.t.length; k++) box(g, place, colours(stage)[name], k, lasts(one, own), row, 0.25);
}

function box(g, { x, y }, colour, k, wide, row, alpha) {
  const [left, right] = [x(k * wide), x((k + 1) * wide)];
  const gap = right - left > 4 ? 1 : 0;
  g.fillStyle = colour;
  g.globalAlpha = alpha;
  g.fillRect(left, y(row + 0.9), Math.max(0.5, right - left - gap), y(row + 0.1) - y(row + 0.9));
  g.globalAlpha = 1;
}

export function resampleFacts(stage) {
  const { trained, halved, kept } = stage.derived.resampled;
  return [
    ["Δ as trained", `${number(trained.believed)} s`, "delta"],
    ["tokens as trained", String(trained.t.length), "x"],
    ["tokens, twice as fine", String(kept.t.length), "x"],
    ["error as trained", number(trained.error), "y"],
    ["error, Δ halved", number(halved.error), "y"],
    ["error, Δ kept", number(kept.error), "y"],
    ["the model believes", `${number(kept.clock.at(-1))} s have passed`, "delta"],
  ];
}

export function resampleWords(stage) {
  const { halved, kept } = stage.derived.resampled;
  return (
    `Twice as many tokens for the same ${SECONDS} seconds. With Δ halved the output is at most ${number(halved.error)} off the ` +
    `curve; with Δ kept the model believes that ${number(kept.clock.at(-1))} s have passed, and is ${number(kept.error)} off.`
  );
}
