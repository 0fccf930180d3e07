// Slow and fast memory as two boxes, and the tensors that travel between them. Areas are to scale in the slow one.

import { Figure } from "../canvas/figure.js";
import { ease } from "./march.js";

const HIGH = 344;
const FAST = { top: 22, bottom: 110 };
const SLOW = { top: 158, bottom: HIGH - 6 };
const ROWS = [
  ["x", "Δ", "A", "B", "C", "Ā", "B̄x", "h", "y"],
  ["dx", "dΔ", "dA", "dB", "dC", "dĀ", "dB̄x", "dh", "dy"],
];
const LARGE = new Set(["Ā", "B̄x", "h", "dĀ", "dB̄x", "dh"]);
const COLOUR = { x: "x", Δ: "delta", A: "A", B: "B", C: "C", Ā: "A", B̄x: "B", h: "h", y: "y" };
const INSIDE = ["Ā", "B̄x", "h"]; // what one kernel makes and never hands out

/**
 * options: read(stage) -> { moves, sizes, index, along, setting }: the move under way, and its share;
 *   gigabytes(bytes): words
 */
export class Hierarchy extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, height: HIGH, follows: ["clock"] });
  }

  paint(g, { width }) {
    const { theme } = this.stage;
    const state = this.options.read(this.stage);
    const slots = layout(width, state.sizes);
    this.boxes(g, theme, width, state);
    const there = written(state.moves, state.index);
    for (const [name, slot] of Object.entries(slots)) this.tensor(g, theme, name, slot, there.has(name), state);
    this.chips(g, theme, width, state);
    this.flight(g, theme, width, slots, state);
    this.counter(g, theme, width, state);
  }

  boxes(g, theme, width, { moves, index }) {
    const busy = index < moves.length;
    g.lineWidth = 1.5;
    g.strokeStyle = theme.symbol.h;
    g.fillStyle = theme.background;
    g.beginPath();
    g.roundRect(4, FAST.top, width - 8, FAST.bottom - FAST.top, 10);
    g.stroke();
    g.strokeStyle = theme.faint;
    g.beginPath();
    g.roundRect(4, SLOW.top, width - 8, SLOW.bottom - SLOW.top, 10);
    g.stroke();
    g.textAlign = "left";
    g.font = `600 12px ${theme.font}`;
    g.fillStyle = theme.text;
    g.fillText("SRAM, on the chip: fast, small", 10, FAST.top - 9);
    g.fillText("HBM: large, slow (areas to scale)", 10, SLOW.top - 11);
    if (busy) {
      g.textAlign = "right";
      g.fillStyle = theme.symbol.h;
      g.fillText(`${moves[index].direction}: ${moves[index].kernel}`, width - 12, FAST.top + 16);
    }
  }

  tensor(g, theme, name, { x, y, side }, there, { setting, moves }) {
    const used = moves.some(({ tensor }) => tensor === name);
    const colour = theme.symbol[COLOUR[name.replace(/^d/, "")]];
    g.globalAlpha = used ? 1 : 0.45;
    g.strokeStyle = used ? colour : theme.faint;
    g.fillStyle = colour;
    g.lineWidth = 1;
    g.setLineDash(there ? [] : [2, 3]);
    if (there) {
      g.globalAlpha *= name.startsWith("d") ? 0.55 : 0.9;
      g.fillRect(x - side / 2, y - side, side, side);
    } else if (side > 3) g.strokeRect(x - side / 2, y - side, side, side);
    g.setLineDash([]);
    g.globalAlpha = used ? 1 : 0.6;
    g.font = `11px ${theme.font}`;
    g.textAlign = "center";
    g.fillStyle = theme.text;
    g.fillText(name, x, y + 9);
    if (!used && LARGE.has(name) && setting.fused && side > 40) {
      g.fillStyle = theme.faint;
      g.fillText("not here", x, y - side / 2);
    }
    g.globalAlpha = 1;
  }

  /** What lies in fast memory now: a tile of each tensor of the kernel that runs. */
  chips(g, theme, width, { moves, index, setting }) {
    if (index >= moves.length) return;
    const names = inside(moves, index, setting.fused);
    const step = chipStep(width, names);
    names.forEach(({ name, made }, i) => {
      const x = 18 + i * step;
      const colour = theme.symbol[COLOUR[name.replace(/^d/, "")]];
      g.fillStyle = colour;
      g.strokeStyle = colour;
      g.globalAlpha = made ? 0.35 : 0.85;
      g.fillRect(x, FAST.top + 26, 22, 22);
      g.globalAlpha = 1;
      if (made) g.strokeRect(x + 0.5, FAST.top + 26.5, 21, 21);
      g.fillStyle = theme.text;
      g.textAlign = "center";
      g.font = `11px ${theme.font}`;
      g.fillText(name, x + 11, FAST.top + 58);
    });
    if (setting.fused) {
      g.fillStyle = theme.faint;
      g.textAlign = "left";
      g.fillText("Ā, B̄x and h are made and used here, a tile at a time", 18, FAST.bottom - 11);
    }
  }

  flight(g, theme, width, slots, { moves, index, along, sizes, setting }) {
    if (index >= moves.length) return;
    const { tensor, way, bytes } = moves[index];
    const slot = slots[tensor];
    const share = ease(way === "in" ? along : 1 - along);
    const names = inside(moves, index, setting.fused);
    const at = way === "in" ? names.length : names.findIndex(({ name }) => name === tensor);
    const step = chipStep(width, names);
    const [x1, y1] = [18 + at * step + 11, FAST.top + 37];
    const x = slot.x + share * (x1 - slot.x);
    const y = slot.y - slot.side / 2 + share * (y1 - (slot.y - slot.side / 2));
    const side = Math.max(6, slot.side + share * (22 - slot.side));
    const colour = theme.symbol[COLOUR[tensor.replace(/^d/, "")]];
    g.fillStyle = colour;
    g.fillRect(x - side / 2, y - side / 2, side, side);
    g.strokeStyle = theme.background;
    g.lineWidth = 1.5;
    g.strokeRect(x - side / 2, y - side / 2, side, side);
    g.fillStyle = theme.text;
    g.font = `600 12px ${theme.font}`;
    g.textAlign = "left";
    g.fillText(
      `${way === "in" ? "↑ read" : "↓ write"} ${tensor}: ${this.options.gigabytes(bytes)}`,
      10,
      FAST.bottom + 14,
    );
  }

  counter(g, theme, width, { moves, index, along }) {
    const past = moves.slice(0, index).reduce((sum, { bytes }) => sum + bytes, 0) + (moves[index]?.bytes ?? 0) * along;
    const total = moves.reduce((sum, { bytes }) => sum + bytes, 0);
    g.textAlign = "right";
    g.fillStyle = theme.text;
    g.font = `600 12px ${theme.font}`;
    g.fillText(
      `${this.options.gigabytes(past)} of ${this.options.gigabytes(total)} moved`,
      width - 12,
      FAST.bottom + 14,
    );
  }

  inWords() {
    const { moves, setting } = this.options.read(this.stage);
    const sum = (direction) =>
      this.options.gigabytes(
        moves.filter((move) => move.direction === direction).reduce((all, { bytes }) => all + bytes, 0),
      );
    return `${setting.fused ? "One kernel" : "Three kernels"}: ${sum("forward")} moved forward, ${sum("backward")} backward`;
  }

  table() {
    const { moves } = this.options.read(this.stage);
    return [
      ["direction", "kernel", "tensor", "way", "bytes"],
      ...moves.map(({ direction, kernel, tensor, way, bytes }) => [direction, kernel, tensor, way, bytes]),
    ];
  }
}

