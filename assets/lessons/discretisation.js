// Lesson 3: what a token's Delta does. Three scenes: six rules on one curve, twice as many tokens, Theorem 1.

import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { ball, heights, sweep } from "./marks.js";
import { discPlot, errorPlot, planePlot } from "./regions.js";
import { resampleFacts, resampleRows, resampleWords } from "./resample.js";
import { scenes } from "./scenes.js";
import {
  colourOf,
  dashOf,
  derive,
  drawable,
  limit,
  NAMES,
  orderWords,
  others,
  SECONDS,
  size,
  tokenAt,
} from "./stepping.js";
import { theoremFacts, theoremRows, theoremWords } from "./theorem.js";

export function build(stage) {
  derive(stage);
  const scene = scenes(stage, "scene", {
    curve: [
      { views: [curvePlot(stage), discPlot(stage)], shares: [2, 1] },
      { views: [tokenPlot(stage), planePlot(stage), errorPlot(stage)], shares: [1, 1, 1] },
    ],
    resample: resampleRows(stage),
    gate: theoremRows(stage),
  });
  return {
    ...scene,
    before: (_, changes) => {
      scene.before(_, changes);
      // Theorem 1 has a Delta of its own for every token
      stage.element.querySelector('[data-control="delta"]').closest("label").hidden = stage.values.scene === "gate";
    },
    animate: { length: SECONDS, loop: true },
    readouts: () => WORDS[stage.values.scene].facts(stage),
    say: () => WORDS[stage.values.scene].say(stage),
  };
}

// -- six rules --------------------------------------------------------------------------------------------------------

function curvePlot(stage) {
  const answer = (method, more) => ({
    name: NAMES[method],
    x: [0, ...stage.derived.tokens.t],
    y: [0, ...drawable(stage.derived.runs[method])],
    colour: colourOf(stage, method),
    dash: dashOf(method),
    ...more,
  });
  return new Plot(stage, {
    name: "curve",
    title: "one signal, six rules",
    symbol: ["y", "y"],
    height: 300,
    x: { label: "seconds", range: [0, SECONDS] },
    y: { range: () => heights(stage) },
    series: () => {
      const { curve, tokens, runs } = stage.derived;
      const { method } = stage.values;
      return [
        { name: "exact", x: curve.t, y: curve.y, colour: stage.theme.faint, width: 7, faint: true },
        ...others(stage).map((m) => answer(m, { width: 1.25 })),
        answer(method, { width: 2.5, dash: undefined }),
        {
          x: tokens.t,
          y: drawable(runs[method]),
          kind: "dots",
          colour: colourOf(stage, method),
          quiet: true,
          width: tokens.t.length > 100 ? 1.5 : 2.5,
        },
      ];
    },
    over: (g, place) => {
      sweep(g, place, stage.clock);
      const { curve, tokens, runs } = stage.derived;
      const i = Math.round((stage.clock / SECONDS) * (curve.t.length - 1));
      ball(g, place, curve.t[i], curve.y[i], stage.theme.faint, 5);
      const k = tokenAt(stage);
      if (k > 0)
        ball(g, place, tokens.t[k - 1], runs[stage.values.method][k - 1], colourOf(stage, stage.values.method), 7);
    },
  });
}

/** What the model sees of the signal: one number for as long as a token lasts. */
function tokenPlot(stage) {
  return new Plot(stage, {
    name: "tokens",
    title: "the signal in tokens: each lasts Δ",
    symbol: ["x", "x"],
    height: 240,
    x: { label: "seconds", range: [0, SECONDS] },
    y: { range: () => (stage.values.input === "step" ? [0, 1.3] : [-1.2, 1.2]) },
    series: () => {
      const { curve } = stage.derived;
      return [{ name: "x(t)", x: curve.t, y: curve.x, colour: stage.theme.symbol.x, width: 3 }];
    },
    front: (g, { x, y, theme }) => {
      const { t, x: value } = stage.derived.tokens;
      const { delta } = stage.values;
      g.strokeStyle = g.fillStyle = theme.symbol.delta;
      g.lineWidth = 1;
      for (let k = 0; k < t.length; k++) {
        const [left, right] = [x(t[k] - delta), x(t[k])];
        const [top, bottom] = [Math.min(y(value[k]), y(0)), Math.max(y(value[k]), y(0))];
        g.globalAlpha = 0.16;
        g.fillRect(left, top, right - left, bottom - top);
        g.globalAlpha = right - left > 3 ? 0.9 : 0.3;
        g.strokeRect(left, top, right - left, bottom - top);
      }
      g.globalAlpha = 1;
    },
    over: (g, place) => {
      const { delta } = stage.values;
      const k = Math.min(stage.derived.tokens.t.length - 1, Math.floor(stage.clock / delta));
      const { box, x } = place;
      g.fillStyle = stage.theme.symbol.delta;
      g.globalAlpha = 0.35;
      g.fillRect(x(k * delta), box.top, Math.max(1, x((k + 1) * delta) - x(k * delta)), box.bottom - box.top);
      g.globalAlpha = 1;
      sweep(g, place, stage.clock);
    },
    rows: () => [
      ["token ends (s)", "x"],
      ...Array.from(stage.derived.tokens.t, (t, k) => [t, stage.derived.tokens.x[k]]),
    ],
  });
}

// -- words ------------------------------------------------------------------------------------------------------------

const WORDS = {
  curve: {
    facts: (stage) => {
      const { delta, method } = stage.values;
      const { tokens, error } = stage.derived;
      const bound = limit(stage);
      return [
        ["Δ", `${number(delta)} s`, "delta"],
        ["tokens in 8 s", String(tokens.t.length), "x"],
        ["kept by one token: |z|", number(size(stage, method)), "A"],
        ["Euler holds up to Δ", bound ? `${number(bound)} s` : "never", "delta"],
        [`largest error, ${NAMES[method]}`, number(error), "y"],
        ["as Δ shrinks", orderWords(stage, method).replace("to the ", "^").replace("Δ ^", "Δ^"), "delta"],
        ["Euler |z|", number(size(stage, "euler")), "A"],
      ];
    },
    say: (stage) => {
      const { delta, method } = stage.values;
      const bound = limit(stage);
      const euler =
        bound && delta > bound ? `Euler has left the unit disc: it holds only up to Δ = ${number(bound)} s.` : "";
      const grows = size(stage, method) > 1 + 1e-9;
      const own = grows
        ? `${NAMES[method]} multiplies the state by ${number(size(stage, method))} at every token: it grows.`
        : `Under ${NAMES[method]} one token keeps ${number(100 * size(stage, method))} % of the slowest mode.`;
      return `${own} ${method === "euler" && grows ? `It holds only up to Δ = ${number(bound)} s.` : euler}`.trim();
    },
  },
  resample: { facts: resampleFacts, say: resampleWords },
  gate: { facts: theoremFacts, say: theoremWords },
};
