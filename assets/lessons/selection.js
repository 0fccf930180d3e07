// Selection: paint Delta per token, and see what the state keeps and what one fixed read-out can still tell apart.

import { Matrix } from "../canvas/matrix.js";
import { Plot } from "../canvas/plot.js";
import { mix } from "../canvas/theme.js";
import { number, percent } from "../canvas/words.js";
import { bestConstant, kernel } from "../maths/gate.js";
import { kept, sigmoid, softplus, softplusInverse, writeGate } from "../maths/selective.js";
import { byKind, CLASSES, classOf, kindOf, targetsOf } from "../maths/strips.js";
import { whileTraining } from "./learned.js";
import { only } from "./needs.js";
import { clockWidths, derive, LETTER, OLDEST, RESET } from "./selection_values.js";
import { Brush, hintAt, read, Reading, said, Scores, Strip } from "./strip.js";

const FAINTEST = 1e-6; // Delta that is drawn
const Z = range(-6, 6, 121);
const DELTAS = range(-2, Math.log10(5), 91).map((p) => 10 ** p);
const AGES = range(0, OLDEST, 161);

export function build(stage) {
  derive(stage);
  whileTraining((learned) => {
    stage.extra = { ...stage.extra, learned };
    stage.forgetDerived("learned", "learnedScore");
    stage.touch("learned");
  }, stage.aborter.signal);
  const reading = new Reading(({ derived }) => derived.columns.length);
  const follow = (view, ...more) => only(view(stage), "values", "cursor", ...more);
  return {
    rows: [
      [follow(strip)],
      [follow(brush, "learned")],
      { views: [only(scores(stage), "values", "search", "learned"), only(ages(stage), "values")], shares: [2, 3] },
      [stage.spoken], // beside the score
      [follow(heat)],
      [follow(keptCurve), follow(theorem)],
      [follow(moved), only(choosers(stage))],
      [only(learnedGate(stage), "values", "learned")],
    ],
    widths: ({ values, derived }) => (values.clock ? clockWidths(derived.columns) : undefined),
    before: (_, changes) => {
      reading.advance(stage, changes);
      if (changes.has("search")) stage.forgetDerived("search");
    },
    after: () => stage.derived.search.done || stage.touch("search"),
    animate: { length: reading.length, loop: false },
    readouts,
    say,
  };
}

function range(low, high, count) {
  return Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
}

/** Delta of the token under the cursor; of a question when there is none. */
function here({ cursor, derived }) {
  return derived.columns[cursor ?? -1] ?? derived.wait;
}

// -- pictures ---------------------------------------------------------------------------------------------------------

function strip(stage) {
  const words = ({ derived }) => derived.story.words;
  return new Strip(stage, {
    name: "strip", title: "The strip, then a question for each letter", judged: true,
    note: ({ values }) => (values.swap < 0 ? "click a letter to swap it" : "swapped; click it again to take it back"),
    press: (t, row, { values, derived }) => {
      if (classOf(derived.strip[t] ?? ".") >= 0) stage.set({ swap: values.swap === t ? -1 : t });
    },
    strips: [
      { words: "read", tokens: ({ derived }) => read(derived.strip, derived.strips.m, words(stage), derived.story.fillers) },
      { words: "said", tokens: ({ derived }) => said(derived.strip, derived.answers, targetsOf(derived.strips), words(stage)) },
    ],
  });
}

function brush(stage) {
  return new Brush(stage, {
    name: "delta", title: "how long each token lasts: paint", symbol: ["delta", "Δ"], height: 150,
    control: "delta", low: 0.01, high: RESET, log: true, zero: true, ticks: [0.1, 1],
    values: ({ derived }) => derived.columns,
    delta: ({ values }) => values.delta,
    strip: ({ derived }) => derived.strip,
    brush: ({ values }) => values.brush,
    colour: (i, { derived, theme }) => {
      const share = i >= derived.strip.length ? 0.35 : kindOf(derived.strip[i]) === "junk" ? 0.6 : 1;
      return mix(theme.background, theme.symbol.delta, share);
    },
    hatched: (i, { derived }) => kindOf(derived.strip[i] ?? "A") === "noise",
    hint: ({ values, derived }) => {
      const at = values.clock ? undefined : hintAt(derived.strip, values.delta);
      return at === undefined || values.brush === "all" ? undefined : { at, words: "drag down" };
    },
    lines: ({ values, derived, theme }) =>
      values.learned && derived.learned ? [{ name: `learned (${stage.extra.learned.where}, stretched)`, colour: theme.text, values: derived.learned, dash: [3, 2] }] : [],
    note: ({ values, derived }) =>
      values.learned && !derived.learned ? "no run has seen this story" : "logarithmic, and 0 at the bottom",
  });
}

