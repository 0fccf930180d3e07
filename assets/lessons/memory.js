// Memory: a signal streams in, the state is what a curve through it needs, and the curve is drawn from the state alone.

import { number } from "../canvas/words.js";
import { memory } from "../maths/hippo.js";
import { memo } from "./memo.js";
import { chosen, delayLine, legsErrors, length, moment, signal, states, step, windowBasis } from "./memory_story.js";
import * as views from "./memory_views.js";

const PAUSE = 2; // s that the end of the story stands before it begins again

export function build(stage) {
  derive(stage);
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

/** What follows from the values; most changes leave most of it as it was. */
function derive(stage) {
  const { derived } = stage;
  const legt = memo((N, theta) => memory("legt", N, theta));
  const pick = memo(chosen);
  const run = [memo(states), memo(states), memo(states)]; // shown, at normal speed, delay line
  const [write, fade, compare, late] = [memo(signal), memo(windowBasis), memo(legsErrors), memo(delayLine)];
  stage
    .derive("f", (now) => write(now.signal, now.drawing))
    .derive("memory", ({ measure, N, theta }) =>
      measure === "legt" ? legt(N, theta) : pick(measure, N, theta, stage.extra.random),
    )
    .derive("c", (now) => run[0](derived.memory, derived.f, step(now)))
    .derive("slow", (now) => (now.fast ? run[1](derived.memory, derived.f, step({ fast: false })) : null))
    .derive("legt", (now) =>
      now.measure === "legt" ? derived.c : run[2](legt(now.N, now.theta), derived.f, step(now)),
    )
    .derive("window", (now) => fade(derived.memory, step(now)))
    .derive("errors", () => compare(derived.f))
    .derive("delay", (now) => late(derived.legt, derived.f, now.N, now.read, now.theta, step(now)))
    .derive("most", () => derived.c.reduce((most, v) => Math.max(most, Math.abs(v)), 0.1));
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
  const one = derived.memory.N === 1;
  const kept = one ? "1 number of a state redraws" : `${derived.memory.N} numbers of a state redraw`;
  const window = `the last ${number(Math.min(values.theta, at.now))} s`;
  const what = { legs: "all of it", lagt: "what has not faded yet" }[values.measure] ?? window;
  const after = `After ${at.now.toFixed(1)} s, ${kept} ${what} with an error of ${views.fraction(at.error)}`;
  return values.measure === "random" ? `${after}, read as well as can be: this A mixes everything up.` : `${after}.`;
}
