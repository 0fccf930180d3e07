// What the layer decides per token: Delta (how long the token lasts) and what is kept of the state.

import { axisLeft, decades, Heat, hatch, line, polyline, scale } from "../canvas/draw.js";
import { keptAt, keptMean } from "./frame.js";
import { meanOver, SequenceView } from "./sequence.js";
import { gradient } from "../canvas/theme.js";
import { el } from "../canvas/dom.js";
import { number, percent, power } from "../canvas/words.js";

/** Every other tick where they would crowd. */
function fewer(ticks) {
  return ticks.length > 5 ? ticks.filter((_, i) => (ticks.length - 1 - i) % 2 === 0) : ticks;
}

/** One column per token; noise is hatched, the selected channel is a line. */
class Gate extends SequenceView {
  constructor(lab, index, options) {
    super(lab, index, { ...options, needs: ["channel"] });
  }

  bars(g, frame, box, at, colour, y, mean, single) {
    const { theme, store } = this.lab;
    const gap = at.wide > 4 ? 1 : 0;
    for (let t = at.from; t < at.to; t++) {
      const [x, top, wide] = [at.x(t), y(mean(t)), Math.max(at.wide - gap, 0.75)];
      const kind = store.token(frame.tokens[t]).kind;
      g.globalAlpha = kind === "marker" || store.matters(frame.tokens, t) ? 0.9 : 0.18;
      g.fillStyle = colour;
      g.fillRect(x, top, wide, box.bottom - top);
      g.globalAlpha = 0.3;
      if (kind === "noise" && at.wide > 3) hatch(g, x, top, wide, box.bottom - top, colour, 6);
    }
    g.strokeStyle = theme.text;
    g.lineWidth = 1;
    g.globalAlpha = 0.85;
    const points = [];
    for (let t = at.from; t < at.to; t++) points.push([at.x(t), y(single(t))], [at.x(t + 1), y(single(t))]);
    polyline(g, points);
    g.globalAlpha = 1;
  }
}

export class DeltaBars extends Gate {
  constructor(lab, index) {
    super(lab, index, { name: "delta", title: `per ${lab.store.position}`, symbol: ["delta", "Δ"], height: 92, shows: ["delta"] });
  }

  note() {
    return this.frame ? `bars: geometric mean · line: channel ${this.frame.channels[this.channel]}` : "";
  }

  paintFrame(g, frame, box, at) {
    const { theme } = this.lab;
    const { low, high } = this.lab.view.deltaRange;
    const y = scale(low, high, box.bottom, box.top, true);
    axisLeft(g, theme, box, fewer(decades(low, high)), y, power);
    const { delta, deltaMean } = this.layer;
    const row = this.channel * frame.L;
    this.bars(
      g,
      frame,
      box,
      at,
      theme.symbol.delta,
      y,
      (t) => deltaMean[t],
      (t) => delta[row + t],
    );
  }

  describe() {
    const { frame, layer, lab } = this;
    if (!frame) return "No frame yet.";
    const log = (matters) => Math.exp(meanOver(lab, frame, matters, (t) => Math.log(layer.deltaMean[t])));
    const [data, rest] = [log(true), log(false)];
    const start = `${this.owner}, layer ${lab.view.layer + 1}: Delta`;
    if (Number.isNaN(rest)) return `${start} ${number(data)} on the average. Logarithmic axis.`;
    return `${start} on tokens that matter ${number(data)}, on the rest ${number(rest)}, ratio ${number(data / rest)}. Logarithmic axis.`;
  }

  rows() {
    const { layer, channel, frame } = this;
    return this.perToken(["delta_geometric_mean", `delta_channel_${frame.channels[channel]}`], (t) => [
      layer.deltaMean[t],
      layer.delta[channel * frame.L + t],
    ]);
  }
}

export class KeptBars extends Gate {
  constructor(lab, index) {
    super(lab, index, { name: "kept", title: `kept per ${lab.store.position}`, symbol: ["A", "Ā"], height: 76, shows: ["keep"] });
  }

  note() {
    return "1 = all kept, 0 = forgotten";
  }

  paintFrame(g, frame, box, at) {
    const { theme } = this.lab;
    const y = scale(0, 1, box.bottom, box.top);
    axisLeft(g, theme, box, [0, 0.5, 1], y, String);
    const { layer, channel } = this;
    this.bars(
      g,
      frame,
      box,
      at,
      theme.symbol.A,
      y,
      (t) => keptMean(layer, frame.L, t),
      (t) => keptAt(layer, frame.L, channel, t),
    );
  }

  describe() {
    const { frame, layer, lab } = this;
    if (!frame) return "No frame yet.";
    const kept = (matters) => meanOver(lab, frame, matters, (t) => keptMean(layer, frame.L, t));
    const [data, rest] = [kept(true), kept(false)];
    if (Number.isNaN(rest)) return `${this.owner}: a ${lab.store.position} leaves ${percent(data)} of the state.`;
    return `${this.owner}: a token that matters leaves ${percent(data)} of the state, any other ${percent(rest)}.`;
  }

