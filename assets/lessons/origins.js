// How the Mamba block came about (Gu & Dao 2023, figure 3): an H3 block and a gated MLP, folded into one.

import { Figure } from "../canvas/figure.js";
import { mix } from "../canvas/theme.js";

// id: [words before, words after, place before, place after and whether it is still there (1), symbol]; x in 0..1, rows -1..1
const PIECES = {
  v: ["linear", "", [0.045, -1], [0.42, -0.5, 0]],
  k: ["linear", "linear", [0.045, 0], [0.08, -0.5, 1]],
  q: ["linear", "linear", [0.045, 1], [0.08, 0.5, 1]],
  shift: ["conv", "conv", [0.155, 0], [0.25, -0.5, 1], "x"],
  first: ["×", "SiLU", [0.255, 0], [0.42, -0.5, 1]],
  ssm: ["SSM", "S6", [0.355, 0], [0.59, -0.5, 1], "h"],
  second: ["×", "×", [0.455, 0], [0.76, -0.5, 1]],
  o: ["linear", "", [0.55, 0], [0.76, -0.5, 0]],
  up: ["linear", "", [0.7, 0], [0.08, 0.5, 0]],
  other: ["linear", "", [0.7, 1], [0.08, 0.5, 0]],
  act: ["SiLU", "SiLU", [0.8, 1], [0.42, 0.5, 1]],
  third: ["×", "", [0.87, 0], [0.76, -0.5, 0]],
  down: ["linear", "linear", [0.955, 0], [0.92, -0.5, 1]],
};
const BEFORE = [
  ["k", "shift"],
  ["shift", "first"],
  ["v", "first"],
  ["first", "ssm"],
  ["ssm", "second"],
  ["q", "second"],
  ["second", "o"],
  ["o", "up"],
  ["o", "other"],
  ["up", "third"],
  ["other", "act"],
  ["act", "third"],
  ["third", "down"],
];
const AFTER = [
  ["k", "shift"],
  ["shift", "first"],
  ["first", "ssm"],
  ["ssm", "second"],
  ["q", "act"],
  ["act", "second"],
  ["second", "down"],
];
const SMOOTH = (s) => s * s * (3 - 2 * s);

/** options: control: name of a Number from 0 (two blocks) to 1 (one); dragging across the picture moves it. */
export class Origins extends Figure {
  constructor(stage, options) {
    super(stage, { height: 190, ...options });
  }

  get share() {
    return SMOOTH(this.stage.values[this.options.control]);
  }

  at(id) {
    const [, , [x0, y0], [x1, y1]] = PIECES[id];
    const { share, size } = this;
    return [
      8 + (x0 + share * (x1 - x0)) * (size.width - 16),
      size.height / 2 + 8 + (y0 + share * (y1 - y0)) * (size.height / 2 - 42),
    ];
  }

  paint(g) {
    const { share, size } = this;
    const { theme } = this.stage;
    g.textAlign = "center";
    this.frame(g, "H3 block", 0.0, 0.6, 1 - share);
    this.frame(g, "gated MLP", 0.645, 1, 1 - share);
    this.frame(g, "Mamba block", 0.0, 1, share);
    g.lineWidth = 1.25;
    for (const [edges, alpha] of [
      [BEFORE, 1 - share],
      [AFTER, share],
    ])
      for (const [from, to] of edges) {
        const both = BEFORE.some(([a, b]) => a === from && b === to) && AFTER.some(([a, b]) => a === from && b === to);
        g.globalAlpha = both ? (edges === BEFORE ? 1 : 0) : alpha;
        g.strokeStyle = theme.faint;
        const [[x0, y0], [x1, y1]] = [this.at(from), this.at(to)];
        g.beginPath();
        g.moveTo(x0, y0);
        const middle = (x0 + x1) / 2;
        if (Math.abs(y1 - y0) < 2) g.lineTo(x1, y1);
        else g.bezierCurveTo(middle, y0, middle, y1, x1, y1);
        g.stroke();
      }
    for (const id of Object.keys(PIECES)) this.piece(g, id);
    g.globalAlpha = 1;
    g.fillStyle = theme.faint;
    g.textAlign = "left";
    g.fillText("drag ↔", 6, size.height - 6);
  }

  frame(g, words, from, to, alpha) {
    if (alpha < 0.02) return;
    const { theme } = this.stage;
    const { size } = this;
    const x = (s) => 2 + s * (size.width - 4);
    g.globalAlpha = alpha;
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    g.beginPath();
    g.roundRect(x(from) + 0.5, 16.5, x(to) - x(from) - 1, size.height - 32, 8);
    g.stroke();
    g.fillStyle = theme.text;
    g.fillText(words, (x(from) + x(to)) / 2, 8);
  }

  piece(g, id) {
    const { theme } = this.stage;
    const { share, size } = this;
    const [before, after, , [, , stays], symbol] = PIECES[id];
    const alpha = stays ? 1 : 1 - share;
    if (alpha < 0.02) return;
    const words = share < 0.5 ? before : after || before;
    const small = size.width < 480;
    g.font = `${small ? 9.5 : 11}px ${theme.font}`;
    const half = words === "×" ? 10 : Math.max(small ? 13 : 20, g.measureText(words).width / 2 + (small ? 2 : 6));
    const [x, y] = this.at(id);
    const fading = before !== after && stays ? Math.abs(2 * share - 1) : 1;
    const colour = symbol ? theme.symbol[symbol] : theme.text;
    g.globalAlpha = alpha;
    g.fillStyle = mix(theme.background, colour, symbol ? 0.16 : 0.07);
    g.strokeStyle = colour;
    g.lineWidth = 1.25;
    g.beginPath();
    g.roundRect(x - half, y - 11, 2 * half, 22, words === "×" ? 11 : 5);
    g.fill();
    g.stroke();
    g.globalAlpha = alpha * fading;
    g.fillStyle = theme.text;
    g.fillText(words, x, y + 0.5);
    g.globalAlpha = 1;
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  grab() {
    return "morph";
  }

  drag(held, x) {
    this.from ??= [x, this.stage.values[this.options.control]];
    const [start, value] = this.from;
    this.put(value + (1.4 * (x - start)) / this.size.width);
  }

  drop() {
    this.from = undefined;
  }

  put(value) {
    this.stage.set({ [this.options.control]: Math.round(100 * Math.max(0, Math.min(1, value))) / 100 });
  }

  key(event) {
    const by = { ArrowLeft: -0.1, ArrowRight: 0.1, Home: -1, End: 1 }[event.key];
    if (by) this.put(this.stage.values[this.options.control] + by);
    return Boolean(by);
  }

  inWords() {
    const value = this.stage.values[this.options.control];
    return value < 0.5
      ? "An H3 block (linear, conv, times, SSM, times, linear), then a gated MLP (linear, SiLU, times, linear)"
      : "One Mamba block: linear, conv, SiLU, S6, times a SiLU of the other linear branch, linear";
  }

  table() {
    return [
      ["piece", "in H3 and MLP", "in Mamba"],
      ...Object.entries(PIECES).map(([id, [before, after]]) => [id, before, after || "gone"]),
    ];
  }
}
