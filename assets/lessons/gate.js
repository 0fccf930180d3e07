// The opening: paint how long each token lasts, and see what is recalled.

import { Matrix } from "../canvas/matrix.js";
import { mix } from "../canvas/theme.js";
import { percent } from "../canvas/words.js";
import { outcome, recall, searchConstant, states } from "../maths/gate.js";
import { CLASSES, kindOf, LETTERS, parse, questionDelta, targetsOf } from "../maths/strips.js";
import { only } from "./needs.js";
import { Brush, hintAt, read, Reading, said, Scores, Strip } from "./strip.js";

const N = 8;

export function build(stage) {
  stage
    .derive("strips", ({ strip }) => parse(strip))
    .derive("outcome", ({ strip, delta }) => outcome(strip, { delta }, N))
    .derive("answers", ({ strip, delta }) => recall(strip, { delta }, N, stage.derived.outcome.C))
    .derive("states", ({ strip, delta }) => states(strip, { delta }, N))
    .derive("search", ({ strip }) => searchConstant(strip, N)) // one constant more with every redraw
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
    name: "delta", title: "how long each token lasts: paint", symbol: ["delta", "Δ"], height: 128,
    control: "delta", low: 0, high: 1, ticks: [0, 0.5, 1],
    values: ({ derived }) => derived.columns,
    delta: ({ values }) => values.delta,
    strip: ({ values }) => values.strip,
    brush: ({ values }) => values.brush,
    colour: (i, { values, theme }) => (i < values.delta.length ? theme.symbol.delta : mix(theme.background, theme.symbol.delta, 0.35)),
    hatched: (i, { values }) => kindOf(values.strip[i] ?? "A") === "noise",
    hint: ({ values }) => {
      const at = hintAt(values.strip, values.delta);
      return at === undefined ? undefined : { at, words: "drag down" };
    },
  });
  const heat = new Matrix(stage, {
    name: "state", title: "what is left of each letter", symbol: ["h", "h"], height: 100, tokens: true, colours: "magnitude", numbers: false,
    values: ({ derived }) => {
      const columns = derived.columns.length;
      const at = (k, t) => derived.states[(t * CLASSES + k) * N];
      return { rows: CLASSES, columns, data: Float64Array.from({ length: CLASSES * columns }, (_, i) => at(Math.floor(i / columns), i % columns)) };
    },
    rowLabel: (r) => LETTERS[r],
  });
  const scores = new Scores(stage, {
    name: "scores", title: "Recalled in order, on 512 other strips with the same tokens and Δ", most: 2, row: 24,
    scores: ({ derived, theme }) => [
      { words: "your gate", value: derived.outcome.token, colour: theme.symbol.delta },
      { words: "best single Δ", value: derived.search.best.token, colour: theme.faint, outlined: true },
    ],
  });
  const reading = new Reading(({ derived }) => derived.columns.length);
  return {
    rows: [strip, brush, heat, scores].map((view) => [only(view, "values", "cursor", "search")]),
    before: (_, changes) => {
      reading.advance(stage, changes);
      if (changes.has("search")) stage.forgetDerived("search");
    },
    after: () => stage.derived.search.done || stage.touch("search"),
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
