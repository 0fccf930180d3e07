// The path of one channel's state through time, seen in two directions: the phase portrait of the sequence.

import { line, roundTicks, scale } from "../canvas/draw.js";
import { stateAt } from "./frame.js";
import { principal } from "./principal.js";
import { SequenceView } from "./sequence.js";
import { inkOn, tokenFill } from "../canvas/theme.js";
import { number, percent } from "../canvas/words.js";

const APART = 7; // pixels between two letters at least

export class Phase extends SequenceView {
  constructor(lab, index) {
    super(lab, index, {
      name: "phase",
      title: "path of the state",
      symbol: ["h", "h"],
      height: 264,
      needs: ["channel", "axes"],
      shows: ["h"],
    });
  }

  note() {
    if (!this.frame) return "";
    const { names, share } = this.path();
    return share === null ? `${names[0]} against ${names[1]}` : `main directions: ${percent(share)} of the variance`;
  }

  forget() {
    this.pathKey = this.directions = undefined;
  }

  /** Points [x, y] per token, after each token, with the axes' names. */
  path() {
    const { frame, layer, channel } = this;
    const key = [frame.step, this.lab.view.layer, channel, this.lab.view.axes, this.run.version].join();
    if (key !== this.pathKey) {
      this.pathKey = key;
      this.pathCache = trajectory(layer, frame.L, channel, this.lab.view.axes, this.directions);
      this.directions = this.pathCache.directions;
    }
    return this.pathCache;
  }

  get plot() {
    return { left: GUTTER_PHASE, right: this.size.width - 12, top: 8, bottom: this.size.height - 26 };
  }

  /** Same range both ways and the origin inside: a spiral looks like a spiral. */
  scales() {
    const { points } = this.path();
    const { left, right, top, bottom } = this.plot;
    const range = (i) => points.reduce(([a, b], p) => [Math.min(a, p[i]), Math.max(b, p[i])], [0, 0]);
    const [[x0, x1], [y0, y1]] = [range(0), range(1)];
    const unit = Math.max((x1 - x0) / (right - left), (y1 - y0) / (bottom - top), 1e-12) * 1.12;
    const [w, h] = [(unit * (right - left)) / 2, (unit * (bottom - top)) / 2];
    const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
    return {
      x: scale(cx - w, cx + w, left, right),
      y: scale(cy - h, cy + h, bottom, top),
      low: [cx - w, cy - h],
      high: [cx + w, cy + h],
    };
  }

  paintFrame(g, frame) {
    const { theme, store } = this.lab;
    const { points, names } = this.path();
    const { x, y, low, high } = this.scales();
    this.paintAxes(g, theme, x, y, low, high, names);
    const { from, to } = this.lab.view.range(this.index);
    g.lineWidth = 1.5;
    for (let t = Math.max(from, 1); t < to; t++) {
      g.globalAlpha = 0.25 + (0.65 * (t - from)) / (to - from); // later is stronger
      g.strokeStyle = theme.symbol.h;
      line(g, x(points[t - 1][0]), y(points[t - 1][1]), x(points[t][0]), y(points[t][1]));
    }
    g.globalAlpha = 1;
    g.textAlign = "center";
    g.font = `9px ${theme.font}`;
    const marked = [];
    for (let t = from; t < to; t++) {
      if (frame.signal || !store.matters(frame.tokens, t)) continue; // a signal has no letters to mark
      const [px, py] = [x(points[t][0]), y(points[t][1])];
      if (marked.some(([qx, qy]) => Math.hypot(px - qx, py - qy) < APART)) continue;
      marked.push([px, py]);
      this.mark(g, theme, frame.tokens[t], store.token(frame.tokens[t]).label, px, py);
    }
  }

