// The opening: paint how long each token lasts, and see what is recalled.

import { mix } from "../canvas/theme.js";
import { percent } from "../canvas/words.js";
import { bestConstant, kindOf, LETTERS, outcome, parse, questionDelta, recall, targetsOf } from "../maths/gate.js";
import { Brush, read, Reading, said, Scores, Strip } from "./strip.js";

const N = 8;

export function build(stage) {
  stage
    .derive("strips", ({ strip }) => parse(strip))
    .derive("outcome", ({ strip, delta }) => outcome(strip, { delta }, N))
    .derive("answers", ({ strip, delta }) => recall(strip, { delta }, N, stage.derived.outcome.C))
    .derive("columns", ({ delta }) => {
      const { strips } = stage.derived;
      return [...delta, ...Array(strips.m).fill(questionDelta(strips, delta))];
    });
  const { m } = stage.derived.strips;
  const strip = new Strip(stage, {
    name: "strip", title: "Four letters among noise, then four questions", judged: true,
    strips: [
      { words: "read", tokens: ({ values }) => read(values.strip, m, LETTERS) },
      { words: "said", tokens: ({ values, derived }) => said(values.strip, derived.answers, targetsOf(derived.strips), LETTERS) },
    ],
  });
  const brush = new Brush(stage, {
    name: "delta", title: "how long each token lasts: paint", symbol: ["delta", "Δ"], height: 150,
    control: "delta", low: 0, high: 1, ticks: [0, 0.5, 1],
    values: ({ derived }) => derived.columns,
    delta: ({ values }) => values.delta,
    strip: ({ values }) => values.strip,
    brush: ({ values }) => values.brush,
    colour: (i, { values, theme }) => (i < values.delta.length ? theme.symbol.delta : mix(theme.background, theme.symbol.delta, 0.35)),
    hatched: (i, { values }) => kindOf(values.strip[i] ?? "A") === "noise",
  });
  const scores = new Scores(stage, {
    name: "scores", title: "Recalled in order, on 512 other strips with the same tokens and Δ", most: 2,
    scores: ({ values, derived, theme }) => [
      { words: "your gate", value: derived.outcome.token, colour: theme.symbol.delta },
      { words: "best single Δ", value: bestConstant(values.strip, N).token, colour: theme.faint, outlined: true },
    ],
  });
  const reading = new Reading(({ derived }) => derived.columns.length);
  return {
    rows: [[strip], [brush], [scores]],
    before: (_, changes) => reading.advance(stage, changes),
    animate: { length: reading.length, loop: true },
    say: ({ values, derived }) => sentence(values, derived.outcome.token),
  };
}

function sentence({ strip, delta }, score) {
  const mean = (kind) => {
    const of = delta.filter((_, t) => kindOf(strip[t]) === kind);
    return of.reduce((a, b) => a + b, 0) / of.length;
  };
  const [letters, noise] = [mean("letter"), mean("noise")];
  if (!letters) return "No letter lasts any time: nothing is written, and nothing recalled.";
  if (score > 0.995) return "100 %: noise lasts no time, so the letters lie equally far apart, whatever the gaps.";
  if (noise >= letters) return `${percent(score)}: noise lasts as long as letters, so their age says nothing. Drag a noise bar down to 0.`;
  return `${percent(score)}: every noise token still ages the state a little. Lower.`;
}
