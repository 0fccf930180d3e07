// What a token writes into the state (B) and what is read out of it there (C): one thin band each, N rows high.

import { ChannelHeat } from "./gates.js";
import { meanOver } from "./sequence.js";
import { number } from "../canvas/words.js";

class Projection extends ChannelHeat {
  constructor(lab, index, options) {
    super(lab, index, { height: 52, symbol: [options.letter, options.letter], shows: [options.letter], ...options });
    this.letter = options.letter;
  }

  get values() {
    return this.layer[this.letter];
  }

  get unit() {
    return this.layer[`${this.letter}Scale`];
  }

  note() {
    if (!this.frame) return "";
    const { layer, s4d_init: poles } = this.run.record.settings?.model ?? {};
    if (layer === "s6") return `${this.layer.N} states, the same for every channel`;
    return `channel 0${poles === "real" ? "" : ", real part"}: the same at every ${this.lab.store.position}`;
  }

  paintFrame(g, frame, box, at) {
    const { values } = this;
    this.paintStates(g, frame, box, at, this.unit, (n, t) => values[n * frame.L + t]);
  }

  press() {}

  valueAt(n, t) {
    return (this.values[n * this.frame.L + t] / 127) * this.unit;
  }

  /** Root mean square over N after token t. */
  sizeAt(t) {
    let sum = 0;
    for (let n = 0; n < this.layer.N; n++) sum += this.valueAt(n, t) ** 2;
    return Math.sqrt(sum / this.layer.N);
  }

  describe() {
    const { frame, layer, lab } = this;
    if (!frame) return "No frame yet.";
    const size = (matters) => number(meanOver(lab, frame, matters, (t) => this.sizeAt(t)));
    const sizes = `${this.owner}: ${layer.N} states by ${frame.L} ${lab.store.position}s; mean size ${size(true)}`;
    return size(false) === "–" ? `${sizes}.` : `${sizes} on tokens that matter, ${size(false)} on the rest.`;
  }

  rows() {
    const states = [...Array(this.layer.N).keys()];
    return this.perToken(
      states.map((n) => `${this.letter}_${n + 1}`),
      (t) => states.map((n) => this.valueAt(n, t).toPrecision(4)),
    );
  }
}

export class Written extends Projection {
  constructor(lab, index) {
    super(lab, index, { name: "written", title: `how a ${lab.store.position} is written`, letter: "B" });
  }
}

export class Read extends Projection {
  constructor(lab, index) {
    super(lab, index, { name: "read", title: "how the state is read", letter: "C" });
  }
}
