// The nodes of the Mamba block's diagram, what leads from one to the next, and where they stand, wide and narrow.

const NARROW = 640; // px
const HIGH = { wide: 316, narrow: 552 };
const BOX = { wide: [78, 50], narrow: [92, 46] };
const ROWS = [36, 142, 242]; // tops of the wide diagram's three rows

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
export const EDGES = [
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
  ["u", "residual", "residual: u goes round the block", "", "over"],
];

/** What a node is called now. */
export function nameOf(id, values) {
  const [part, words] = OFF[id] ?? [];
  return part && !values[part] ? words : NODES[id][0];
}

export const isNarrow = (width) => width < NARROW;
export const heightAt = (width) => (isNarrow(width) ? HIGH.narrow : HIGH.wide);

/** The rectangle of a node's picture: { left, top, wide, high }. */
export function placeOf(id, width) {
  const [, , spread, stacked] = NODES[id];
  if (isNarrow(width)) {
    const [wide, high] = BOX.narrow;
    return { left: 6 + (stacked[0] * (width - wide - 12)) / 2, top: 18 + stacked[1] * 91, wide, high };
  }
  const [wide, high] = BOX.wide;
  const step = (width - wide - 8) / 8;
  return { left: 4 + spread[0] * step, top: ROWS[spread[1]], wide: Math.min(wide, step * 0.66), high };
}

/** The points that an arrow from box a to box b passes; nothing where the narrow diagram has no room for it. */
export function pathOf(a, b, how, narrow) {
  const [ax, bx] = [a.left + a.wide / 2, b.left + b.wide / 2];
  const [ay, by] = [a.top + a.high / 2, b.top + b.high / 2];
  const level = () =>
    a.left < b.left ? flat(a.left + a.wide + 2, b.left - 2, ay) : flat(a.left - 2, b.left + b.wide + 2, ay);
  if (narrow) return a.top === b.top && !how?.startsWith("o") ? level() : undefined;
  if (how === "over") return [ax, a.top - 16, ax, 9, bx, 9, bx, b.top - 16];
  if (how === "down") return [ax, a.top + a.high + 14, ax, by, b.left, by];
  if (how === "up") return [a.left + a.wide, ay, bx, ay, bx, b.top + b.high + 14];
  return level();
}

const flat = (from, to, y) => [from, y, to, y];
