// Measured times as bars on a logarithmic axis: a group for each shape, a bar for each backend.

import { line } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { number, power } from "../canvas/words.js";

const ROW = 17;
const NAMES = {
  numba: "one kernel (CPU)",
  triton: "one kernel (Triton)",
  torch: "plain PyTorch, chunks",
  reference: "plain PyTorch, loop",
};

export function backendWords(backend) {
  return NAMES[backend] ?? backend;
}

/** Does everything in one kernel. */
export function isKernel(backend) {
  return backend === "numba" || backend === "triton";
}

/** options: machine: { machine, measured, rows: [{ name, shape, backend, forward, floor }] } */
export class Times extends Figure {
  constructor(stage, options) {
    const groups = grouped(options.machine.rows);
    super(stage, { ...options, height: 26 + groups.reduce((sum, { rows }) => sum + rows.length * ROW + 20, 0) });
    this.groups = groups;
  }

  paint(g, { width, height }) {
    const { theme } = this.stage;
    const times = this.options.machine.rows.flatMap(({ forward, floor }) => [forward, floor]);
    const [low, high] = [
      10 ** Math.floor(Math.log10(Math.min(...times))),
      10 ** Math.ceil(Math.log10(Math.max(...times))),
    ];
    const [left, right] = [Math.min(150, width * 0.38), width - 58];
    const x = (ms) => left + (Math.log(ms / low) / Math.log(high / low)) * (right - left);
    g.textAlign = "center";
    for (let tick = low; tick <= high * 1.01; tick *= 10) {
      g.strokeStyle = theme.grid;
      g.lineWidth = 1;
      line(g, x(tick), 4, x(tick), height - 20);
      g.fillStyle = theme.faint;
      g.fillText(`${power(tick)} ms`, x(tick), height - 9);
    }
    let y = 10;
    for (const { name, shape, rows } of this.groups) {
      g.textAlign = "left";
      g.font = `600 11px ${theme.font}`;
      g.fillStyle = theme.text;
      g.fillText(`${name}  `, 4, y);
      const wide = g.measureText(`${name}  `).width;
      g.font = `11px ${theme.font}`;
      g.fillStyle = theme.faint;
      g.fillText(shape, 4 + wide, y);
      y += 14;
      for (const row of rows) {
        this.bar(g, theme, row, y, x, left, low);
        y += ROW;
      }
      y += 6;
    }
  }

  bar(g, theme, { backend, forward, floor }, y, x, left, low) {
    const kernel = isKernel(backend);
    g.fillStyle = theme.faint;
    g.textAlign = "right";
    g.fillText(backendWords(backend), left - 6, y);
    g.fillStyle = kernel ? theme.symbol.h : theme.symbol.B;
    g.globalAlpha = kernel ? 1 : 0.6;
    g.fillRect(x(low), y - 6, x(forward) - x(low), 12);
    g.globalAlpha = 1;
    if (kernel) {
      g.strokeStyle = theme.text;
      g.lineWidth = 2;
      line(g, x(floor), y - 8, x(floor), y + 8);
    }
    g.fillStyle = theme.text;
    g.textAlign = "left";
    g.fillText(`${number(forward)} ms`, x(forward) + 5, y);
  }

  inWords() {
    return this.options.machine.rows
      .map(({ name, backend, forward }) => `${name}, ${backendWords(backend)}: ${number(forward)} ms`)
      .join("; ");
  }

  table() {
    return [
      ["shape", "batch x L x D x N", "backend", "forward ms", "floor ms"],
      ...this.options.machine.rows.map(({ name, shape, backend, forward, floor }) => [
        name,
        shape,
        backend,
        forward,
        floor,
      ]),
    ];
  }
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) {
    if (!groups.has(row.name)) groups.set(row.name, { name: row.name, shape: row.shape, rows: [] });
    groups.get(row.name).rows.push(row);
  }
  return [...groups.values()];
}
