// One card per run: how much it gets right at the step shown.

import { el, setText } from "../canvas/dom.js";
import { percent } from "../canvas/words.js";

const KINDS = { s6: "selection on", s4d: "selection off: time-invariant" };

export class Scores {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["frame", "metrics", "all"]);
    this.cards = lab.store.runs.map((run, i) => new Card(run, i));
    this.element = el("div", { class: "scores" }, ...this.cards.map((card) => card.element));
  }

  update() {
    for (const [i, card] of this.cards.entries())
      card.show(this.lab.store.runs[i].scores(this.lab.view.step), this.lab.store.record.chance);
  }
}

class Card {
  constructor(run, i) {
    const kind = KINDS[run.record.settings?.model?.layer] ?? "";
    this.token = gauge("tokens");
    this.sequence = gauge("sequences");
    this.element = el(
      "section",
      { class: "card", "data-run": i, "aria-label": `Score of ${run.record.label}` },
      el("h3", {}, el("span", { class: "swatch" }), run.record.label, el("small", {}, kind)),
      el("div", { class: "gauges" }, this.token.element, this.sequence.element),
    );
  }

  show(scores, chance) {
    this.token.set(scores?.token_accuracy, chance);
    this.sequence.set(scores?.sequence_accuracy, null);
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
      setText(value, score === undefined || score === null ? "–" : percent(score));
      bar.style.width = `${100 * (score ?? 0)}%`;
      mark.hidden = chance === null;
      if (chance !== null) {
        mark.style.left = `${100 * chance}%`;
        mark.title = `chance: ${percent(chance)}`;
      }
    },
  };
}
