// What is known of the place that is pointed at: every seed's state and scores, and a way into the lab.

import { el } from "../canvas/dom.js";
import { duration, number, percent } from "../canvas/words.js";
import { placesOf, placeWords, score, STATE_WORDS } from "./places.js";

const SHORT = { token_accuracy: "tokens", sequence_accuracy: "sequences", error: "error", test_loss: "loss" };

export class Place {
  /** `sweep`: has a board, and `labAddress(experiment)`. */
  constructor(sweep) {
    this.sweep = sweep;
    this.element = el("div", { class: "sweep-place", "aria-live": "polite" });
  }

  /** Undefined: nothing is pointed at, what was shown last stays. */
  show(place) {
    if (place) this.shown = { row: place.row, column: place.column };
    this.key = undefined;
    this.update();
  }

  update() {
    const { board } = this.sweep;
    const place = this.shown && placesOf(board)[this.shown.row]?.[this.shown.column];
    const key = JSON.stringify(place ?? board.id);
    if (key === this.key) return;
    this.key = key;
    const best = place ? undefined : "Point at a place, or move with the arrow keys: every seed's numbers stand here.";
    this.element.replaceChildren(...(place ? this.contents(place) : [el("p", { class: "why" }, best)]));
  }

  contents(place) {
    const { board } = this.sweep;
    const head = el("h3", {}, placeWords(board, place));
    if (place.hole) return [head, el("p", {}, `Not trained. ${place.hole}`)];
    return [head, this.summary(place), el("div", { class: "rolls" }, this.table(place))];
  }

  summary(place) {
    const { measure, measureWords } = this.sweep;
    const found = score(place, measure);
    if (!found) return el("p", {}, "No score yet.");
    const words = measure.endsWith("accuracy") ? percent : number;
    const spread = found.count > 1 ? `, mean of ${found.count} seeds from ${words(found.low)} to ${words(found.high)}` : "";
    return el("p", {}, `${measureWords}: `, el("b", {}, words(found.mean)), spread, found.final ? "." : ", still training.");
  }

  table(place) {
    const names = this.sweep.board.measures.map(({ name }) => name);
    const heads = ["seed", "state", ...names.map((name) => SHORT[name]), "time"];
    const rows = place.runs.flatMap((run) => {
      const words = (name) => (run[name] === null || run[name] === undefined ? "–" : name.endsWith("accuracy") ? percent(run[name]) : number(run[name]));
      const cells = [this.seed(run), stateWords(run), ...names.map(words), run.seconds ? duration(run.seconds) : "–"];
      const line = el("tr", {}, ...cells.map((cell) => el("td", {}, cell)));
      if (!run.reason) return [line];
      return [line, el("tr", {}, el("td", { class: "why", colspan: heads.length }, run.reason))];
    });
    return el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((words) => el("th", { scope: "col" }, words)))), el("tbody", {}, ...rows));
  }

  seed(run) {
    if (!run.experiment) return String(run.seed);
    const name = `Open seed ${run.seed} in the lab`;
    return el("a", { href: this.sweep.labAddress(run.experiment), title: name, "aria-label": name }, `${run.seed} ↗`);
  }
}

function stateWords(run) {
  const words = STATE_WORDS[run.state];
  return run.state === "done" || !run.step ? words : `${words}, step ${run.step}`;
}
