// What token t takes from each token before it and from itself: attention, or what comes to the same in other layers.

import { el } from "../canvas/dom.js";
import { Heat } from "../canvas/draw.js";
import { SequenceView } from "./sequence.js";
import { gradient } from "../canvas/theme.js";
import { number, percent } from "../canvas/words.js";

/** Most weights are small; the root lets them be seen beside the large ones. */
const root = (share) => Math.sign(share) * Math.sqrt(Math.abs(share));

export class Weights extends SequenceView {
  constructor(lab, index) {
    super(lab, index, { name: "weights", title: "weights on the past", height: 300, shows: ["weights"] });
    this.subject = "weights";
    this.heat = new Heat();
    this.bar = el("span", { class: "bar", "aria-hidden": "true" });
    const legend = el("span", { class: "legend" }, (this.low = el("span")), this.bar, (this.high = el("span")));
    this.caption.insertBefore(legend, this.noteNode.nextSibling);
  }

  /** Of the layer shown, undefined where it has none. */
  get weights() {
    return this.layer?.weights;
  }

  /** Whose weights are shown: a number from 0, or "mean". */
  get head() {
    return headOf(this.weights, this.lab.view.head);
  }

  note() {
    if (!this.frame) return "";
    const { position } = this.lab.store;
    const { span } = this.weights;
    const row = span > 1 ? `${span} × ${span} ${position}s a cell` : `row t: what ${position} t takes`;
    return `${headWords(this.weights, this.head, this.card.heads)}, ${row}, root colours`;
  }

  /** From token s to token t, each with the neighbours that share its column or row. */
  at(t, s) {
    return weightAt(this.weights, this.head, t, s);
  }

  paintFrame(g, frame, box, at) {
    const { theme } = this.lab;
    const { signed, unit } = this.weights;
    const colours = signed ? theme.signed : theme.magnitude;
    if (this.colours !== colours) this.bar.style.background = gradient(colours);
    this.colours = colours;
    const most = signed ? 127 * unit : 1;
    this.low.textContent = signed ? `−${number(most)}` : "0 %";
    this.high.textContent = signed ? number(most) : "100 %";
    const colour = signed ? (w) => 128 + 127 * root(w / most) : (w) => 255 * root(w);
    const { side, span } = this.weights;
    this.heat.fill(side, side, colours, (t, s) => Math.round(colour(this.at(t * span, s * span))));
    this.heat.draw(g, box, at.from / span, at.to / span, this.size.ratio, frame.L / span);
    g.textAlign = "right";
    g.fillStyle = theme.faint;
    g.fillText("t = 0", box.left - 6, box.top + 6);
    g.fillText(String(frame.L - 1), box.left - 6, box.bottom - 6);
    g.strokeStyle = theme.grid;
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

  describe() {
    const { frame } = this;
    if (!frame) return "No frame yet.";
    const last = frame.L - 1;
    const best = strongest((s) => this.at(last, s), last);
    const share = this.at(last, best);
    const much = this.weights.signed ? `a weight of ${number(share)}` : `${percent(share)} of its attention`;
    return `${this.owner}, layer ${this.lab.view.layer + 1}, ${headWords(this.weights, this.head, this.card.heads)}: the last ${this.lab.store.position} looks most at ${this.tokenWords(best)}${this.weights.span > 1 ? " and its neighbours" : ""}, with ${much}.`;
  }

  rows() {
    const { cursor } = this.lab.view;
    return this.perToken([`weight_from_token_to_${cursor}`], (s) => [this.at(cursor, s).toPrecision(3)]);
  }
}

/** Of a head, or the mean of all. */
export function weightAt({ heads, side, span, data, unit }, head, t, s) {
  const place = Math.floor(t / span) * side + Math.floor(s / span);
  if (head !== "mean") return data[head * side * side + place] * unit;
  let sum = 0;
  for (let i = 0; i < heads; i++) sum += data[i * side * side + place];
  return (sum / heads) * unit;
}

/** The head to show: the one asked for, the mean where weights cannot cancel, else the first. */
export function headOf({ heads, signed }, asked) {
  if (asked === "mean" && !signed) return "mean";
  if (Number.isInteger(asked)) return Math.min(asked, heads - 1);
  return signed || heads === 1 ? 0 : "mean";
}

function headWords({ heads }, head, word = "head") {
  if (head === "mean") return `mean over ${word}s`;
  return heads === 1 ? `one ${word}` : `${word} ${head + 1} of ${heads}`;
}

/** The position up to t of the largest weight, whatever its sign. */
export function strongest(weight, t) {
  let best = 0;
  for (let s = 1; s <= t; s++) if (Math.abs(weight(s)) > Math.abs(weight(best))) best = s;
  return best;
}
