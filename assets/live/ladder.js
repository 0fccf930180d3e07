// The length ladder: how well both do on other lengths after training, as a picture and as exact numbers.

import { DASHES, Plot } from "./curves.js";
import { axisBottom, axisLeft, line, polyline, scale } from "../canvas/draw.js";
import { el } from "../canvas/dom.js";
import { fine } from "./scores.js";
import { lengthWords } from "../canvas/words.js";

const MARKS = ["■", "○"]; // one for each way of testing
const TITLES = {
  tokens: "Tested on other lengths",
  regression: "Tested on other lengths",
  signal: "Tested at other sampling rates",
};
const COLUMNS = {
  tokens: [
    ["token_accuracy", "tokens"],
    ["sequence_accuracy", "sequences"],
  ],
  regression: [["error", "error"]],
  signal: [["token_accuracy", "right"]],
};

function kindOf(store) {
  if (store.regresses) return "regression";
  return store.signal ? "signal" : "tokens";
}

function waysOf(store) {
  return [...new Set(store.runs.flatMap((run) => run.record.rungs.map((rung) => rung.label ?? "")))];
}

function rungsOf(run, way) {
  return run.record.rungs.filter((rung) => (rung.label ?? "") === way).sort((a, b) => a.length - b.length);
}

/** "128, Δ as trained". */
function rungWords({ length, label }) {
  return label ? `${lengthWords(length)}, ${label}` : lengthWords(length);
}

function marker(g, theme, mark, x, y) {
  if (!mark) return g.fillRect(x - 3, y - 3, 6, 6);
  g.fillStyle = theme.background;
  g.lineWidth = 1.75;
  g.beginPath();
  g.arc(x, y, 3.5, 0, 2 * Math.PI);
  g.fill();
  return g.stroke();
}

/** After training: token accuracy against the length of the test, logarithmic. */
export class Ladder extends Plot {
  constructor(lab) {
    super(lab, { name: "ladder", title: TITLES[kindOf(lab.store)], height: 190, needs: ["metrics"] });
  }

  note() {
    const ways = this.ways.filter(Boolean).map((way, i) => `${MARKS[i]} ${way}`);
    const what = { regression: "error", signal: "right" }[kindOf(this.lab.store)] ?? "token accuracy";
    return [what, ...ways].join(" · ");
  }

  /** The ways of testing, where there is more than one: each is a line. */
  get ways() {
    return waysOf(this.lab.store);
  }

  score(rung) {
    return this.lab.store.regresses ? rung.error : rung.token_accuracy;
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
    const { regresses } = store;
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
    if (!regresses) this.chanceLine(g, box, y);
    axisBottom(g, theme, box, lengths, x, lengthWords);
    store.runs.forEach((run, i) =>
      this.ways.forEach((way, mark) => {
        const points = rungsOf(run, way).map((rung) => [x(rung.length), y(this.score(rung))]);
        this.pen(g, i);
        if (mark) g.setLineDash(DASHES[(i + mark) % DASHES.length]);
        polyline(g, points);
        g.setLineDash([]);
        g.fillStyle = g.strokeStyle = theme.runs[i % theme.runs.length];
        for (const [px, py] of points) marker(g, theme, mark, px, py);
      }),
    );
  }

  describe() {
    const { runs, record } = this.lab.store;
    const words = runs.map(
      (run) =>
        `${run.record.label}: ${run.record.rungs.map((r) => `${rungWords(r)} ${fine(this.score(r))}`).join(", ") || "not tested"}`,
    );
    return `Trained at length ${record.task.L}. ${words.join("; ")}.`;
  }

  rows() {
    const fields = this.lab.store.regresses ? ["error"] : ["token_accuracy", "sequence_accuracy"];
    const way = this.ways.some(Boolean) ? ["label"] : [];
    const columns = ["length", ...way, ...fields, "sequences"];
    return [
      ["run", ...columns],
      ...this.lab.store.runs.flatMap(({ record }) =>
        record.rungs.map((rung) => [record.label, ...columns.map((name) => rung[name])]),
      ),
    ];
  }
}

export class RungTable {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["metrics", "all"]);
    this.body = el("tbody");
    this.columns = COLUMNS[kindOf(lab.store)];
    const heads = lab.store.runs.flatMap((run) => this.columns.map(([, words]) => `${run.record.label} ${words}`));
    const first = lab.store.signal ? `${lab.store.position}s` : "length";
    this.element = el(
      "div",
      { class: "rungs", tabindex: 0, role: "region", "aria-label": "Table of other lengths" },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, ...[first, ...heads].map((words) => el("th", { scope: "col" }, words)))),
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
    const tests = new Map(runs.flatMap((run) => run.record.rungs.map((rung) => [rungWords(rung), rung])));
    const sorted = [...tests.values()].sort((a, b) => a.length - b.length);
    this.body.replaceChildren(
      ...sorted.map((test) => {
        const cells = runs.flatMap((run) => {
          const rung = run.record.rungs.find((r) => rungWords(r) === rungWords(test));
          return this.columns.map(([field]) => rung?.[field]);
        });
        const words = `${rungWords(test)}${test.length === record.task.L ? " (trained)" : ""}`;
        return el("tr", {}, el("th", { scope: "row" }, words), ...cells.map((value) => el("td", {}, fine(value ?? NaN))));
      }),
    );
  }
}
