// The Mamba block as a diagram: every node a small live picture of its tensor, channels down, tokens across.

import { Heat } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { mix } from "../canvas/theme.js";

const NARROW = 640; // px
const HIGH = { wide: 316, narrow: 552 };
const BOX = { wide: [78, 50], narrow: [92, 46] };

// id: [title, symbol, place in the wide diagram, place in the narrow one]; the wide one has 9 columns, the narrow 3
export const NODES = {
  u: ["u", "", [0, 0], [0, 0]],
  norm: ["norm(u)", "", [1, 0], [1, 0]],
  x: ["x", "x", [2, 0], [0, 1]],
  conv: ["conv(x)", "x", [3, 0], [1, 1]],
  silu: ["SiLU", "x", [4, 0], [2, 1]],
  dt: ["dt", "delta", [2.05, 1], [0, 2]],
  delta: ["Δ", "delta", [2.74, 1], [1, 2]],
  A_bar: ["Ā", "A", [3.43, 1], [2, 2]],
  B: ["B", "B", [4.12, 1], [0, 3]],
  h: ["h", "h", [4.81, 1], [1, 3]],
  C: ["C", "C", [5.5, 1], [2, 3]],
  y: ["y", "y", [5, 0], [0, 4]],
  z: ["z", "", [2, 2], [2, 4]],
  gated: ["y · SiLU(z)", "y", [6.1, 0], [1, 4]],
  out: ["out", "", [7.05, 0], [0, 5]],
  residual: ["u + out", "", [8, 0], [1, 5]],
};

// what a node is called while a part is off
const OFF = { conv: ["conv", "x, no conv"], gated: ["gate", "y, no gate"], y: ["skip", "y, no D"] };

// from, to, words at the arrow, which switch stands in it, how it goes when the diagram is wide
const EDGES = [
  ["u", "norm", "RMSNorm"],
  ["norm", "x", "in_proj"],
  ["norm", "z", "in_proj", "", "down"],
  ["x", "conv", "conv1d", "conv"],
  ["conv", "silu", "SiLU"],
  ["silu", "y", "+ D x", "skip"],
  ["y", "gated", ""],
  ["z", "gated", "× SiLU(z)", "gate", "up"],
  ["gated", "out", "out_proj"],
  ["out", "residual", "+"],
  ["u", "residual", "residual", "", "over"],
];

/** What a node is called now. */
export function nameOf(id, values) {
  const [part, words] = OFF[id] ?? [];
  return part && !values[part] ? words : NODES[id][0];
}

