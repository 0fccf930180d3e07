// Views with one column per token, for one run: what all of them share.

import { lacks } from "./absent.js";
import { columns, GUTTER, MARGIN } from "../canvas/draw.js";
import { View } from "../canvas/view.js";

/** `shows`: the arrays of a layer without which there is nothing to draw. */
export class SequenceView extends View {
  constructor(lab, index, options) {
    super(lab, { ...options, needs: ["frame", "cursor", ...(options.needs ?? [])] });
    this.index = index;
    this.shows = options.shows ?? [];
    this.subject = options.symbol?.[1] ?? options.title; // what it is about, in a word
    this.top = options.top ?? 4;
    this.bottom = options.bottom ?? 4; // pixels below the plot, 16 where token positions are written
    this.canvas.classList.add("sequence");
  }

  get run() {
    return this.lab.store.runs[this.index];
  }

  get owner() {
    return this.run.record.label;
  }

  get frame() {
    return this.lab.view.frame(this.index);
  }

  get layer() {
    return this.frame?.layers[Math.min(this.lab.view.layer, this.frame.layers.length - 1)];
  }

  /** What is said of the run's layer; {} of one that nobody knows. */
  get card() {
    return this.run.record.card ?? {};
  }

  /** What a row of the memory is called. */
  get rowWord() {
    return this.card.rows || "channel";
  }

  /** Whether the layer shown has nothing to draw here. */
  get absent() {
    return this.shows.some((name) => lacks(this, name));
  }

  render(changes) {
    if (!this.absent) super.render(changes);
  }

  label() {
    if (!this.absent) super.label();
  }

  /** Index among the shown channels. */
  get channel() {
    return this.layer ? Math.min(this.lab.view.channel, this.layer.K - 1) : 0;
  }

  get box() {
    return { left: GUTTER, right: this.size.width - MARGIN, top: this.top, bottom: this.size.height - this.bottom };
  }

  get cursorBox() {
    return this.box;
  }

  /** Where each token stands. */
  columns() {
    const { from, to } = this.lab.view.range(this.index);
    return columns({ left: GUTTER, right: this.size.width - MARGIN, from, to });
  }

  paint(g, size) {
    if (!this.frame) return;
    this.paintFrame(g, this.frame, this.box, this.columns(), size);
  }

  /** The cursor's column, framed in the text's colour. */
  overlay(g) {
    if (!this.frame) return;
    const at = this.columns();
    const t = this.lab.view.cursor;
    if (t < at.from || t >= at.to) return;
    const { top, bottom } = this.cursorBox;
    const [x, wide] = [at.x(t), Math.max(at.wide, 3)];
    g.strokeStyle = this.lab.theme.background;
    g.lineWidth = 3;
    g.strokeRect(x - 0.5, top - 1, wide + 1, bottom - top + 2);
    g.strokeStyle = this.lab.theme.text;
    g.lineWidth = 1.25;
    g.strokeRect(x - 0.5, top - 1, wide + 1, bottom - top + 2);
  }

  hover(x) {
    if (!this.frame || x < GUTTER - 6) return;
    this.lab.view.setCursor(this.columns().at(x));
  }

  key(event) {
    return this.lab.view.cursorKey(event);
  }

  /** "A at position 12": the token under the cursor, for texts. */
  tokenWords(t) {
    return `${this.lab.store.inputWords(this.frame, t)} at position ${t}`;
  }

  /** A CSV with one row per token. */
  perToken(names, values) {
    const { frame } = this;
    const { signal } = frame;
    const rows = Array.from(frame.tokens, (_, t) => [
      t,
      signal ? signal[t].toPrecision(5) : this.lab.store.inputWords(frame, t),
      ...values(t),
    ]);
    return [["position", signal ? "signal" : "token", ...names], ...rows];
  }
}

/** Mean of f(t) over the tokens that matter, or over those that do not; answers are left out where not all tokens are. */
export function meanOver(lab, frame, matters, f) {
  let [sum, n] = [0, 0];
  const end = frame.targets[0] >= 0 ? frame.L : frame.targets.findIndex((target) => target >= 0);
  for (let t = 0; t < (end < 0 ? frame.L : end); t++) {
    if (lab.store.matters(frame.tokens, t) === matters) [sum, n] = [sum + f(t), n + 1];
  }
  return sum / n;
}