/** Where each tensor lies in HBM: {x, y: bottom, side}. */
function layout(width, sizes) {
  const largest = Math.max(...Object.values(sizes));
  const most = Math.min(62, (width - 40) / 6.4);
  const side = (name) => Math.max(2, most * Math.sqrt(sizes[name] / largest));
  const slots = {};
  ROWS.forEach((names, r) => {
    const wide = names.map((name) => Math.max(22, side(name)));
    const gap = (width - 24 - wide.reduce((sum, w) => sum + w, 0)) / (names.length - 1);
    let x = 12;
    names.forEach((name, i) => {
      slots[name] = { x: x + wide[i] / 2, y: SLOW.top + 72 + r * 88, side: side(name) };
      x += wide[i] + gap;
    });
  });
  return slots;
}

function chipStep(width, names) {
  return Math.min(46, (width - 30) / Math.max(1, names.length));
}

/** What HBM holds when a move begins: inputs and the output's gradient, and what was written. */
function written(moves, index) {
  const there = new Set(["x", "Δ", "A", "B", "C"]);
  moves.slice(0, index).forEach(({ way, tensor }) => way === "out" && there.add(tensor));
  if (moves[index]?.direction === "backward" || index >= moves.length) there.add("dy");
  return there;
}

/** Tiles in fast memory while a move is under way: read so far by this kernel; when it writes, what it has made, too. */
function inside(moves, index, fused) {
  const { way, tensor } = moves[index];
  const run = kernelOf(moves, index);
  const [reads, writes] = ["in", "out"].map((one) => run.filter((move) => move.way === one).map((move) => move.tensor));
  if (way === "in") return reads.slice(0, reads.indexOf(tensor)).map((name) => ({ name }));
  const made = fused ? INSIDE.filter((name) => !reads.includes(name) && !writes.includes(name)) : [];
  return [
    ...reads.map((name) => ({ name })),
    ...made.map((name) => ({ name, made: true })),
    ...writes.map((name) => ({ name })),
  ];
}

/** All moves of the kernel that a move belongs to. */
function kernelOf(moves, index) {
  const same = (i) => moves[i]?.kernel === moves[index].kernel && moves[i]?.direction === moves[index].direction;
  let [start, end] = [index, index + 1];
  while (same(start - 1)) start--;
  while (same(end)) end++;
  return moves.slice(start, end);
}
