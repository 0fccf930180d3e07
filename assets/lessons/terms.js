// What one output is made of: a row for each term, K[k] x[t - k], and their sum.

import { line } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { fixed, indexed } from "./strips.js";

const ROWS = 6; // terms written out; the others are summed
const HIGH = 24;

/** options: read(stage) -> { t, K, x, y }: K (t + 1) the kernel of output t */
export class Terms extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, height: 24 + (ROWS + 2) * HIGH });
  }

  parts() {
    const { t, K, x, y } = this.options.read(this.stage);
    const all = Array.from(K, (K_k, k) => ({ k, K: K_k, x: x[t - k], term: K_k * x[t - k] }));
    const some = all.filter(({ term }) => Math.abs(term) >= 0.005).sort((a, b) => Math.abs(b.term) - Math.abs(a.term));
    const shown = some.slice(0, ROWS).sort((a, b) => a.k - b.k);
    return {
      t,
      y,
      all,
      shown,
      more: some.length - shown.length,
      rest: y - shown.reduce((sum, { term }) => sum + term, 0),
    };
  }

  paint(g, { width }) {
    const { theme } = this.stage;
    const { t, y, shown, more, rest } = this.parts();
    const lines = shown.map(({ k, K, x, term }) => [
      `${indexed("K", k)} ${indexed("x", t - k)} = ${fixed(K)} · ${fixed(x)}`,
      term,
    ]);
    if (more) lines.push([`${more} smaller ones`, rest]);
    if (!lines.length) lines.push(["no input has come yet", 0]);
    const most = Math.max(0.5, Math.abs(y), ...lines.map(([, term]) => Math.abs(term)));
    const zero = 150 + (width - 150 - 50) / 2;
    const scale = (width - zero - 50) / most;
    lines.forEach(([words, term], i) => this.row(g, theme, words, term, zero, scale, 14 + i * HIGH, theme.symbol.B));
    const under = 14 + lines.length * HIGH;
    g.strokeStyle = theme.faint;
    g.lineWidth = 1;
    line(g, 8, under - 9, width - 8, under - 9);
    this.row(g, theme, indexed("y", t), y, zero, scale, under + 4, theme.symbol.y, true);
  }

  row(g, theme, words, term, zero, scale, y, colour, strong = false) {
    g.font = `${strong ? "600 " : ""}12px ${theme.font}`;
    g.fillStyle = theme.text;
    g.textAlign = "left";
    g.fillText(words, 8, y);
    g.fillStyle = colour;
    const long = term * scale;
    g.fillRect(Math.min(zero, zero + long), y - 7, Math.max(1, Math.abs(long)), 14);
    g.fillStyle = theme.text;
    g.textAlign = term < 0 ? "right" : "left";
    g.fillText(fixed(term), zero + long + (term < 0 ? -5 : 5), y);
  }

  key(event) {
    return this.stage.cursorKey(event, this.options.read(this.stage).x.length);
  }

  inWords() {
    const { t, y, shown } = this.parts();
    return `Output ${t}: ${shown.map(({ k, term }) => `${fixed(term)} from ${k} tokens ago`).join(", ") || "nothing yet"}; sum ${fixed(y)}`;
  }

  table() {
    const { t, all } = this.parts();
    return [["k", "K", "x[t-k]", "K x", "t"], ...all.map(({ k, K, x, term }) => [k, K, x, term, t])];
  }
}