  rows() {
    const { layer, channel, frame } = this;
    return this.perToken(["kept_mean", `kept_channel_${frame.channels[channel]}`], (t) => [
      keptMean(layer, frame.L, t).toFixed(4),
      keptAt(layer, frame.L, channel, t).toFixed(4),
    ]);
  }
}

/** A heat map with one row per channel; a click or the up and down keys choose the channel. */
export class ChannelHeat extends SequenceView {
  constructor(lab, index, options) {
    super(lab, index, { ...options, needs: ["channel"] });
    this.heat = new Heat();
    this.bar = el("span", { class: "bar", "aria-hidden": "true" });
    this.caption.insertBefore(
      el("span", { class: "legend" }, (this.low = el("span")), this.bar, (this.high = el("span"))),
      this.noteNode.nextSibling,
    );
  }

  legend(colours, low, high) {
    if (this.legendColours !== colours) this.bar.style.background = gradient(colours);
    this.legendColours = colours;
    this.low.textContent = low;
    this.high.textContent = high;
  }

  paintMap(g, frame, box, at, rows, colours, index, chosen) {
    this.heat.fill(rows, frame.L, colours, index);
    this.heat.draw(g, box, at.from, at.to, this.size.ratio);
    const { theme } = this.lab;
    const high = (box.bottom - box.top) / rows;
    const y = box.top + (chosen + 0.5) * high;
    g.textAlign = "right";
    g.fillStyle = theme.faint;
    for (const [edge, words] of [
      [box.top + 6, "0"],
      [box.bottom - 6, String(this.channels(frame) - 1)],
    ]) {
      if (Math.abs(edge - y) > 12) g.fillText(words, box.left - 9, edge);
    }
    g.fillStyle = theme.text;
    g.fillText(String(frame.channels[this.channel]), box.left - 9, Math.max(box.top + 6, Math.min(box.bottom - 6, y)));
    g.beginPath();
    g.moveTo(box.left - 1, y);
    g.lineTo(box.left - 6, y - 4);
    g.lineTo(box.left - 6, y + 4);
    g.fill();
    g.strokeStyle = theme.text;
    g.lineWidth = 0.75;
    line(g, box.left, y - Math.max(high, 2) / 2, box.right, y - Math.max(high, 2) / 2);
    line(g, box.left, y + Math.max(high, 2) / 2, box.right, y + Math.max(high, 2) / 2);
  }

  /** N rows, one a state; level(n, t) lies in -127 .. 127 and stands for -limit .. limit. */
  paintStates(g, frame, box, at, limit, level) {
    const { theme } = this.lab;
    const { N } = this.layer;
    this.legend(theme.signed, `−${number(limit)}`, number(limit));
    this.heat.fill(N, frame.L, theme.signed, (n, t) => 128 + level(n, t));
    this.heat.draw(g, box, at.from, at.to, this.size.ratio);
    g.textAlign = "right";
    g.fillStyle = theme.faint;
    g.fillText("n = 1", box.left - 6, box.top + 6);
    if (N > 1) g.fillText(String(N), box.left - 6, box.bottom - 6);
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    g.strokeRect(box.left - 0.5, box.top - 0.5, box.right - box.left + 1, box.bottom - box.top + 1);
  }

  /** Channels of the layer: the last shown one is the last there is. */
  channels(frame) {
    return Math.max(this.layer.R, frame.channels.at(-1) + 1);
  }

  press(_x, y) {
    if (!this.frame) return;
    const share = (y - this.box.top) / (this.box.bottom - this.box.top);
    this.lab.view.setChannelNear(this.index, Math.max(0, Math.min(0.9999, share)) * this.channels(this.frame));
  }

  key(event) {
    return this.lab.view.channelKey(event) || this.lab.view.cursorKey(event);
  }
}

export class DeltaHeat extends ChannelHeat {
  constructor(lab, index) {
    super(lab, index, {
      name: "delta-channels",
      title: `per channel and ${lab.store.position}`,
      symbol: ["delta", "Δ"],
      height: 84,
      shows: ["delta"],
    });
  }

  note() {
    return this.frame ? "logarithmic" : "";
  }

  paintFrame(g, frame, box, at) {
    const { layer } = this;
    const { low, high } = this.lab.view.deltaRange;
    const colour = scale(low, high, 0, 255, true); // a table of 256 colours, indexed by whole numbers
    this.legend(this.lab.theme.magnitude, power(low), power(high));
    this.paintMap(
      g,
      frame,
      box,
      at,
      layer.K,
      this.lab.theme.magnitude,
      (k, t) => Math.round(colour(layer.delta[k * frame.L + t])),
      this.channel,
    );
  }

  describe() {
    return this.frame
      ? `${this.owner}: ${this.layer.K} channels by ${this.frame.L} ${this.lab.store.position}s, from ${number(Math.min(...this.layer.delta))} to ${number(Math.max(...this.layer.delta))}.`
      : "No frame yet.";
  }

  rows() {
    const { frame, layer } = this;
    return this.perToken(
      frame.channels.map((c) => `delta_channel_${c}`),
      (t) => frame.channels.map((_, k) => layer.delta[k * frame.L + t]),
    );
  }
}
