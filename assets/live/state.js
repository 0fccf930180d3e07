// The state: every channel's size over time, and the N numbers of the selected channel.

import { axisBottom, Heat, line, roundTicks } from "../canvas/draw.js";
import { stateAt, stateSize } from "./frame.js";
import { ChannelHeat } from "./gates.js";
import { number } from "../canvas/words.js";

// Few channels are large; the root lets the small ones be seen beside them.
const ROOT = Uint8Array.from({ length: 256 }, (_, i) => Math.round(255 * Math.sqrt(i / 255)));

export class StateHeat extends ChannelHeat {
  constructor(lab, index) {
    const { rows = "channel" } = lab.store.runs[index].record.card ?? {};
    super(lab, index, {
      name: "state",
      title: `state of every ${rows}`,
      symbol: ["h", "h"],
      height: 132,
      shows: ["heat"],
    });
  }

  /** A map of one row shows nothing that the row's own numbers do not. */
  get absent() {
    return super.absent || this.layer?.R === 1;
  }

  note() {
    return "RMS over N, square-root colours";
  }

  paintFrame(g, frame, box, at) {
    const { layer } = this;
    this.legend(this.lab.theme.magnitude, "0", number(layer.heatMax));
    const row = Math.floor(((frame.channels[this.channel] + 0.5) * layer.R) / this.channels(frame));
    this.paintMap(
      g,
      frame,
      box,
      at,
      layer.R,
      this.lab.theme.magnitude,
      (r, t) => ROOT[layer.heat[r * frame.L + t]],
      Math.min(row, layer.R - 1),
    );
  }

  describe() {
    const { frame, layer } = this;
    if (!frame) return "No frame yet.";
    const top = layer.heat.indexOf(255);
    const where = top < 0 ? "" : ` after ${this.tokenWords(top % frame.L)}`;
    return `${this.owner}: ${layer.R} rows of ${this.rowWord}s by ${frame.L} positions; largest ${number(layer.heatMax)}${where}.`;
  }

  rows() {
    const { frame, layer } = this;
    const rows = [...Array(layer.R).keys()];
    return this.perToken(
      rows.map((r) => `h_rms_row_${r}`),
      (t) => rows.map((r) => ((layer.heat[r * frame.L + t] / 255) * layer.heatMax).toPrecision(4)),
    );
  }
}

/** The N states of the selected channel; rows cannot be chosen, so the up and down keys still change the channel. */
export class ChannelStates extends ChannelHeat {
  constructor(lab, index) {
    const { rows = "channel", columns = "states" } = lab.store.runs[index].record.card ?? {};
    super(lab, index, {
      name: "states",
      title: `${columns} of the ${rows}`,
      symbol: ["h", "h"],
      height: 118,
      bottom: 18,
      shows: ["h"],
    });
  }

  note() {
    if (!this.frame) return "";
    return `${this.rowWord} ${this.frame.channels[this.channel]}${this.layer.complex ? ", real part" : ""}`;
  }

  paintFrame(g, frame, box, at) {
    const { layer, channel } = this;
    const first = channel * layer.N * frame.L;
    this.paintStates(g, frame, box, at, layer.hScale[channel], (n, t) => layer.h[first + n * frame.L + t]);
    const ticks = roundTicks(at.from, at.to - 1, Math.max(2, Math.floor((box.right - box.left) / 60))).filter(
      Number.isInteger,
    );
    for (const t of ticks) line(g, at.middle(t), box.bottom + 1, at.middle(t), box.bottom + 4);
    axisBottom(
      g,
      this.lab.theme,
      box,
      ticks,
      at.middle,
      (t) => (t === ticks.at(-1) ? `${this.lab.store.position} ${t}` : String(t)),
      box.bottom + 12,
    );
  }

  press() {}

  describe() {
    const { frame, layer, channel } = this;
    if (!frame) return "No frame yet.";
    const last = stateSize(layer, frame.L, channel, frame.L - 1);
    return `${this.owner}, ${this.rowWord} ${frame.channels[channel]}: ${layer.N} ${this.card.columns || "states"} by ${frame.L} positions, between −${number(layer.hScale[channel])} and ${number(layer.hScale[channel])}; size at the end ${number(last)}.`;
  }

  rows() {
    const { frame, layer, channel } = this;
    const states = [...Array(layer.N).keys()];
    return this.perToken(
      states.map((n) => `h_${n + 1}`),
      (t) => states.map((n) => stateAt(layer, frame.L, channel, n, t).toPrecision(4)),
    );
  }
}
