// The numbers under the cursor, for one run: fixed places, so that nothing jumps while the cursor moves.

import { el, setText } from "../canvas/dom.js";
import { keptAt, keptMean, stateSize } from "./frame.js";
import { headOf, strongest, weightAt } from "./weights.js";
import { number, percent } from "../canvas/words.js";

export class Readout {
  constructor(lab, index) {
    this.lab = lab;
    this.index = index;
    this.needs = new Set(["frame", "cursor", "channel", "all"]);
    const item = (name, words, symbol) => {
      this[name] = el("dd", {}, "–");
      return el("div", {}, el("dt", { class: symbol ? `symbol-${symbol}` : false }, words), this[name]);
    };
    this.element = el(
      "dl",
      { class: "readout" },
      item("token", lab.store.position),
      item("delta", "Δ", "delta"),
      item("kept", "kept", "A"),
      item("size", "|h|", "h"),
      item("looks", "looks at"),
      item("says", "says"),
    );
    this.element.title =
      "Δ and kept: mean over channels (selected channel). |h|: selected channel. Looks at: the largest weight.";
  }

  update() {
    const { lab } = this;
    const frame = lab.view.frame(this.index);
    const t = lab.view.cursor;
    if (!frame || t >= frame.L) {
      for (const node of this.element.querySelectorAll("dd")) setText(node, "–");
      return;
    }
    const layer = frame.layers[Math.min(lab.view.layer, frame.layers.length - 1)] ?? {};
    const token = lab.store.token(frame.tokens[t]);
    const words = frame.signal || token.kind === "data" ? lab.store.inputWords(frame, t) : token.kind;
    setText(this.token, `${t}: ${words}`);
    setText(this.says, this.answer(frame, t));
    const k = Math.min(lab.view.channel, layer.K - 1);
    this.tell(this.delta, layer.delta, (delta) => `${number(layer.deltaMean[t])} (${number(delta[k * frame.L + t])})`);
    this.tell(this.kept, layer.keep, () => `${number(keptMean(layer, frame.L, t))} (${number(keptAt(layer, frame.L, k, t))})`);
    this.tell(this.size, layer.h, () => number(stateSize(layer, frame.L, k, t)));
    this.tell(this.looks, layer.weights, (weights) => this.looked(frame, weights, t));
  }

  /** A number that only some layers have. */
  tell(node, has, words) {
    node.parentElement.hidden = !has;
    if (has) setText(node, words(has));
  }

  /** The token that counts most at t, and how much. */
  looked(frame, weights, t) {
    const head = headOf(weights, this.lab.view.head);
    const at = (s) => weightAt(weights, head, t, s);
    const s = strongest(at, t);
    const place = weights.span > 1 ? `${s}–${Math.min(s + weights.span, frame.L) - 1}` : s;
    return `${place}: ${this.lab.store.inputWords(frame, s)} (${weights.signed ? number(at(s)) : percent(at(s))})`;
  }

  answer(frame, t) {
    if (frame.said) return `${number(frame.said[t])}, wanted ${number(frame.wanted[t])}`;
    const said = this.lab.store.token(frame.predicted[t]).label;
    if (frame.targets[t] < 0) return frame.signal ? `${said} (${percent(frame.confidence[t])})` : "not asked";
    const right = frame.predicted[t] === frame.targets[t];
    const wanted = right ? "" : `, not ${this.lab.store.token(frame.targets[t]).label}`;
    return `${said} ${right ? "✓" : "✗"}${wanted} (${percent(frame.confidence[t])})`;
  }
}
