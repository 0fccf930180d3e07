// Memory: a signal streams in, the state is what a curve through it needs, and the curve is drawn from the state alone.

import { number } from "../canvas/words.js";
import { chosen, delayLine, legsErrors, length, moment, signal, states, windowBasis } from "./memory_story.js";
import * as views from "./memory_views.js";

const PAUSE = 2; // s that the end of the story stands before it begins again

export function build(stage) {
  stage
    .derive("f", signal)
    .derive("memory", (values) => chosen(values, stage.extra))
    .derive("c", (values) => states(values, stage))
    .derive("slow", (values) => (values.fast ? states({ ...values, fast: false }, stage) : null))
    .derive("window", (values) => windowBasis(values, stage.derived.memory))
    .derive("errors", () => legsErrors(stage.derived.f))
    .derive("delay", (values) => delayLine(values, stage.derived.f))
    .derive("most", () => stage.derived.c.reduce((most, v) => Math.max(most, Math.abs(v)), 0.1));
  return {
    rows: [
      { views: [views.signalView(stage), views.coefficientsView(stage)], shares: [5, 3] },
      { views: [views.measureView(stage), views.matrixView(stage)], shares: [5, 3] },
      [views.agesView(stage), views.errorsView(stage)],
      [views.basisView(stage), views.delayView(stage)],
    ],
    animate: { length: () => length(stage.values) + PAUSE, loop: true },
    before: () => {
      stage.moment = moment(stage);
    },
    readouts: () => readouts(stage),
    say: () => say(stage),
  };
}

function readouts(stage) {
  const { values, derived, moment: at } = stage;
  const { best } = derived.errors;
  const facts = [
    ["samples seen", String(at.k), "x"],
    ["numbers kept", String(derived.memory.N), "h"],
    ["error of the memory", views.fraction(at.error), "h"],
  ];
  if (values.measure === "legs") facts.push([`best polynomial, at the end`, views.fraction(best[values.N - 1])]);
  if (derived.slow) facts.push(["largest change by speed", number(difference(stage)), "A"]);
  return facts;
}

/** How far the state is from the one at normal speed, at the same place of the story. */
function difference({ moment: { state, k }, derived: { slow, memory: given } }) {
  return state.reduce((most, v, n) => Math.max(most, Math.abs(v - slow[(k - 1) * given.N + n])), 0);
}

function say(stage) {
  const { moment: at, derived, values } = stage;
  if (derived.memory.waiting) return "The random matrix is on its way.";
  const kept = `${derived.memory.N} ${derived.memory.N === 1 ? "number" : "numbers"}`;
  const what = { legs: "all of it", lagt: "what has not faded yet" }[values.measure] ?? `the last ${number(values.theta)} s`;
  const after = `After ${at.now.toFixed(1)} s, ${kept} of a state redraw ${what} with an error of ${views.fraction(at.error)}`;
  return values.measure === "random" ? `${after}, read as well as can be: this A has mixed it all up.` : `${after}.`;
}