function heat(stage) {
  return new Matrix(stage, {
    name: "state", title: "the slowest state of each letter's channel", symbol: ["h", "h"], height: 132, tokens: true, colours: "magnitude", numbers: false,
    values: ({ derived, values }) => ({
      rows: CLASSES,
      columns: derived.columns.length,
      data: Float64Array.from({ length: CLASSES * derived.columns.length }, (_, i) => {
        const [k, t] = [Math.floor(i / derived.columns.length), i % derived.columns.length];
        return derived.states[(t * CLASSES + k) * values.N];
      }),
    }),
    rowLabel: (r) => stage.derived.story.words[r],
  });
}

function scores(stage) {
  return new Scores(stage, {
    name: "scores", title: "Recalled in order, on 512 other strips", most: 3, row: 34,
    note: () => "each token takes its Δ along",
    scores: ({ values, derived, theme }) => [
      { words: "your gate", value: derived.outcome.token, colour: theme.symbol.delta },
      { words: constantWords(derived.search), value: derived.search.best.token, colour: theme.faint, outlined: true },
      ...(derived.learned ? [{ words: "learned Δ", value: derived.learnedScore, colour: theme.text, outlined: true }] : []),
    ],
  });
}

/** The search tries one constant with every redraw. */
function constantWords({ done, best }) {
  return done ? `best single Δ (${number(best.delta)})` : "trying single Δs";
}

function ages(stage) {
  return new Plot(stage, {
    name: "ages", title: "Why: the age at which letters are read, on the model's clock", height: 168,
    x: { label: "age = sum of Δ since then", range: [0, OLDEST] },
    y: { label: "share of y", range: [-0.4, 1.3] },
    series: ({ derived, theme }) => [
      { name: "C, the one read-out", colour: theme.symbol.C, x: AGES, y: AGES.map((a) => kernel(derived.outcome.C[0], derived.wait, a)) },
      { name: "not asked for", kind: "dots", colour: theme.faint, width: 1.6, ...derived.seen.other },
      { name: "the letter asked for", kind: "dots", colour: theme.symbol.delta, width: 2.4, ...derived.seen.asked },
    ],
  });
}

function keptCurve(stage) {
  const at = { of: () => stage.cursor, at: () => here(stage) };
  return new Plot(stage, {
    name: "kept", title: "kept of the state, and written", symbol: ["A", "Ā"], height: 190, cursor: at,
    x: { label: "Δ of the token", range: [0.01, RESET], log: true, ticks: [0.01, 0.1, 1, 3, 5], words: String },
    y: { range: [0, 1] },
    series: ({ theme, values }) => [
      { name: "kept, n = 1", colour: theme.symbol.A, x: DELTAS, y: DELTAS.map((d) => kept(d)) },
      ...(values.N > 1 ? [{ name: `kept, n = ${values.N}`, colour: theme.symbol.A, dash: [4, 3], x: DELTAS, y: DELTAS.map((d) => kept(d, values.N)) }] : []),
      { name: "written", colour: theme.symbol.B, x: DELTAS, y: DELTAS.map((d) => -Math.expm1(-d)) },
    ],
    over: (g, { x, y, theme }) => {
      const delta = here(stage);
      dot(g, theme.symbol.A, theme, x(Math.max(0.01, delta)), y(kept(delta)));
    },
    note: () => `here Δ = ${number(here(stage))}: keeps ${number(kept(here(stage)))}`,
    follows: ["cursor"],
  });
}

function theorem(stage) {
  return new Plot(stage, {
    name: "theorem", title: "Theorem 1: with N = 1 it is an RNN's gate", height: 190,
    x: { label: "z, with Δ = softplus(z)", range: [-6, 6] },
    y: { range: [0, 1.5] },
    series: ({ theme }) => [
      { name: "gate σ(z)", colour: theme.faint, width: 5, x: Z, y: Z.map(sigmoid) },
      { name: "written, ZOH", colour: theme.symbol.B, x: Z, y: Z.map((z) => writeGate(z)) },
      { name: "released code: Δ", colour: theme.symbol.delta, dash: [4, 3], x: Z, y: Z.map(softplus) },
    ],
    over: (g, { x, y, theme }) => {
      const z = Math.max(-6, Math.min(6, softplusInverse(here(stage))));
      dot(g, theme.symbol.B, theme, x(z), y(sigmoid(z)));
    },
    note: () => {
      const z = softplusInverse(here(stage));
      return here(stage) > 0 ? `here z = ${number(z)}, g = ${number(sigmoid(z))}` : "here Δ = 0: g = 0";
    },
    follows: ["cursor"],
  });
}

function dot(g, colour, theme, x, y) {
  g.beginPath();
  g.arc(x, y, 5.5, 0, 2 * Math.PI);
  g.fillStyle = colour;
  g.fill();
  g.lineWidth = 2;
  g.strokeStyle = theme.background;
  g.stroke();
}

