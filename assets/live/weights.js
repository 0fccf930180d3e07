// Softmax attention of one layer: row t is what token t takes from each token before it and from itself.

import { el } from "../canvas/dom.js";
import { Heat } from "../canvas/draw.js";
import { SequenceView } from "./sequence.js";
import { gradient } from "../canvas/theme.js";
import { percent } from "../canvas/words.js";

// Most weights are small; the root lets them be seen beside the large ones.
const ROOT = Uint8Array.from({ length: 256 }, (_, i) => Math.round(255 * Math.sqrt(i / 255)));

export class Weights extends SequenceView {
  constructor(lab, index) {
    super(lab, index, { name: "weights", title: "attention, mean over heads", height: 300 });
    this.heat = new Heat();
    this.bar = el("span", { class: "bar", "aria-hidden": "true" });
    const legend = el("span", { class: "legend" }, "0 %", this.bar, "100 %");
    this.caption.insertBefore(legend, this.noteNode.nextSibling);
  }

  /** Of the layer shown, or undefined where the sequence is too long for a picture. */
  get weights() {
    return this.layer?.weights;
  }

  note() {
    if (!this.frame) return "";
    return this.weights ? "row t: what token t looks at, root colours" : "too many tokens to show";
  }

  /** Mean over heads. */
  at(t, s) {
    const { heads, data, unit } = this.weights;
    const { L } = this.frame;
    let sum = 0;
    for (let i = 0; i < heads; i++) sum += data[(i * L + t) * L + s];
    return (sum / heads) * unit;
  }

  paintFrame(g, frame, box, at) {
    if (!this.weights) return;
    const { magnitude, faint, grid } = this.lab.theme;
    if (this.colours !== magnitude) this.bar.style.background = gradient(magnitude);
    this.colours = magnitude;
    this.heat.fill(frame.L, frame.L, magnitude, (t, s) => ROOT[Math.round(255 * this.at(t, s))]);
    this.heat.draw(g, box, at.from, at.to, this.size.ratio);
    g.textAlign = "right";
    g.fillStyle = faint;
    g.fillText("t = 0", box.left - 6, box.top + 6);
    g.fillText(String(frame.L - 1), box.left - 6, box.bottom - 6);
    g.strokeStyle = grid;
    g.lineWidth = 1;
    g.strokeRect(box.left - 0.5, box.top - 0.5, box.right - box.left + 1, box.bottom - box.top + 1);
  }

  /** The row of the token under the cursor, and its column. */
  overlay(g) {
    super.overlay(g);
    if (!this.frame) return;
    const { box } = this;
    const high = (box.bottom - box.top) / this.frame.L;
    g.strokeRect(box.left - 0.5, box.top + this.lab.view.cursor * high - 0.5, box.right - box.left + 1, high + 1);
  }

  /** Where token t looks most. */
  strongest(t) {
    let best = 0;
    for (let s = 1; s <= t; s++) if (this.at(t, s) > this.at(t, best)) best = s;
    return best;
  }

  describe() {
    const { frame } = this;
    if (!frame || !this.weights) return "No frame yet.";
    const [last, best] = [frame.L - 1, this.strongest(frame.L - 1)];
    return `${this.owner}, layer ${this.lab.view.layer + 1}: the last token looks most at ${this.tokenWords(best)}, with ${percent(this.at(last, best))} of its attention.`;
  }

  rows() {
    const { cursor } = this.lab.view;
    return this.perToken([`attention_of_token_${cursor}`], (s) => [this.at(cursor, s).toPrecision(3)]);
  }
}
