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

function resampledPlot(stage, { axis, ...options }) {
  const runs = () => stage.derived.resampled;
  const colours = () => ({ trained: stage.theme.text, halved: stage.theme.right, kept: stage.theme.wrong });
  return new Plot(stage, {
    height: 300,
    ...options,
    y: { range: () => heights(stage) },
    series: () =>
      ["halved", "kept", "trained"].map((name) => {
        const one = runs()[name];
        const { dots, dash } = CASES[name];
        return { name: CASES[name].name, x: one[axis], y: drawable(one.y), colour: colours()[name], kind: dots ? "dots" : "line", dash, width: dots ? 2.5 : 2 };
      }),
    over: (g, place) => {
      for (const name of Object.keys(CASES)) {
        const one = runs()[name];
        const k = Math.floor((stage.clock / SECONDS) * one.t.length + 1e-9);
        if (k > 0) ball(g, place, one[axis][k - 1], one.y[k - 1], colours()[name], 6);
      }
    },
  });
}

export const resampleRows = (stage) => [[trueTime(stage), ownTime(stage)]];

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
  return `Twice as many tokens for the same 8 seconds. With Δ halved the output is at most ${number(halved.error)} off the curve; with Δ kept the model believes that ${number(kept.clock.at(-1))} s have passed, and is ${number(kept.error)} off.`;
}
