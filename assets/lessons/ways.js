// One kernel and plain PyTorch at one shape, as measured: time forward, time both ways, most memory.

import { Figure } from "../canvas/figure.js";
import { number } from "../canvas/words.js";
import { backendWords, isKernel } from "./times.js";

const ROW = 18;
const QUANTITIES = [
  ["forward_ms", "forward", (ms) => `${number(ms)} ms`],
  ["both_ms", "forward and backward", (ms) => `${number(ms)} ms`],
  ["peak_bytes", "most memory beside the inputs, both ways", (bytes) => `${number(bytes / 1e9)} GB`],
];

/** options: growth: { machine, measured, ways: [{ backend, forward_ms, both_ms, peak_bytes }] } */
export class Ways extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, height: QUANTITIES.length * (options.growth.ways.length * ROW + 26) });
  }

  paint(g, { width }) {
    const { theme } = this.stage;
    const { ways } = this.options.growth;
    const left = Math.min(150, width * 0.38);
    const right = width - 74;
    let y = 10;
    for (const [key, title, words] of QUANTITIES) {
      g.font = `600 11px ${theme.font}`;
      g.textAlign = "left";
      g.fillStyle = theme.text;
      g.fillText(title, 4, y);
      g.font = `11px ${theme.font}`;
      const most = Math.max(...ways.map((way) => way[key]));
      for (const way of ways) {
        y += ROW;
        const long = Math.max(1.5, (way[key] / most) * (right - left));
        g.fillStyle = theme.faint;
        g.textAlign = "right";
        g.fillText(backendWords(way.backend), left - 6, y);
        g.fillStyle = isKernel(way.backend) ? theme.symbol.h : theme.symbol.B;
        g.globalAlpha = isKernel(way.backend) ? 1 : 0.6;
        g.fillRect(left, y - 6, long, 12);
        g.globalAlpha = 1;
        g.fillStyle = theme.text;
        g.textAlign = "left";
        g.fillText(words(way[key]), left + long + 5, y);
      }
      y += 26;
    }
  }

  inWords() {
    const { ways } = this.options.growth;
    return ways
      .map(
        (way) =>
          `${backendWords(way.backend)}: ${QUANTITIES.map(([key, title, words]) => `${title} ${words(way[key])}`).join(", ")}`,
      )
      .join("; ");
  }

  table() {
    const { ways } = this.options.growth;
    return [
      ["backend", ...QUANTITIES.map(([key]) => key)],
      ...ways.map((way) => [way.backend, ...QUANTITIES.map(([key]) => way[key])]),
    ];
  }
}