function moved(stage) {
  const names = ["x", "Δ", "Ā", "B̄", "h"];
  return new Matrix(stage, {
    name: "moved", title: "What a swapped letter moves", height: 150, tokens: true, colours: "magnitude", numbers: false, most: 1,
    values: ({ derived }) => derived.moved,
    rowLabel: (r) => names[r],
    note: ({ values, derived }) =>
      values.swap < 0 ? `if token ${derived.surgery + 1} were another letter` : `token ${values.swap + 1} is another letter now`,
  });
}

function choosers(stage) {
  const names = Object.keys(stage.extra.choosers);
  return new Matrix(stage, {
    name: "choosers", title: "Recalled at best when only these may depend on the token (N = 8)", height: 150,
    colours: "magnitude", most: 1, cells: "fill",
    values: ({ extra }) => names.map((name) => extra.choosers[name]),
    rowLabel: (r) => ({ letters: "gaps", documents: "docs" })[names[r]] ?? names[r],
    columnLabel: (c) => stage.extra.who[c],
    words: (v) => `${Math.round(100 * v)} %`,
    note: () => "C can only help where questions differ",
    press: (r, c) => choose(stage, names[r], c),
  });
}

/** Sets the controls to a cell of the table. */
function choose(stage, story, c) {
  const { strip: text } = stage.extra.stories[story];
  const [B, C] = [c === 1 || c === 3, c === 2 || c === 3];
  const write = B ? Array.from(text, (token) => Number(kindOf(token) === "letter")) : undefined;
  const delta =
    c === 4
      ? byKind(text, { letters: LETTER, rest: 0, boundary: RESET })
      : Array(text.length).fill(bestConstant(text, 8, { write, numbered: C }).delta);
  stage.set({ story, N: 8, B, C, delta, swap: -1, brush: c === 4 ? "kind" : "all" });
  stage.commit();
}

function learnedGate(stage) {
  const of = ({ kinds, delta }, kind) => {
    const x = kinds.flatMap((k, t) => (k === kind ? [t] : []));
    return { kind: "dots", x, y: x.map((t) => Math.max(FAINTEST, delta[t])) };
  };
  return new Plot(stage, {
    name: "learned", title: "What a trained S6 paints", symbol: ["delta", "Δ"], height: 170,
    note: ({ extra: { learned } }) =>
      `${learned.where}, step ${learned.step}, layer ${learned.layer + 1}: a letter lasts ${number(learned.ratio)} × as long as noise in the mean of the channels, ${number(learned.sharpest)} × in the most selective one`,
    x: { label: "token", range: ({ extra }) => [-1, extra.learned.delta.length] },
    y: { range: [FAINTEST, 1], log: true },
    series: ({ theme, extra: { learned } }) => [
      { name: "letters", colour: theme.symbol.delta, width: 3, ...of(learned, "letter") },
      { name: "noise", colour: theme.faint, ...of(learned, "noise") },
      { name: "questions", colour: theme.text, ...of(learned, "question") },
    ],
  });
}

// -- words ------------------------------------------------------------------------------------------------------------

function readouts({ derived, values }) {
  const targets = targetsOf(derived.strips);
  const right = Array.from(derived.answers).filter((k, j) => k === targets[j]).length;
  return [
    ["recalled, other strips", percent(derived.outcome.token)],
    ["whole strips right", percent(derived.outcome.sequence)],
    ["this strip", `${right} of ${targets.length}`],
    ["Δ of a letter", number(derived.wait), "delta"],
    ["mean Δ of the rest", number(restOf(derived.strip, values.delta)), "delta"],
    ["a letter keeps, n = 1", number(kept(derived.wait)), "A"],
  ];
}

function restOf(strip, delta) {
  const rest = delta.filter((_, t) => kindOf(strip[t]) !== "letter");
  return rest.reduce((a, b) => a + b, 0) / (rest.length || 1);
}

/** What the painted gate does. */
function say({ values, derived }) {
  const score = percent(derived.outcome.token);
  if (!derived.wait) return "The letters last no time: nothing is written, and nothing can be recalled.";
  if (derived.outcome.token > 0.995)
    return `${score}: what does not matter lasts no time, so the letters are always read at the same age.`;
  const constant = values.delta.every((d) => d === values.delta[0]);
  if (constant) return `${score}: with one Δ for all tokens, a letter's age depends on the gaps, and no fixed C can follow.`;
  if (derived.strip.includes("|"))
    return `${score}: the boundary leaves ${percent(kept(values.delta[derived.strip.indexOf("|")]))} of the first document in the slowest state.`;
  return `${score}: what does not matter still lasts ${number(restOf(derived.strip, values.delta))} on average, and ages the letters.`;
}
