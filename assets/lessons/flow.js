// The equations as a circuit: h' = A h + B x, y = C h + D x. Entries are dragged up and down, lines are as thick as
// what flows in them now.

import { frame, line } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { inkOn } from "../canvas/theme.js";
import { number } from "../canvas/words.js";

const PER_PIXEL = 1 / 60;
const STEP = 0.05; // of an arrow key
const HIGH = 28; // px of a cell
const THICKEST = 7; // px of a line

/**
 * options: entries(stage) -> { A, B, C, D: rows of numbers }, free: { "A10": { set(value, stage) }, ... } what can be
 * dragged, now(stage) -> { x, h: [..], y, Bx, Ah, Ch, Dx, most: of all of these }.
 */
export class Flow extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, handles: true, follows: ["clock", "cursor"] });
    this.names = Object.keys(options.free);
    this.chosen = 0;
  }

  /** Where everything is, in px. */
  layout() {
    const { width, height } = this.size;
    const cell = Math.max(38, Math.min(56, width * 0.1));
    const middle = Math.round(height * 0.46);
    const block = (centre, y, rows, columns) => ({
      left: centre - (columns * cell) / 2,
      top: y - (rows * HIGH) / 2,
      rows,
      columns,
      cell,
    });
    return {
      middle,
      top: 26,
      bottom: height - 38,
      x: Math.max(12, width * 0.03),
      B: block(width * 0.185, middle, 2, 1),
      sum: width * 0.315,
      h: block(width * 0.46, middle, 2, 1),
      A: block(width * 0.385, height - 38, 2, 2),
      C: block(width * 0.69, middle, 1, 2),
      D: block(width * 0.46, 26, 1, 1),
      out: width * 0.865,
      y: Math.min(width - 12, width * 0.97),
    };
  }

  paint(g) {
    this.place = this.layout();
    const now = this.options.now(this.stage);
    this.wires(g, now);
    this.blocks(g, now);
    this.signs(g, now);
  }

  wires(g, { x, h, y, Bx, Ah, Ch, Dx, most }) {
    const { place } = this;
    const { symbol, text } = this.stage.theme;
    const size = (value) => (most > 0 ? Math.min(1, Math.abs(value) / most) : 0);
    const h1 = Math.max(...h.map(Math.abs));
    const [right, left] = [(b) => b.left + b.columns * b.cell, (b) => b.left];
    const wire = (colour, value, ...points) => this.wire(g, colour, size(value), points);
    const { middle, top, bottom } = place;
    wire(symbol.x, x, [place.x + 10, middle], [left(place.B), middle]);
    wire(symbol.x, Dx ? x : 0, [place.x + 22, middle], [place.x + 22, top], [left(place.D), top]);
    wire(symbol.B, Bx, [right(place.B), middle], [place.sum - 9, middle]);
    wire(symbol.h, h1, [place.sum + 9, middle], [left(place.h), middle]);
    wire(symbol.h, h1, [right(place.h), middle], [left(place.C), middle]);
    const turn = Math.max(right(place.h) + 14, right(place.A) + 14);
    wire(symbol.h, h1, [turn, middle], [turn, bottom], [right(place.A), bottom]);
    wire(symbol.A, Ah, [left(place.A), bottom], [place.sum - 22, bottom], [place.sum - 7, middle + 9]);
    wire(symbol.C, Ch, [right(place.C), middle], [place.out - 9, middle]);
    wire(symbol.x, Dx, [right(place.D), top], [place.out, top], [place.out, middle - 9]);
    wire(text, y, [place.out + 9, middle], [place.y - 8, middle]);
  }

  wire(g, colour, share, points) {
    g.strokeStyle = g.fillStyle = colour;
    g.lineWidth = 1 + (THICKEST - 1) * share;
    g.globalAlpha = 0.35 + 0.65 * Math.sqrt(share);
    g.beginPath();
    points.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
    g.stroke();
    const [[x0, y0], [x1, y1]] = points.slice(-2);
    const angle = Math.atan2(y1 - y0, x1 - x0);
    const head = 5 + g.lineWidth / 2;
    g.beginPath();
    g.moveTo(x1 + 3 * Math.cos(angle), y1 + 3 * Math.sin(angle));
    for (const side of [2.6, -2.6]) g.lineTo(x1 + head * Math.cos(angle + side), y1 + head * Math.sin(angle + side));
    g.fill();
    g.globalAlpha = 1;
  }

  blocks(g, { h, most }) {
    const entries = this.options.entries(this.stage);
    for (const name of ["A", "B", "C", "D"]) this.block(g, name, this.place[name], entries[name]);
    this.block(
      g,
      "h",
      this.place.h,
      h.map((value) => [value]),
      most,
    );
  }

  block(g, name, at, rows, most = 4) {
    const { theme } = this.stage;
    const colour = theme.symbol[name] ?? theme.text;
    rows.forEach((row, r) =>
      row.forEach((value, c) => {
        const [x, y] = [at.left + c * at.cell, at.top + r * HIGH];
        const shade = theme.signed[Math.round(127.5 + 127.5 * Math.max(-1, Math.min(1, value / (most || 1))))];
        const fill = `rgb(${shade & 255}, ${(shade >> 8) & 255}, ${(shade >> 16) & 255})`;
        g.fillStyle = fill;
        g.fillRect(x, y, at.cell, HIGH);
        g.fillStyle = inkOn(fill);
        g.textAlign = "center";
        const free = this.names.includes(`${name}${r}${c}`);
        g.fillText(short(value), x + at.cell / 2 - (free ? 3 : 0), y + HIGH / 2 + 0.5);
        if (free) this.grip(g, x + at.cell - 4.5, y + HIGH / 2, inkOn(fill));
      }),
    );
    g.strokeStyle = colour;
    g.lineWidth = 1.5;
    g.strokeRect(at.left, at.top, at.columns * at.cell, at.rows * HIGH);
    g.fillStyle = colour;
    g.font = `italic 700 15px Georgia, serif`;
    g.textAlign = name === "D" ? "right" : "left"; // over D there is no room
    g.fillText(name, name === "D" ? at.left - 4 : at.left, name === "D" ? at.top + 1 : at.top - 9);
    g.font = `11px ${theme.font}`;
  }

  /** Two small triangles: this can be dragged up and down. */
  grip(g, x, y, colour) {
    g.fillStyle = colour;
    g.globalAlpha = 0.6;
    for (const way of [-1, 1]) {
      g.beginPath();
      g.moveTo(x, y + 4.5 * way);
      g.lineTo(x - 3, y + 1 * way);
      g.lineTo(x + 3, y + 1 * way);
      g.fill();
    }
    g.globalAlpha = 1;
  }

  signs(g, { x, y }) {
    const { place } = this;
    const { theme } = this.stage;
    for (const at of [place.sum, place.out]) {
      g.fillStyle = theme.background;
      g.strokeStyle = theme.text;
      g.lineWidth = 1.5;
      g.beginPath();
      g.arc(at, place.middle, 9, 0, 2 * Math.PI);
      g.fill();
      g.stroke();
      line(g, at - 5, place.middle, at + 5, place.middle);
      line(g, at, place.middle - 5, at, place.middle + 5);
    }
    g.fillStyle = theme.faint;
    g.textAlign = "center";
    if (place.h.left - place.sum > 70) g.fillText("h′ → ∫", (place.sum + 9 + place.h.left) / 2, place.middle - 14);
    this.sign(g, theme.symbol.x, "x", x, place.x, "left");
    this.sign(g, theme.text, "y", y, place.y, "right");
  }

  sign(g, colour, name, value, x, side) {
    const { theme } = this.stage;
    g.fillStyle = colour;
    g.textAlign = side;
    g.font = `italic 700 15px Georgia, serif`;
    g.fillText(name, side === "left" ? x - 8 : x + 8, this.place.middle - 16);
    g.font = `11px ${theme.font}`;
    g.fillText(short(value), side === "left" ? x - 8 : x + 8, this.place.middle + 18);
  }

  overlay(g) {
    if (!this.place || !this.focused) return;
    const { theme } = this.stage;
    const { x, y, cell } = this.cellOf(this.names[this.chosen]);
    frame(g, theme, theme.primary, x, y, cell, HIGH);
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  cellOf(name) {
    const at = this.place[name[0]];
    return { x: at.left + Number(name[2]) * at.cell, y: at.top + Number(name[1]) * HIGH, cell: at.cell };
  }

  valueOf(name) {
    return this.options.entries(this.stage)[name[0]][name[1]][name[2]];
  }

  grab(px, py) {
    if (!this.place) return undefined;
    const found = this.names.findIndex((name) => {
      const { x, y, cell } = this.cellOf(name);
      return px >= x && px < x + cell && py >= y && py < y + HIGH;
    });
    return found < 0 ? undefined : { index: found, y: py, value: this.valueOf(this.names[found]) };
  }

  drag({ index, y, value }, _, py) {
    this.chosen = index;
    this.change(index, value + (y - py) * PER_PIXEL);
  }

  change(index, value) {
    this.options.free[this.names[index]].set(value, this.stage);
  }

  key(event) {
    const along = { ArrowLeft: -1, ArrowRight: 1, PageUp: -1, PageDown: 1 }[event.key] ?? 0;
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key] ?? 0;
    if (!along && !up) return false;
    this.chosen = (this.chosen + along + this.names.length) % this.names.length;
    if (up) this.change(this.chosen, this.valueOf(this.names[this.chosen]) + up * STEP * (event.shiftKey ? 10 : 1));
    this.stage.touch("cursor");
    return true;
  }

  inWords() {
    const { A, B, C, D } = this.options.entries(this.stage);
    const { x, h, y } = this.options.now(this.stage);
    const list = (rows) => rows.map((row) => row.map(number).join(", ")).join("; ");
    const chosen = this.names[this.chosen];
    return (
      `A = (${list(A)}), B = (${list(B)}), C = (${list(C)}), D = ${list(D)}. Now x = ${number(x)}, ` +
      `h = (${h.map(number).join(", ")}), y = ${number(y)}. Chosen: ${chosen[0]}, row ${+chosen[1] + 1}, column ` +
      `${+chosen[2] + 1}; arrow keys left and right choose, up and down change.`
    );
  }

  table() {
    const entries = this.options.entries(this.stage);
    const cells = Object.entries(entries).flatMap(([name, rows]) =>
      rows.flatMap((row, r) => row.map((value, c) => [name, r, c, value])),
    );
    return [["matrix", "row", "column", "value"], ...cells];
  }
}

function short(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = size >= 1000 ? size.toExponential(0) : size >= 10 ? size.toFixed(1) : size.toFixed(2);
  return (value < 0 && Number(text) ? "−" : "") + text;
}
