// The length ladder as a table: exact numbers beside the picture.

import { el } from "./dom.js";
import { lengthWords, percent } from "./words.js";

export class RungTable {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["metrics", "all"]);
    this.body = el("tbody");
    const heads = lab.store.runs.flatMap((run) => [`${run.record.label} tokens`, `${run.record.label} sequences`]);
    this.element = el("div", { class: "rungs", tabindex: 0, role: "region", "aria-label": "Table of other lengths" },
      el("table", {}, el("thead", {}, el("tr", {}, ...["length", ...heads].map((words) => el("th", { scope: "col" }, words)))), this.body));
  }

  update() {
    const { runs, record } = this.lab.store;
    const key = runs.map((run) => run.record.rungs.length).join();
    if (key === this.key) return;
    this.key = key;
    const lengths = [...new Set(runs.flatMap((run) => run.record.rungs.map((rung) => rung.length)))].sort((a, b) => a - b);
    this.body.replaceChildren(...lengths.map((length) => {
      const cells = runs.flatMap((run) => {
        const rung = run.record.rungs.find((r) => r.length === length);
        return [rung?.token_accuracy, rung?.sequence_accuracy];
      });
      const words = `${lengthWords(length)}${length === record.task.L ? " (trained)" : ""}`;
      return el("tr", {}, el("th", { scope: "row" }, words), ...cells.map((value) => el("td", {}, percent(value))));
    }));
  }
}
