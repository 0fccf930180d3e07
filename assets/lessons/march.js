// The recurrence as a picture: one small state steps from token to token, turns, shrinks, takes up, is read.

import { line } from "../canvas/draw.js";
import { TokenFigure } from "../canvas/figure.js";
import { column, fixed, indexed, strip } from "./strips.js";

const ROUND = 34; // px, radius of the state's disc

/** options: now(stage) -> { t, along } (`along`: 0..1, how far this token's step is), run(stage) -> { y, re, im }, x, delta, pole */
export class March extends TokenFigure {
  constructor(stage, options) {
    super(stage, { ...options, height: 232, follows: ["clock", "cursor"] });
  }

  get count() {
    return this.options.data(this.stage).x.length;
  }

  paint(g) {
    const { stage, options, box } = this;
    const { theme } = stage;
    const { t, along } = options.now(stage);
    const run = options.run(stage);
    const { x, most } = options.data(stage);
    const edges = stage.edges(box, x.length);
    column(g, theme, edges, t, 2, 204, this.focused);
    strip(g, theme, edges, x, { top: 4, height: 40, most: 1, colour: theme.symbol.x, label: "x", now: t });
    strip(g, theme, edges, run.y, { top: 138, height: 64, most, colour: theme.symbol.y, label: "y", upto: t, now: t });
    g.fillStyle = theme.faint;
    g.textAlign = "right";
    g.fillText("h", box.left - 6, 92);
    this.trail(g, theme, edges, run, t, most);
    this.state(g, theme, edges, run, t, along, most);
    this.words(g, theme, run, t);
  }

  /** Where the state has been. */
  trail(g, theme, edges, { re, im }, t, most) {
    g.strokeStyle = theme.symbol.h;
    g.lineWidth = 2;
    g.globalAlpha = 0.6;
    const wide = Math.max(12, edges[1] - edges[0]);
    for (let s = 0; s < t; s++) {
      const middle = (edges[s] + edges[s + 1]) / 2;
      if (Math.abs(middle - this.middle(edges, t)) > ROUND)
        line(g, middle, 92, middle + (re[s] / most) * wide, 92 - (im[s] / most) * wide);
    }
    g.globalAlpha = 1;
  }

  middle(edges, t) {
    return Math.max(edges[0] + ROUND, Math.min(edges[edges.length - 1] - ROUND, (edges[t] + edges[t + 1]) / 2));
  }

  /** The disc: what is left of the state before (dashed), what x adds, and the sum. */
  state(g, theme, edges, { re, im }, t, along, most) {
    const { A, delta, x } = this.options.data(this.stage);
    const step = ease(along / 0.45); // the disc moves first, then takes up
    const from = t ? this.middle(edges, t - 1) : this.middle(edges, 0);
    const cx = from + step * (this.middle(edges, t) - from);
    const cy = 92;
    g.fillStyle = theme.background;
    g.strokeStyle = theme.symbol.h;
    g.lineWidth = 1.5;
    g.beginPath();
    g.arc(cx, cy, ROUND, 0, 2 * Math.PI);
    g.fill();
    g.stroke();
    const [hr, hi] = t ? [re[t - 1], im[t - 1]] : [0, 0];
    const kept = [A.re[t] * hr - A.im[t] * hi, A.re[t] * hi + A.im[t] * hr];
    const turn = between([hr, hi], kept, step);
    const added = ease((along - 0.45) / 0.4) * delta[t] * x[t];
    const px = ([a, b]) => [cx + (a / most) * ROUND, cy - (b / most) * ROUND];
    arrow(g, theme.symbol.A, [cx, cy], px(turn), 2, added ? [3, 3] : []);
    if (added) arrow(g, theme.symbol.x, px(turn), px([turn[0] + added, turn[1]]), 3);
    arrow(g, theme.symbol.h, [cx, cy], px([turn[0] + added, turn[1]]), 3);
    g.strokeStyle = theme.faint;
    g.lineWidth = 1;
    line(g, cx, cy + ROUND, (edges[t] + edges[t + 1]) / 2, 138);
  }

  words(g, theme, { y }, t) {
    const { delta, x, pole } = this.options.data(this.stage);
    const turned = Math.round(((pole.theta * delta[t]) / Math.PI) * 180);
    const before = t ? indexed("h", t - 1) : "0";
    const text = `${indexed("h", t)} = ${fixed(pole.r ** delta[t])} ∠${turned}° · ${before} + ${fixed(delta[t])} · ${fixed(x[t])}      ${indexed("y", t)} = Re ${indexed("h", t)} = ${fixed(y[t])}`;
    g.fillStyle = theme.text;
    g.textAlign = "left";
    g.font = `12.5px ${theme.font}`;
    g.fillText(text, 8, 221);
    g.font = `11px ${theme.font}`;
  }

  inWords() {
    const { t } = this.options.now(this.stage);
    const { y, re, im } = this.options.run(this.stage);
    return `At token ${t} the state is ${fixed(re[t])} and ${fixed(im[t])}, the output ${fixed(y[t])}`;
  }

  table() {
    const { y, re, im } = this.options.run(this.stage);
    const { x, delta } = this.options.data(this.stage);
    return [
      ["token", "x", "delta", "Re h", "Im h", "y"],
      ...Array.from(x, (v, t) => [t, v, delta[t], re[t], im[t], y[t]]),
    ];
  }
}

/** From one vector to another by turning and scaling, not straight through the middle. */
function between([a, b], [c, d], share) {
  if (share >= 1 || (!a && !b)) return [c, d];
  const [from, to] = [Math.atan2(b, a), Math.atan2(d, c)];
  let turn = to - from;
  if (turn < -1e-9) turn += 2 * Math.PI;
  const size = Math.hypot(a, b) + share * (Math.hypot(c, d) - Math.hypot(a, b));
  return [size * Math.cos(from + share * turn), size * Math.sin(from + share * turn)];
}

/** 0..1 that starts and ends gently. */
export function ease(share) {
  const s = Math.max(0, Math.min(1, share));
  return s * s * (3 - 2 * s);
}

function arrow(g, colour, [x0, y0], [x1, y1], width, dash = []) {
  const size = Math.hypot(x1 - x0, y1 - y0);
  if (size < 0.5) return;
  const [ux, uy] = [(x1 - x0) / size, (y1 - y0) / size];
  const head = Math.min(7, size * 0.6);
  g.strokeStyle = g.fillStyle = colour;
  g.lineWidth = width;
  g.setLineDash(dash);
  line(g, x0, y0, x1 - ux * head * 0.8, y1 - uy * head * 0.8);
  g.setLineDash([]);
  g.beginPath();
  g.moveTo(x1, y1);
  g.lineTo(x1 - head * ux + head * 0.5 * uy, y1 - head * uy - head * 0.5 * ux);
  g.lineTo(x1 - head * ux - head * 0.5 * uy, y1 - head * uy + head * 0.5 * ux);
  g.fill();
}