  mark(g, theme, id, label, px, py) {
    const fill = tokenFill(theme, id, this.lab.store.record.vocabulary);
    g.fillStyle = fill;
    g.strokeStyle = theme.background;
    g.lineWidth = 1;
    g.beginPath();
    g.arc(px, py, 6.5, 0, 2 * Math.PI);
    g.fill();
    g.stroke();
    g.fillStyle = inkOn(fill);
    g.fillText(label, px, py + 0.5);
  }

  paintAxes(g, theme, x, y, low, high, names) {
    const box = this.plot;
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    g.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left, box.bottom - box.top);
    g.setLineDash([3, 3]);
    line(g, x(0), box.top, x(0), box.bottom);
    line(g, box.left, y(0), box.right, y(0));
    g.setLineDash([]);
    g.fillStyle = theme.faint;
    g.textAlign = "center";
    for (const tick of roundTicks(low[0], high[0], 4)) g.fillText(number(tick), x(tick), box.bottom + 9);
    g.fillText(names[0], (box.left + box.right) / 2, box.bottom + 20);
    g.textAlign = "right";
    for (const tick of roundTicks(low[1], high[1], 4)) g.fillText(number(tick), box.left - 5, y(tick));
    g.save();
    g.translate(7, (box.top + box.bottom) / 2);
    g.rotate(-Math.PI / 2);
    g.textAlign = "center";
    g.fillText(names[1], 0, 0);
    g.restore();
  }

  overlay(g) {
    if (!this.frame) return;
    const { theme, view } = this.lab;
    const point = this.path().points[view.cursor];
    if (!point) return;
    const { x, y } = this.scales();
    g.lineWidth = 4;
    g.strokeStyle = theme.background;
    this.ring(g, x(point[0]), y(point[1]));
    g.lineWidth = 2;
    g.strokeStyle = theme.text;
    this.ring(g, x(point[0]), y(point[1]));
  }

  ring(g, x, y) {
    g.beginPath();
    g.arc(x, y, 9, 0, 2 * Math.PI);
    g.stroke();
  }

  /** The nearest point of the path takes the cursor. */
  hover(px, py) {
    if (!this.frame) return;
    const { x, y } = this.scales();
    const { from, to } = this.lab.view.range(this.index);
    let [best, distance] = [-1, 24 ** 2];
    for (let t = from; t < to; t++) {
      const [a, b] = this.path().points[t];
      const d = (x(a) - px) ** 2 + (y(b) - py) ** 2;
      if (d < distance) [best, distance] = [t, d];
    }
    if (best >= 0) this.lab.view.setCursor(best);
  }

  describe() {
    const { frame } = this;
    if (!frame) return "No frame yet.";
    const { points } = this.path();
    const [a, b] = points.at(-1);
    return `${this.owner}, ${this.rowWord} ${frame.channels[this.channel]}: path of ${frame.L} points from the origin to (${number(a)}, ${number(b)}). ${this.note()}.`;
  }

  rows() {
    const { points, names } = this.path();
    return this.perToken(names, (t) => points[t].map((v) => v.toPrecision(4)));
  }
}

const GUTTER_PHASE = 48;

/** Two coordinates of the channel's state per token: two of its states, or its two principal directions. */
export function trajectory(layer, L, channel, axes, previous) {
  const state = (n, t) => stateAt(layer, L, channel, n, t);
  const points = (at) => Array.from({ length: L }, (_, t) => at(t));
  if (layer.N === 1)
    return {
      points: points((t) => [t ? state(0, t - 1) : 0, state(0, t)]),
      names: ["h before the token", "h after it"],
      share: null,
    };
  if (axes === "states")
    return { points: points((t) => [state(0, t), state(1, t)]), names: ["state 1", "state 2"], share: null };
  const { directions, share } = principal(layer.N, L, state, previous);
  const along = (v, t) => {
    let sum = 0;
    for (let n = 0; n < v.length; n++) sum += v[n] * state(n, t);
    return sum;
  };
  return {
    points: points((t) => [along(directions[0], t), along(directions[1], t)]),
    names: ["first direction", "second direction"],
    share,
    directions,
  };
}
