// The length ladder: how well both do on other lengths after training, as a picture and as exact numbers.

import { DASHES, Plot } from "./curves.js";
import { axisBottom, axisLeft, line, polyline, scale } from "../canvas/draw.js";
import { el } from "../canvas/dom.js";
import { lengthWords, percent } from "../canvas/words.js";

/** After training: token accuracy against the length of the test, logarithmic. */
export class Ladder extends Plot {
  constructor(lab) {
    super(lab, { name: "ladder", title: "Tested on other lengths", height: 190, needs: ["metrics"] });
  }

  note() {
    return "token accuracy";
  }

  get lengths() {
    return [...new Set(this.lab.store.runs.flatMap((run) => run.record.rungs.map((rung) => rung.length)))].sort(
      (a, b) => a - b,
    );
  }

  paint(g) {
    const { lengths, box } = this;
    if (!lengths.length) return;
    const { theme, store } = this.lab;
    const y = scale(0, 1, box.bottom, box.top);
    const trained = store.record.task.L;
    const x = scale(
      Math.min(lengths[0], trained),
      Math.max(lengths.at(-1), trained),
      box.left + 14,
      box.right - 14,
      true,
    );
    axisLeft(g, theme, box, [0, 0.5, 1], y, (v) => `${100 * v} %`);
    g.strokeStyle = theme.faint;
    g.setLineDash([]);
    line(g, x(trained), box.top, x(trained), box.bottom);
    g.fillStyle = theme.faint;
    g.textAlign = x(trained) > (box.left + box.right) / 2 ? "right" : "left";
    g.fillText(g.textAlign === "left" ? " trained here" : "trained here ", x(trained), box.bottom - 8);
    this.chanceLine(g, box, y);
    axisBottom(g, theme, box, lengths, x, lengthWords);
    store.runs.forEach((run, i) => {
      const rungs = [...run.record.rungs].sort((a, b) => a.length - b.length);
      this.pen(g, i);
      polyline(
        g,
        rungs.map((rung) => [x(rung.length), y(rung.token_accuracy)]),
      );
      g.setLineDash([]);
      g.fillStyle = theme.runs[i % theme.runs.length];
      for (const rung of rungs) g.fillRect(x(rung.length) - 3, y(rung.token_accuracy) - 3, 6, 6);
    });
  }

  describe() {
    const { runs, record } = this.lab.store;
    const words = runs.map(
      (run) =>
        `${run.record.label}: ${run.record.rungs.map((r) => `${lengthWords(r.length)} ${percent(r.token_accuracy)}`).join(", ") || "not tested"}`,
    );
    return `Trained at length ${record.task.L}. ${words.join("; ")}.`;
  }

  rows() {
    const head = ["run", "length", "token_accuracy", "sequence_accuracy", "sequences"];
    return [
      head,
      ...this.lab.store.runs.flatMap((run) =>
        run.record.rungs.map((r) => [run.record.label, r.length, r.token_accuracy, r.sequence_accuracy, r.sequences]),
      ),
    ];
  }
}

export class RungTable {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["metrics", "all"]);
    this.body = el("tbody");
    const heads = lab.store.runs.flatMap((run) => [`${run.record.label} tokens`, `${run.record.label} sequences`]);
    this.element = el(
      "div",
      { class: "rungs", tabindex: 0, role: "region", "aria-label": "Table of other lengths" },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, ...["length", ...heads].map((words) => el("th", { scope: "col" }, words)))),
        this.body,
      ),
    );
  }

  forget() {
    this.key = undefined;
  }

  update() {
    const { runs, record } = this.lab.store;
    const key = runs.map((run) => run.record.rungs.length).join();
    if (key === this.key) return;
    this.key = key;
    const lengths = [...new Set(runs.flatMap((run) => run.record.rungs.map((rung) => rung.length)))].sort(
      (a, b) => a - b,
    );
    this.body.replaceChildren(
      ...lengths.map((length) => {
        const cells = runs.flatMap((run) => {
          const rung = run.record.rungs.find((r) => r.length === length);
          return [rung?.token_accuracy, rung?.sequence_accuracy];
        });
        const words = `${lengthWords(length)}${length === record.task.L ? " (trained)" : ""}`;
        return el("tr", {}, el("th", { scope: "row" }, words), ...cells.map((value) => el("td", {}, percent(value))));
      }),
    );
  }
}
