// One card per run: how much it gets right at the step shown.

import { el, setText } from "../canvas/dom.js";
import { number, percent } from "../canvas/words.js";

const POLES = { legs: "HiPPO's", lin: "evenly spaced", inv: "inversely spaced", real: "real", random: "random" };
const INVARIANT = "selection off: time-invariant";
const ALL = "delta B C"; // what is selective in S6

export class Scores {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["frame", "metrics", "all"]);
    this.cards = lab.store.runs.map((run, i) => new Card(run, i, lab.store));
    this.element = el("div", { class: "scores" }, ...this.cards.map((card) => card.element));
  }

  update() {
    const { record, runs } = this.lab.store;
    const races = new Set(runs.map((run) => run.record.settings?.backend)).size > 1; // what differs is the time
    for (const [i, card] of this.cards.entries()) {
      const scores = runs[i].scores(this.lab.view.step);
      card.show(scores, record.chance ?? null);
      if (races && scores) setText(card.kind, `${number((1000 * scores.seconds) / scores.step)} ms a step`);
    }
  }
}

/** A small share keeps its digits: 49.9 %, but 0.0023 %. */
export function fine(value) {
  return value > 0 && value < 1e-3 ? `${number(100 * value)} %` : percent(value);
}

/** What is scored: [field, words, whether guessing scores above 0]. */
function scored(store) {
  if (store.regresses) return [["error", "error", false]];
  if (store.signal) return [["token_accuracy", "right", true]];
  return [
    ["token_accuracy", "tokens", true],
    ["sequence_accuracy", "sequences", false],
  ];
}

function selectionOf(selective) {
  if (selective === ALL) return "selection on";
  return selective === "none" ? INVARIANT : `selective: ${selective.replace("delta", "Δ").replaceAll(" ", ", ")}`;
}

/** What sets a run apart from the others, in a few words. */
function kindOf({ label, settings, card }, store) {
  const { layer, s4d_init: poles, learn_poles: learns, selective = ALL } = settings?.model ?? {};
  if (layer === "s6") return selectionOf(selective);
  const starts = new Set(store.runs.map(({ record }) => record.settings?.model?.s4d_init));
  if (layer !== "s4d") return card ? `remembers ${card.memory}` : "";
  if (!store.signal && starts.size === 1) return INVARIANT;
  const words = `${POLES[poles] ?? poles} poles`;
  return [label === words ? "" : words, learns === false ? "not trained" : ""].filter(Boolean).join(", ");
}

class Card {
  constructor(run, i, store) {
    this.kind = el("small", {}, kindOf(run.record, store));
    this.gauges = scored(store).map(([field, words, guess]) => ({ field, guess, ...gauge(words) }));
    this.element = el(
      "section",
      { class: "card", "data-run": i, "aria-label": `Score of ${run.record.label}` },
      el("h3", {}, el("span", { class: "swatch" }), run.record.label, this.kind),
      el("div", { class: "gauges" }, ...this.gauges.map(({ element }) => element)),
    );
  }

  show(scores, chance) {
    for (const { field, guess, set } of this.gauges) set(scores?.[field], guess ? chance : null);
  }
}

/** A number over a bar, with a mark where guessing stands. */
function gauge(words) {
  const value = el("strong", {}, "–");
  const bar = el("i");
  const mark = el("b", { title: "chance", hidden: true });
  const element = el(
    "div",
    { class: "gauge" },
    el("div", {}, value, el("span", {}, words)),
    el("div", { class: "track", "aria-hidden": "true" }, bar, mark),
  );
  return {
    element,
    set(score, chance) {
      setText(value, score === undefined || score === null ? "–" : fine(score));
      bar.style.width = `${100 * Math.min(1, score ?? 0)}%`;
      mark.hidden = chance === null;
      if (chance !== null) {
        mark.style.left = `${100 * chance}%`;
        mark.title = `chance: ${percent(chance)}`;
      }
    },
  };
}
