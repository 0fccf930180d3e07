// What is wanted and what each model says, answer by answer: a table, so that it reads without a picture.

import { el, setText } from "../canvas/dom.js";
import { inkOn, tokenFill } from "../canvas/theme.js";
import { percent } from "../canvas/words.js";

export class Answers {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["frame", "cursor", "all"]);
    this.table = el("table", { class: "answers" }, el("caption", { class: "sr" }, "Answers at the step shown"));
    this.element = el(
      "div",
      { class: "answers-box", tabindex: 0, role: "region", "aria-label": "Answers" },
      this.table,
    );
    this.rows = [this.row("wanted"), ...lab.store.runs.map((run) => this.row(run.record.label))];
    this.table.append(el("tbody", {}, ...this.rows.map((row) => row.element)));
  }

  row(words) {
    const total = el("td", { class: "total" });
    return { element: el("tr", {}, el("th", { scope: "row" }, words), total), cells: [], total };
  }

  update() {
    const frames = this.lab.store.runs.map((_, i) => this.lab.view.frame(i));
    const shown = frames.find(Boolean);
    if (!shown) return;
    const asked = positions(shown);
    this.fill(this.rows[0], asked, (cell, t) => this.paint(cell, t, shown.targets[t]));
    frames.forEach((frame, i) => frame && this.judge(this.rows[i + 1], frame));
  }

  judge(row, frame) {
    const asked = positions(frame);
    this.fill(row, asked, (cell, t) => {
      const right = frame.predicted[t] === frame.targets[t];
      this.paint(cell, t, frame.predicted[t], right, frame.confidence[t]);
    });
    const right = asked.filter((t) => frame.predicted[t] === frame.targets[t]).length;
    setText(row.total, `${right}/${asked.length}`);
  }

  fill(row, asked, paint) {
    while (row.cells.length > asked.length) row.cells.pop().element.remove();
    while (row.cells.length < asked.length) {
      const token = el("span", { class: "token" });
      const mark = el("span", { class: "mark" });
      const bar = el("i", { "aria-hidden": "true" });
      const cell = { element: el("td", {}, token, mark, bar), token, mark, bar };
      cell.element.addEventListener("pointerenter", () => this.lab.view.setCursor(cell.t));
      row.element.append(cell.element);
      row.cells.push(cell);
    }
    asked.forEach((t, i) => paint(row.cells[i], t));
  }

  paint(cell, t, id, right, confidence) {
    const { theme, store, view } = this.lab;
    cell.t = t;
    const fill = tokenFill(theme, id, store.record.vocabulary);
    setText(cell.token, store.token(id).label);
    cell.token.style.backgroundColor = fill;
    cell.token.style.color = inkOn(fill);
    cell.element.classList.toggle("here", view.cursor === t);
    if (right === undefined) return;
    setText(cell.mark, right ? "✓" : "✗");
    cell.mark.className = `mark ${right ? "right" : "wrong"}`;
    cell.bar.style.setProperty("--share", confidence);
    cell.element.title = `${right ? "right" : "wrong"}; probability given to the right token: ${percent(confidence)}`;
  }
}

function positions(frame) {
  return [...frame.targets.keys()].filter((t) => frame.targets[t] >= 0);
}
