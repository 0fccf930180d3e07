// Parts of a whole: a bar, a number and a share each.

import { Figure } from "../canvas/figure.js";
import { count, percent } from "../canvas/words.js";

const ROW = 21;

/** options: parts(stage): [{ name, value, colour }]; words(value): text of a value */
export class Shares extends Figure {
  constructor(stage, options) {
    super(stage, { height: 8 * ROW + 6, ...options });
  }

  paint(g, { width }) {
    const { options, stage } = this;
    const { theme } = stage;
    this.parts = options.parts(stage);
    const total = this.parts.reduce((sum, { value }) => sum + value, 0);
    const [left, right] = [70, width - 132];
    this.parts.forEach(({ name, value, colour }, i) => {
      const y = 4 + i * ROW;
      g.textAlign = "right";
      g.fillStyle = colour ?? theme.text;
      g.fillText(name, left - 8, y + ROW / 2);
      g.fillRect(left, y + 3, Math.max(1, ((right - left) * value) / total), ROW - 6);
      g.fillStyle = theme.faint;
      g.fillText(count(value), width - 56, y + ROW / 2);
      g.fillText(percent(value / total), width - 4, y + ROW / 2);
    });
  }

  inWords() {
    return (this.parts ?? []).map(({ name, value }) => `${name}: ${count(value)}`).join(", ");
  }

  table() {
    return [["part", "parameters"], ...this.parts.map(({ name, value }) => [name, value])];
  }
}
