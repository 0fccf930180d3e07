// The tokens of one run's frame, aligned with the views below, and what the network says at the answers.

import { hatch, verdict } from "../canvas/draw.js";
import { SequenceView } from "./sequence.js";
import { inkOn, tokenFill } from "../canvas/theme.js";

const CELL = 18; // height of a row of cells
const SEPARATE = 5; // narrowest column with a gap to the next
const READABLE = 9; // narrowest column in which a letter is written

export class Band extends SequenceView {
  constructor(lab, index) {
    super(lab, index, { name: "tokens", title: "Tokens and answers", height: 2 * CELL + 32, top: 14, bottom: 18 });
  }

  note() {
    const { frame } = this;
    if (!frame) return "";
    const asked = [...frame.targets.keys()].filter((t) => frame.targets[t] >= 0);
    return `${asked.filter((t) => frame.predicted[t] === frame.targets[t]).length} of ${asked.length} right`;
  }

  paintFrame(g, frame, box, at) {
    const { theme } = this.lab;
    this.paintLabels(g, box);
    if (at.wide <= SEPARATE) hatch(g, box.left, box.top, box.right - box.left, CELL - 1, theme.noise, 4); // noise, all at once
    for (let t = at.from; t < at.to; t++) {
      this.cell(g, at, t, frame.tokens[t], box.top);
      if (frame.targets[t] < 0) continue;
      this.cell(g, at, t, frame.predicted[t], box.top + CELL + 1);
      this.judge(g, theme, frame.predicted[t] === frame.targets[t], at, t, box.top + 2 * CELL + 3);
    }
    this.paintCallouts(g, frame, box, at);
  }

  paintLabels(g, box) {
    g.textAlign = "right";
    g.fillStyle = this.lab.theme.faint;
    for (const [row, words] of ["read", "said", "right?"].entries())
      g.fillText(words, box.left - 6, box.top + CELL / 2 + row * (CELL + 1));
  }

  cell(g, at, t, id, top) {
    const { theme, store } = this.lab;
    const token = store.token(id);
    const fill = tokenFill(theme, id, store.record.vocabulary);
    const gap = at.wide > SEPARATE ? 1 : 0;
    const [x, wide] = [at.x(t), at.wide - gap];
    if (token.kind === "noise") {
      if (gap) hatch(g, x, top, wide, CELL - 1, fill, 4);
      return;
    }
    g.fillStyle = fill;
    g.fillRect(x, top, Math.max(wide, 1), CELL - 1);
    if (at.wide < READABLE) return;
    g.fillStyle = inkOn(fill);
    g.textAlign = "center";
    g.fillText(token.label, at.middle(t) - gap / 2, top + CELL / 2);
  }

  /** A tick or a cross; where columns are too narrow for that, a high bar for right and a low one for wrong. */
  judge(g, theme, right, at, t, top) {
    if (at.wide >= 4.5) {
      verdict(g, theme, right, at.middle(t), top + 6, Math.min(9, at.wide - 1.5));
      return;
    }
    g.fillStyle = right ? theme.right : theme.wrong;
    g.fillRect(at.x(t), top + (right ? 0 : 7), at.wide, 6);
  }

  /** Narrow columns: letters of data tokens in a row of their own above, where they do not touch. */
  paintCallouts(g, frame, box, at) {
    if (at.wide >= READABLE) return;
    const { theme, store } = this.lab;
    g.textAlign = "center";
    let free = -Infinity;
    for (let t = at.from; t < at.to; t++) {
      const token = store.token(frame.tokens[t]);
      if (frame.targets[t] >= 0 && token.kind === "marker") break;
      if (!store.matters(frame.tokens, t)) continue;
      const half = g.measureText(token.label).width / 2 + 1;
      if (at.middle(t) - half < free) continue;
      g.fillStyle = theme.text;
      g.fillText(token.label, at.middle(t), box.top - 7);
      free = at.middle(t) + half;
    }
  }

  /** The cursor frames the cells and leaves the letters below them readable. */
  get cursorBox() {
    return { ...this.box, bottom: this.box.top + CELL - 1 };
  }

  describe() {
    const { frame } = this;
    if (!frame) return "No frame yet.";
    const asked = [...frame.targets.keys()].filter((t) => frame.targets[t] >= 0);
    const labels = (ids) => ids.map((id) => this.lab.store.token(id).label).join(" ");
    return `${frame.L} tokens, ${this.note()}. Wanted ${labels(asked.map((t) => frame.targets[t]))}; ${this.owner} says ${labels(asked.map((t) => frame.predicted[t]))}.`;
  }

  rows() {
    const { targets, predicted, confidence } = this.frame;
    const name = (id) => (id < 0 ? "" : this.lab.store.token(id).label);
    return this.perToken(["target", "predicted", "probability"], (t) => [
      name(targets[t]),
      name(predicted[t]),
      confidence[t].toFixed(4),
    ]);
  }
}
