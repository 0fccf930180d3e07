// The convolution as a picture: one kernel, flipped, slides over the input; products below it, their sum is the output.

import { hatch, line } from "../canvas/draw.js";
import { TokenFigure } from "../canvas/figure.js";
import { ease } from "./march.js";
import { column, fixed, indexed, strip } from "./strips.js";

/** options: now(stage) -> { t, along }, data(stage) -> { x, K, y, most, selective, kernels, apart } */
export class Slide extends TokenFigure {
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
    const data = options.data(stage);
    const { x, K, y, most, selective } = data;
    const edges = stage.edges(box, x.length);
    g.globalAlpha = selective ? 0.3 : 1;
    column(g, theme, edges, t, 2, 204, this.focused);
    strip(g, theme, edges, x, { top: 4, height: 40, most: 1, colour: theme.symbol.x, label: "x" });
    this.kernel(g, theme, edges, K, t, ease(along / 0.45));
    const products = Float64Array.from(x, (x_s, s) => (s <= t ? K[t - s] * x_s : 0));
    strip(g, theme, edges, products, { top: 98, height: 36, most: 1, colour: theme.symbol.B, label: "K · x", upto: t });
    strip(g, theme, edges, y, { top: 138, height: 64, most, colour: theme.symbol.y, label: "y", upto: t, now: t });
    g.globalAlpha = 1;
    if (selective) this.refuse(g, theme, box, data);
    else this.words(g, theme, products, y, t);
  }

  /** K_k over the token k before now, on its way there from where it lay for the output before. */
  kernel(g, theme, edges, K, t, step) {
    const [zero, half] = [72, 22];
    const wide = edges[1] - edges[0];
    const shift = (1 - step) * (t ? wide : 0);
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    line(g, edges[0], zero, edges[edges.length - 1], zero);
    g.fillStyle = theme.faint;
    g.textAlign = "right";
    g.fillText("K", edges[0] - 6, zero);
    g.save();
    g.beginPath();
    g.rect(edges[0], 44, edges[edges.length - 1] - edges[0], 56);
    g.clip();
    g.strokeStyle = g.fillStyle = theme.symbol.A;
    g.lineWidth = 2;
    for (let k = 0; k <= t; k++) {
      const at = (edges[t - k] + edges[t - k + 1]) / 2 - shift;
      const top = zero - Math.max(-1.2, Math.min(1.2, K[k])) * half;
      line(g, at, zero, at, top);
      g.beginPath();
      g.arc(at, top, 2.5, 0, 2 * Math.PI);
      g.fill();
    }
    g.restore();
  }

  /** The convolution is no answer here. */
  refuse(g, theme, box, { kernels, x, apart }) {
    hatch(g, box.left, 46, box.right - box.left, 158, theme.grid, 9);
    const lines = [
      "No one kernel",
      `${x.length} outputs, ${kernels} different kernels.`,
      `The old one is off by up to ${fixed(apart)}.`,
    ];
    g.textAlign = "center";
    const middle = (box.left + box.right) / 2;
    g.fillStyle = theme.background;
    g.globalAlpha = 0.88;
    g.fillRect(middle - 125, 88, 250, 70);
    g.globalAlpha = 1;
    g.fillStyle = theme.text;
    lines.forEach((text, i) => {
      g.font = `${i ? 12 : "600 14"}px ${theme.font}`;
      g.fillText(text, middle, 103 + 20 * i);
    });
    g.font = `11px ${theme.font}`;
  }

  words(g, theme, products, y, t) {
    const some = Array.from(products, (p, s) => [p, s])
      .filter(([p]) => Math.abs(p) >= 0.005)
      .reverse();
    const shown = some.slice(0, this.size.width < 420 ? 2 : 4).map(([p]) => (p < 0 ? `(${fixed(p)})` : fixed(p)));
    const sum = shown.length ? shown.join(" + ") + (some.length > shown.length ? " + …" : "") : "0";
    g.fillStyle = theme.text;
    g.textAlign = "left";
    g.font = `12.5px ${theme.font}`;
    g.fillText(`${indexed("y", t)} = Σ K · x = ${sum} = ${fixed(y[t])}`, 8, 221);
    g.font = `11px ${theme.font}`;
  }

  inWords() {
    const { t } = this.options.now(this.stage);
    const { y, selective, kernels, x } = this.options.data(this.stage);
    if (selective) return `There is no convolution: ${x.length} outputs need ${kernels} different kernels`;
    return `At output ${t} the products sum to ${fixed(y[t])}`;
  }

  table() {
    const { x, K, y } = this.options.data(this.stage);
    return [["token", "x", "K", "y by one kernel"], ...Array.from(x, (v, t) => [t, v, K[t], y[t]])];
  }
}
