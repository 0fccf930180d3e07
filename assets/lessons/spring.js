// A mass on a spring, as a cartoon: what the two numbers of the state look like.

import { line } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { number } from "../canvas/words.js";

const COILS = 7;
const BLOCK = 68; // px of side at mass 1

/** options: now(stage) -> { q, speed, force, most, mass, damper, spring }, `most` the largest |q|,
 *  and other: q after another past, where there is one. */
export class Spring extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, follows: ["clock", "cursor"] });
  }

  paint(g, { width, height }) {
    const { theme } = this.stage;
    const now = this.options.now(this.stage);
    const side = Math.min(104, BLOCK * Math.cbrt(now.mass));
    const floor = height - 82;
    const rest = Math.round(width * 0.56);
    const reach = Math.min(rest - 70 - side / 2, width - rest - side / 2 - 8);
    const x = rest + (now.most > 0 ? now.q / now.most : 0) * reach;
    this.ground(g, theme, width, floor, rest);
    const middle = floor - side / 2;
    this.coil(g, theme, 20, x - side / 2, middle - side * 0.2, now.spring);
    this.dashpot(g, theme, 20, x - side / 2, middle + side * 0.26, now.damper);
    if (now.other !== undefined)
      this.ghost(g, theme, rest + (now.most > 0 ? now.other / now.most : 0) * reach, floor, side);
    this.block(g, theme, x, floor, side, now);
    this.arrows(g, theme, x, floor - side, side, now);
    this.ruler(g, theme, rest, x, floor, now);
  }

  ground(g, theme, width, floor, rest) {
    g.strokeStyle = theme.faint;
    g.lineWidth = 1.5;
    line(g, 20, floor, width - 4, floor);
    line(g, 20, 14, 20, floor);
    g.lineWidth = 1;
    for (let y = 20; y < floor; y += 9) line(g, 13, y + 6, 20, y);
    g.setLineDash([2, 4]);
    line(g, rest, 20, rest, floor);
    g.setLineDash([]);
    g.fillStyle = theme.faint;
    g.textAlign = "center";
    g.fillText("rest", rest, 12);
  }

  /** Thicker the stronger it is; dashed where it pushes away instead of pulling back. */
  coil(g, theme, from, to, y, strength) {
    g.strokeStyle = theme.symbol.A;
    g.lineWidth = 1 + Math.min(3, Math.sqrt(Math.abs(strength)) / 2);
    g.setLineDash(strength < 0 ? [3, 3] : []);
    g.beginPath();
    g.moveTo(from, y);
    const [start, end] = [from + 8, to - 8];
    for (let i = 0; i <= 2 * COILS; i++) {
      const up = i === 0 || i === 2 * COILS ? 0 : i % 2 ? -8 : 8;
      g.lineTo(start + ((end - start) * i) / (2 * COILS), y + up);
    }
    g.lineTo(to, y);
    if (strength) g.stroke();
    g.setLineDash([]);
  }

  dashpot(g, theme, from, to, y, strength) {
    if (!strength) return;
    g.strokeStyle = theme.symbol.A;
    g.lineWidth = 1 + Math.min(3, Math.abs(strength));
    g.setLineDash(strength < 0 ? [3, 3] : []);
    const cup = from + (to - from) * 0.45;
    line(g, from, y, cup - 12, y);
    g.beginPath();
    g.moveTo(cup + 14, y - 6);
    g.lineTo(cup - 12, y - 6);
    g.lineTo(cup - 12, y + 6);
    g.lineTo(cup + 14, y + 6);
    g.stroke();
    const piston = Math.max(cup - 8, Math.min(cup + 10, cup + (to - cup) * 0.1));
    line(g, piston, y - 4, piston, y + 4);
    line(g, piston, y, to, y);
    g.setLineDash([]);
  }

  block(g, theme, x, floor, side, { mass }) {
    g.fillStyle = theme.symbol.h;
    g.globalAlpha = 0.9;
    g.fillRect(x - side / 2, floor - side, side, side);
    g.globalAlpha = 1;
    g.fillStyle = theme.dark ? "#000000" : "#ffffff";
    g.textAlign = "center";
    g.font = `600 13px ${theme.font}`;
    g.fillText(`${number(mass)} kg`, x, floor - side / 2);
  }

  /** Where the mass would be after another past. */
  ghost(g, theme, x, floor, side) {
    g.strokeStyle = theme.runs[1];
    g.lineWidth = 2;
    g.setLineDash([5, 4]);
    g.strokeRect(x - side / 2, floor - side, side, side);
    g.setLineDash([]);
  }

  /** Above the mass: how it is pushed; and how fast it goes. */
  arrows(g, theme, x, top, side, { force, speed, fastest }) {
    const long = (value, most) => (most > 0 ? (value / most) * Math.max(30, side) : 0);
    this.arrow(g, theme.symbol.x, x, top - 26, long(force, 1), "push x");
    this.arrow(g, theme.symbol.h, x, top - 9, long(speed, fastest), "");
  }

  arrow(g, colour, x, y, length, words) {
    if (Math.abs(length) < 2) return;
    const way = Math.sign(length);
    g.strokeStyle = g.fillStyle = colour;
    g.lineWidth = 3;
    line(g, x, y, x + length - 5 * way, y);
    g.beginPath();
    g.moveTo(x + length, y);
    g.lineTo(x + length - 8 * way, y - 5);
    g.lineTo(x + length - 8 * way, y + 5);
    g.fill();
    g.textAlign = way > 0 ? "left" : "right";
    if (words) g.fillText(words, x + length + 5 * way, y);
  }

  ruler(g, theme, rest, x, floor, { q, speed }) {
    g.strokeStyle = theme.symbol.h;
    g.lineWidth = 3;
    line(g, rest, floor + 6, x, floor + 6);
    g.fillStyle = theme.symbol.h;
    g.textAlign = "center";
    g.font = `13px ${theme.font}`;
    g.fillText("h = the state = all that is remembered", this.size.width / 2 + 8, floor + 34);
    g.font = `600 15px ${theme.font}`;
    g.fillText(`position ${fixed(q)} m   speed ${fixed(speed)} m/s`, this.size.width / 2 + 8, floor + 57);
  }

  inWords() {
    const { q, speed, force } = this.options.now(this.stage);
    return `The mass is ${number(q)} m from its rest, at a speed of ${number(speed)} m/s, pushed with ${number(force)} N.`;
  }
}

/** Two decimals, always as wide. */
const fixed = (value) =>
  Math.abs(value) >= 1000 ? number(value) : `${value < -0.005 ? "−" : "\u2007"}${Math.abs(value).toFixed(2)}`;