/** options: pictures(stage): id -> { data, rows, columns, most, colours }; parameters(stage): words per node; press(id) */
export class Diagram extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, height: HIGH.wide, press: true, follows: [] });
    this.heats = Object.fromEntries(Object.keys(NODES).map((id) => [id, new Heat()]));
  }

  measure() {
    this.height = this.canvas.parentElement.clientWidth < NARROW ? HIGH.narrow : HIGH.wide;
    super.measure();
  }

  get shape() {
    return this.size.width < NARROW ? "narrow" : "wide";
  }

  /** The rectangle of a node's picture. */
  place(id) {
    const { shape, size } = this;
    const [wide, high] = BOX[shape];
    const [column, row] = NODES[id][shape === "wide" ? 2 : 3];
    if (shape === "narrow") {
      const step = (size.width - wide - 12) / 2;
      return { left: 6 + column * step, top: 18 + row * 91, wide, high };
    }
    const step = (size.width - wide - 8) / 8;
    return { left: 4 + column * step, top: [36, 142, 242][row], wide: Math.min(wide, step * 0.66), high };
  }

  paint(g) {
    const { stage, options } = this;
    this.pictures = options.pictures(stage);
    this.region(g);
    for (const edge of EDGES) this.edge(g, ...edge);
    for (const id of Object.keys(NODES)) this.node(g, id);
    this.remarks(g);
  }

  /** The frame around what happens inside S6. */
  region(g) {
    const { theme } = this.stage;
    const wide = this.shape === "wide";
    const [first, last] = [this.place("dt"), this.place("C")];
    const [left, top] = [first.left - 10, first.top - 30];
    const right = last.left + last.wide + 10;
    const bottom = last.top + last.high + 18;
    g.fillStyle = mix(theme.background, theme.text, 0.045);
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    g.beginPath();
    g.roundRect(wide ? left : 1, wide ? top : top + 10, (wide ? right - left : this.size.width - 2), bottom - top - (wide ? 0 : 10), 8);
    g.fill();
    g.stroke();
    if (!wide) return;
    const [from, to] = [this.place("silu"), this.place("y")];
    this.arrow(g, [[from.left + from.wide / 2, from.top + from.high + 14], [from.left + from.wide / 2, top]]);
    this.arrow(g, [[to.left + to.wide / 2, top], [to.left + to.wide / 2, to.top + to.high + 14]]);
  }

  edge(g, from, to, words, part, how) {
    const { theme, values } = this.stage;
    const off = Boolean(part) && !values[part];
    const [a, b] = [this.place(from), this.place(to)];
    const [ay, by] = [a.top + a.high / 2, b.top + b.high / 2];
    g.globalAlpha = off ? 0.9 : 1;
    const said = off ? "off" : words;
    if (this.shape === "narrow") {
      const right = a.left < b.left;
      if (a.top === b.top) this.arrow(g, right ? [[a.left + a.wide + 2, ay], [b.left - 3, by]] : [[a.left - 2, ay], [b.left + b.wide + 3, by]], off);
      g.globalAlpha = 1;
      return;
    }
    if (how === "over") {
      const top = 9;
      const [x0, x1] = [a.left + a.wide / 2, b.left + b.wide / 2];
      this.arrow(g, [[x0, a.top - 16], [x0, top], [x1, top], [x1, b.top - 16]], off);
      this.words(g, "residual: u goes round the block", (x0 + x1) / 2, top, true);
    } else if (how === "down") {
      const x = a.left + a.wide / 2;
      this.arrow(g, [[x, a.top + a.high + 14], [x, by], [b.left, by]], off);
      this.words(g, said, x, (ay + by) / 2, true);
    } else if (how === "up") {
      const x = b.left + b.wide / 2;
      this.arrow(g, [[a.left + a.wide, ay], [x, ay], [x, b.top + b.high + 14]], off);
      this.words(g, said, (a.left + a.wide + x) / 2, ay, true, off ? theme.wrong : undefined);
    } else {
      this.arrow(g, [[a.left + a.wide + 2, ay], [b.left - 2, by]], off);
      this.words(g, said, (a.left + a.wide + b.left) / 2, ay - 9, false, off ? theme.wrong : undefined);
    }
    g.globalAlpha = 1;
  }

  /** What neither nodes nor arrows say. */
  remarks(g) {
    g.fillStyle = this.stage.theme.faint;
    g.textAlign = "left";
    const inside = this.place("dt");
    if (this.shape === "wide") return void g.fillText("inside S6:  h = Ā h + Δ B x,   y = C h", inside.left - 2, inside.top - 21);
    const far = this.place("A_bar");
    g.textAlign = "right";
    g.fillText("inside S6", far.left + far.wide, far.top - 8);
    g.textAlign = "left";
    const beside = (id, lines) => {
      const { left, wide, top } = this.place(id);
      lines.forEach((words, i) => g.fillText(words, left + wide + 10, top + 8 + 15 * i));
    };
    beside("norm", ["in_proj ↓", "makes x and z"]);
    beside("residual", ["u went round", "the block; then", "the head answers"]);
  }

  /** A line through points with a head at its end. */
  arrow(g, points, off) {
    const { theme } = this.stage;
    g.strokeStyle = g.fillStyle = off ? theme.wrong : theme.faint;
    g.lineWidth = 1.25;
    g.setLineDash(off ? [4, 4] : []);
    g.beginPath();
    points.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
    g.stroke();
    g.setLineDash([]);
    const [[x0, y0], [x, y]] = points.slice(-2);
    const angle = Math.atan2(y - y0, x - x0);
    g.beginPath();
    g.moveTo(x, y);
    for (const turn of [2.7, -2.7]) g.lineTo(x + 6 * Math.cos(angle + turn), y + 6 * Math.sin(angle + turn));
    g.fill();
  }

  words(g, text, x, y, backed, colour) {
    if (!text) return;
    const { theme } = this.stage;
    g.textAlign = "center";
    if (backed) {
      const wide = g.measureText(text).width + 8;
      g.fillStyle = theme.background;
      g.fillRect(x - wide / 2, y - 7, wide, 14);
    }
    g.fillStyle = colour ?? theme.faint;
    g.fillText(text, x, y);
  }

  node(g, id) {
    const { stage, pictures, heats } = this;
    const { theme, values } = stage;
    const [title, symbol] = [nameOf(id, values), NODES[id][1]];
    const { left, top, wide, high } = this.place(id);
    const { data, rows, columns, most, colours } = pictures[id];
    const [table, signed] = [theme[colours], colours === "signed"];
    heats[id].fill(rows, columns, table, (r, t) => {
      const share = Math.max(-1, Math.min(1, data[r * columns + t] / most));
      return Math.round(signed ? 127.5 + 127.5 * share : 255 * Math.abs(share));
    });
    g.fillStyle = theme.background;
    g.fillRect(left - 2, top - 15, wide + 4, high + 30);
    heats[id].draw(g, { left, right: left + wide, top, bottom: top + high }, 0, columns, this.size.ratio);
    const chosen = values.node === id;
    g.strokeStyle = chosen ? theme.primary : theme.grid;
    g.lineWidth = chosen ? 2.5 : 1;
    g.strokeRect(left - 1, top - 1, wide + 2, high + 2);
    g.textAlign = "left";
    g.fillStyle = symbol ? theme.symbol[symbol] : theme.text;
    g.font = `${chosen ? 700 : 600} 11.5px ${theme.font}`;
    g.fillText(title, left, top - 8);
    g.font = `10.5px ${theme.font}`;
    g.fillStyle = theme.faint;
    g.fillText(this.options.shape(id, stage), left, top + high + 8);
    g.font = `11px ${theme.font}`;
  }

  /** While it plays, what has not been read yet is veiled; the cursor's column is framed everywhere. */
  overlay(g) {
    const { stage } = this;
    if (stage.cursor === null || !this.pictures) return;
    const { theme } = stage;
    for (const id of Object.keys(NODES)) {
      const { left, top, wide, high } = this.place(id);
      const { columns } = this.pictures[id];
      const [from, to] = [stage.cursor, stage.cursor + 1].map((t) => left + (Math.floor(t) / columns) * wide);
      if (stage.playing) {
        g.fillStyle = theme.background;
        g.globalAlpha = 0.82;
        g.fillRect(to, top, left + wide - to, high);
        g.globalAlpha = 1;
      }
      g.strokeStyle = theme.text;
      g.lineWidth = 1;
      g.strokeRect(from + 0.5, top - 0.5, Math.max(1.5, to - from - 1), high + 1);
    }
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  at(x, y) {
    return Object.keys(NODES).find((id) => {
      const { left, top, wide, high } = this.place(id);
      return x >= left - 4 && x <= left + wide + 4 && y >= top - 16 && y <= top + high + 16;
    });
  }

  point(x, y) {
    if (!this.pictures) return;
    const id = this.at(x, y);
    this.canvas.style.cursor = id ? "pointer" : "default";
    if (!id) return;
    const { left, wide } = this.place(id);
    const { columns } = this.pictures[id];
    this.stage.setCursor(Math.max(0, Math.min(columns - 1, Math.floor(((x - left) / wide) * columns))));
  }

  listen() {
    super.listen();
    this.canvas.addEventListener("click", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const id = this.at(event.clientX - box.left, event.clientY - box.top);
      if (id) this.choose(id);
    });
  }

  choose(id) {
    this.stage.set({ node: id });
    this.stage.commit();
  }

  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 1, PageUp: -1 }[event.key];
    if (!by) return this.stage.cursorKey(event, this.pictures?.u.columns ?? 1);
    const ids = Object.keys(NODES);
    this.choose(ids[(ids.indexOf(this.stage.values.node) + by + ids.length) % ids.length]);
    return true;
  }

  inWords() {
    const shapes = Object.entries(NODES).map(([id, [title]]) => `${title} ${this.options.shape(id, this.stage)}`);
    return `Nodes in order: ${shapes.join(", ")}. Chosen: ${NODES[this.stage.values.node][0]}.`;
  }

  table() {
    const head = ["node", "channel", ...Array.from({ length: this.pictures.u.columns }, (_, t) => `token ${t + 1}`)];
    const rows = Object.entries(this.pictures).flatMap(([id, { data, rows: count, columns }]) =>
      Array.from({ length: count }, (_, r) => [id, r, ...data.subarray(r * columns, (r + 1) * columns)]),
    );
    return [head, ...rows];
  }
}
