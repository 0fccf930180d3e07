// A value per token: painted with the pointer where a control is given.

import { axisLeft, decades, frame, hatch, roundTicks } from "./draw.js";
import { TokenFigure } from "./figure.js";
import { number, power } from "./words.js";

const STEPS = 20; // presses of an arrow key from the bottom to the top

/**
 * options, beside a view's name, title, symbol, height, note, describe, rows, follows:
 *   control: name of a Numbers control that is painted here, or values(stage): an array
 *   low, high: limits of the axis; log: logarithmic; zero: on a logarithmic axis, values at the bottom count as 0
 *   colour(i, stage): of a bar; hatched(i, stage): bars of noise tokens
 *   lines(stage): [{ name, colour, values, dash }] other rows of values drawn as steps over the bars (a learned Delta)
 *   label(i, stage): words below a bar; ticks: [..]; unit
 *   painted(values, stage): called after each stroke with the new numbers; default stage.set({ [control]: values })
 */
export class Bars extends TokenFigure {
  constructor(stage, options) {
    super(stage, options);
    this.canvas.classList.toggle("still", !options.control);
  }

  get values() {
    return this.options.values?.(this.stage) ?? this.stage.values[this.options.control];
  }

  get count() {
    return this.values.length;
  }

  get box() {
    return { ...super.box, top: 8, bottom: this.size.height - (this.options.label ? 20 : 6) };
  }

  scale(box) {
    const { low, high, log } = this.options;
    const f = log ? Math.log : (v) => v;
    const [a, b] = [f(low), f(high)];
    return {
      y: (value) => box.bottom - ((Math.max(a, Math.min(b, f(Math.max(value, log ? low : -Infinity)))) - a) / (b - a)) * (box.bottom - box.top),
      of: (py) => {
        const share = Math.max(0, Math.min(1, (box.bottom - py) / (box.bottom - box.top)));
        if (this.options.zero && share <= 0.02) return 0;
        return log ? Math.exp(a + share * (b - a)) : low + share * (high - low);
      },
    };
  }

  paint(g) {
    const { stage, options, box, values } = this;
    const { theme } = stage;
    const { y } = this.scale(box);
    const { low, high, log } = options;
    const ticks = options.ticks ?? (log ? decades(low, high) : roundTicks(low, high, Math.max(2, Math.floor((box.bottom - box.top) / 28))));
    axisLeft(g, theme, box, ticks, y, log ? power : number);
    const edges = stage.edges(box, values.length);
    const zero = log ? box.bottom : y(Math.max(low, Math.min(high, 0)));
    for (let i = 0; i < values.length; i++) {
      const gap = edges[i + 1] - edges[i] > 5 ? 1 : 0;
      const [x, wide] = [edges[i] + gap / 2, Math.max(0.75, edges[i + 1] - edges[i] - gap)];
      const top = options.zero && !(values[i] > 0) ? box.bottom - 1.5 : y(values[i]);
      const [from, to] = [Math.min(top, zero), Math.max(top, zero)];
      const colour = options.colour?.(i, stage) ?? (options.symbol ? theme.symbol[options.symbol[0] === "d" ? "delta" : options.symbol[0]] : theme.text);
      if (options.hatched?.(i, stage)) {
        hatch(g, x, from, wide, Math.max(1.5, to - from), colour, 4);
        g.strokeStyle = colour;
        g.lineWidth = 1;
        g.strokeRect(x + 0.5, from + 0.5, Math.max(0, wide - 1), Math.max(1, to - from - 1));
      } else {
        g.fillStyle = colour;
        g.fillRect(x, from, wide, Math.max(1.5, to - from));
      }
    }
    this.lines = options.lines?.(stage) ?? [];
    for (const { values: other, colour, dash } of this.lines) {
      g.strokeStyle = colour ?? theme.text;
      g.lineWidth = 2;
      g.setLineDash(dash ?? []);
      g.beginPath();
      for (let i = 0; i < other.length && i < values.length; i++) {
        g.moveTo(edges[i], y(other[i]));
        g.lineTo(edges[i + 1], y(other[i]));
      }
      g.stroke();
      g.setLineDash([]);
    }
    this.showKeys(this.lines.map(({ name, colour, dash }) => ({ name, colour: colour ?? theme.text, dash: Boolean(dash) })));
    if (options.label) this.labels(g, box, edges, values.length);
  }

  labels(g, box, edges, count) {
    g.fillStyle = this.stage.theme.faint;
    g.textAlign = "center";
    let free = -Infinity;
    for (let i = 0; i < count; i++) {
      const text = String(this.options.label(i, this.stage) ?? "");
      const half = g.measureText(text).width / 2 + 2;
      const middle = (edges[i] + edges[i + 1]) / 2;
      if (!text || middle - half < free) continue;
      g.fillText(text, middle, box.bottom + 10);
      free = middle + half;
    }
  }

  overlay(g) {
    const { stage, box } = this;
    const count = this.values.length;
    if (stage.cursor === null || stage.cursor >= count) return;
    const edges = stage.edges(box, count);
    const c = Math.floor(stage.cursor);
    frame(g, stage.theme, this.focused ? stage.theme.primary : stage.theme.text, edges[c], box.top - 2, edges[c + 1] - edges[c], box.bottom - box.top + 3);
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  grab(x, y) {
    const { box } = this;
    const inside = this.size && x >= box.left - 4 && x <= box.right + 4 && y >= box.top - 6 && y <= box.bottom + 6;
    return this.options.control && inside ? "paint" : undefined;
  }

  drag(held, x, y) {
    this.trace(held, x, y);
  }

  trace(held, x, y) {
    const { box, stage } = this;
    const i = this.column(x);
    const value = this.scale(box).of(y);
    const from = this.last ?? [i, value];
    const values = [...this.values];
    for (let j = Math.min(i, from[0]); j <= Math.max(i, from[0]); j++) {
      const along = i === from[0] ? 1 : (j - from[0]) / (i - from[0]);
      values[j] = from[1] + along * (value - from[1]);
    }
    this.last = [i, value];
    this.put(values);
    stage.setCursor(i);
  }

  put(values) {
    if (this.options.painted) this.options.painted(values, this.stage);
    else this.stage.set({ [this.options.control]: values });
  }

  drop() {
    this.last = undefined;
  }

  key(event) {
    const { stage, options } = this;
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!up || !options.control) return super.key(event);
    const i = Math.floor(stage.cursor ?? 0);
    if (stage.cursor === null) stage.setCursor(0);
    const { box } = this;
    const { y, of } = this.scale(box);
    const values = [...this.values];
    const at = options.zero && !(values[i] > 0) ? box.bottom : y(values[i]);
    values[i] = of(at - (up * (box.bottom - box.top)) / STEPS);
    this.put(values);
    return true;
  }

  inWords() {
    const { values, options, stage } = this;
    const words = values.length <= 32 ? Array.from(values, (v, i) => `${options.label?.(i, stage) || i}: ${number(v)}`).join(", ") : "";
    return `${values.length} values from ${number(Math.min(...values))} to ${number(Math.max(...values))}. ${words}`;
  }

  table() {
    const lines = this.lines ?? [];
    return [
      ["token", "label", this.title, ...lines.map(({ name }) => name)],
      ...Array.from(this.values, (v, i) => [i, this.options.label?.(i, this.stage) ?? "", v, ...lines.map((one) => one.values[i] ?? "")]),
    ];
  }
}
