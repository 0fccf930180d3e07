// Curves over axes, with things in it that can be dragged.

import { axis, thinned, widen } from "./axes.js";
import { CURVES } from "./curves.js";
import { axisBottom, axisLeft, decades, line, roundTicks } from "./draw.js";
import { Figure } from "./figure.js";
import { number, power } from "./words.js";

const GUTTER = 44;
const RIGHT = 10;

/**
 * options, beside a view's name, title, symbol, height, note(stage), describe(stage), rows(stage):
 *   x, y: { label, range: [low, high] or (stage) => [low, high] or "auto", log, ticks: [..], words: (v) => text }
 *   equal: one unit is as long on both axes (an s-plane); the ranges are widened as needed
 *   series(stage): [{ name, colour, x, y, kind: "line" | "steps" | "stems" | "dots" | "bars" | "area", width, dash: [4, 3], faint, quiet }]
 *       x, y: arrays of equal length; `quiet`: not in the legend; `faint`: drawn weakly; "area" fills down to 0
 *   backdrop(g, place) before the curves, front(g, place) after them, over(g, place) with every cursor or clock (cheap!)
 *       place = { box, x: value -> px, y: value -> px, theme, stage, ranges: { x, y } }
 *   handles(stage): [{ x, y, label, move(x, y), step: [dx, dy], colour, shape: "circle" | "cross" | "square" }]
 *   paint: { from, to, count, get(index), set(index, value) }: a row of values that is drawn with the pointer, over x from..to
 *   cursor: true: the shared cursor is a value of x, hovering moves it; or { of(x) -> cursor, at(cursor) -> x }
 */
export class Plot extends Figure {
  constructor(stage, options) {
    super(stage, options);
    this.selected = 0;
    this.canvas.classList.toggle("still", !options.handles && !options.paint);
  }

  get box() {
    return {
      left: this.options.y?.label === null ? RIGHT : GUTTER,
      right: this.size.width - RIGHT,
      top: this.options.y?.label ? 18 : 8,
      bottom: this.size.height - (this.options.x?.label ? 32 : 20),
    };
  }

  // -- scales -------------------------------------------------------------------------------------------------------

  layout() {
    const { stage, options, box } = this;
    this.series = (options.series?.(stage) ?? []).filter(Boolean);
    const ranges = { x: this.range("x"), y: this.range("y") };
    if (options.equal) widen(ranges, box);
    const [x, y] = [
      axis(ranges.x, [box.left, box.right], options.x?.log),
      axis(ranges.y, [box.bottom, box.top], options.y?.log),
    ];
    this.place = { box, x: x.to, y: y.to, xOf: x.from, yOf: y.from, theme: stage.theme, stage, ranges };
  }

  range(which) {
    const { range = "auto", log } = this.options[which] ?? {};
    if (typeof range === "function") return range(this.stage);
    if (range !== "auto") return range;
    let [low, high] = [Infinity, -Infinity];
    for (const { [which]: values } of this.series)
      for (const value of values) {
        if (!Number.isFinite(value) || (log && value <= 0)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    if (low > high) return log ? [0.1, 1] : [0, 1];
    if (log) return [low, high > low ? high : low * 10];
    if (which === "x") return [low, high];
    const pad = 0.06 * (high - low || Math.abs(high) || 1);
    return [low - pad, high + pad];
  }

  // -- painting -----------------------------------------------------------------------------------------------------

  paint(g) {
    this.layout();
    const { options, place, series } = this;
    const { box, theme } = place;
    this.axes(g);
    g.save();
    g.beginPath();
    g.rect(box.left - 1, box.top - 1, box.right - box.left + 2, box.bottom - box.top + 2);
    g.clip();
    options.backdrop?.(g, place);
    for (const one of series) this.curve(g, one);
    options.front?.(g, place);
    g.restore();
    this.showKeys(series.filter(({ name, quiet }) => name && !quiet).map(({ name, colour, dash, kind }) => ({
      name, colour: colour ?? theme.text, dash: Boolean(dash), dots: kind === "dots",
    })));
  }

  axes(g) {
    const { options, place } = this;
    const { box, theme, ranges } = place;
    const ticks = (which, most) => {
      const { log, ticks: own } = options[which] ?? {};
      if (own) return own.filter((t) => t >= ranges[which][0] - 1e-12 && t <= ranges[which][1] + 1e-12);
      return log ? thinned(decades(...ranges[which]), most) : roundTicks(...ranges[which], most);
    };
    const words = (which) => options[which]?.words ?? (options[which]?.log ? power : number);
    if (options.y?.label !== null)
      axisLeft(g, theme, box, ticks("y", Math.max(2, Math.floor((box.bottom - box.top) / 30))), place.y, words("y"));
    axisBottom(g, theme, box, ticks("x", Math.max(2, Math.floor((box.right - box.left) / 60))), place.x, words("x"));
    g.fillStyle = theme.faint;
    g.textAlign = "right";
    if (options.x?.label) g.fillText(options.x.label, box.right, this.size.height - 7);
    g.textAlign = "left";
    if (options.y?.label) g.fillText(options.y.label, Math.max(4, box.left - 38), 8);
  }

  curve(g, { x, y, kind = "line", colour, width = 2, dash, faint }) {
    const { place } = this;
    const { theme } = place;
    g.save();
    g.globalAlpha = faint ? 0.35 : 1;
    g.strokeStyle = g.fillStyle = colour ?? theme.text;
    g.lineWidth = width;
    g.setLineDash(dash ?? []);
    CURVES[kind](g, x, y, place);
    g.restore();
  }

  /** What moves: cursor, handles, and what the lesson draws over it. */
  overlay(g) {
    if (!this.place) return;
    const { options, stage, place } = this;
    const { box, theme } = place;
    const at = this.cursorAt();
    if (at !== undefined) {
      g.strokeStyle = theme.faint;
      g.lineWidth = 1;
      g.setLineDash([3, 3]);
      line(g, place.x(at), box.top, place.x(at), box.bottom);
      g.setLineDash([]);
    }
    options.over?.(g, place);
    const handles = options.handles?.(stage) ?? [];
    handles.forEach((handle, i) => this.handle(g, handle, i));
  }

  cursorAt() {
    const { cursor } = this.options;
    const { stage, place } = this;
    if (!cursor || stage.cursor === null) return undefined;
    const at = cursor.at ? cursor.at(stage.cursor) : stage.cursor;
    return at >= place.ranges.x[0] && at <= place.ranges.x[1] ? at : undefined;
  }

  handle(g, { x, y, colour, shape = "circle" }, i) {
    const { place } = this;
    const { theme } = place;
    const [px, py] = [place.x(x), place.y(y)];
    const chosen = this.held === i || this.hovered === i || (this.focused && this.selected === i);
    const r = chosen ? 8 : 6;
    g.lineWidth = 2;
    g.strokeStyle = theme.background;
    g.fillStyle = colour ?? theme.primary;
    if (shape === "cross") {
      for (const [w, c] of [[6, theme.background], [3, colour ?? theme.primary]]) {
        g.lineWidth = w;
        g.strokeStyle = c;
        line(g, px - r, py - r, px + r, py + r);
        line(g, px - r, py + r, px + r, py - r);
      }
    } else {
      g.beginPath();
      if (shape === "square") g.rect(px - r, py - r, 2 * r, 2 * r);
      else g.arc(px, py, r, 0, 2 * Math.PI);
      g.fill();
      g.stroke();
    }
    if (chosen) {
      g.lineWidth = 1.5;
      g.strokeStyle = colour ?? theme.primary;
      g.beginPath();
      g.arc(px, py, r + 4, 0, 2 * Math.PI);
      g.stroke();
    }
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  grab(x, y, near) {
    if (!this.place) return undefined;
    const { options, stage, place } = this;
    let [best, closest] = [undefined, near];
    (options.handles?.(stage) ?? []).forEach((handle, i) => {
      const away = Math.hypot(place.x(handle.x) - x, place.y(handle.y) - y);
      if (away <= closest) [best, closest] = [i, away];
    });
    if (best !== undefined) return best;
    const { box } = place;
    const inside = x >= box.left - 4 && x <= box.right + 4 && y >= box.top - 6 && y <= box.bottom + 6;
    return options.paint && inside ? "paint" : undefined;
  }

  drag(held, x, y) {
    const { place } = this;
    if (held === "paint") {
      this.stroke(x, y);
      return;
    }
    this.selected = held;
    const clamp = (v, [low, high]) => Math.max(low, Math.min(high, v));
    const handle = this.options.handles(this.stage)[held];
    handle?.move(clamp(place.xOf(x), place.ranges.x), clamp(place.yOf(y), place.ranges.y));
  }

  trace(held, x, y) {
    if (held === "paint") this.stroke(x, y);
  }

  drop() {
    this.last = undefined;
  }

  /** Paints every value between the pointer's last place and this one. */
  stroke(x, y) {
    const { paint } = this.options;
    const { place } = this;
    const share = (place.xOf(x) - paint.from) / (paint.to - paint.from);
    const i = Math.max(0, Math.min(paint.count - 1, Math.floor(share * paint.count)));
    const value = Math.max(place.ranges.y[0], Math.min(place.ranges.y[1], place.yOf(y)));
    const from = this.last ?? [i, value];
    for (let j = Math.min(i, from[0]); j <= Math.max(i, from[0]); j++) {
      const along = i === from[0] ? 1 : (j - from[0]) / (i - from[0]);
      paint.set(j, from[1] + along * (value - from[1]));
    }
    this.last = [i, value];
    this.selected = i;
  }

  point(x) {
    const { cursor } = this.options;
    if (!cursor || !this.place) return;
    const { place, stage } = this;
    const value = Math.max(place.ranges.x[0], Math.min(place.ranges.x[1], place.xOf(x)));
    stage.setCursor(cursor.of ? cursor.of(value) : value);
  }

  away() {
    this.hovered = undefined;
    this.stage.touch("cursor");
  }

  /** Arrow keys move the handle that is selected, PageUp and PageDown select another. */
  key(event) {
    const handles = this.options.handles?.(this.stage) ?? [];
    const count = handles.length || this.options.paint?.count || 0;
    if (!count) return this.options.key?.(event, this.stage) ?? false;
    this.selected = Math.min(this.selected, count - 1);
    if (event.key === "PageDown" || event.key === "PageUp") {
      this.selected = (this.selected + (event.key === "PageDown" ? 1 : count - 1)) % count;
      this.stage.touch("cursor");
      return true;
    }
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (!dx && !dy) return this.options.key?.(event, this.stage) ?? false;
    const times = event.shiftKey ? 10 : 1;
    if (handles.length) {
      const { x, y, step = [0.05, 0.05], move } = handles[this.selected];
      const { ranges } = this.place;
      const clamp = (v, [low, high]) => Math.max(low, Math.min(high, v));
      move(clamp(x + times * dx * step[0], ranges.x), clamp(y + times * dy * step[1], ranges.y));
    } else this.nudge(dx, dy * times);
    return true;
  }

  /** Keyboard painting: left and right choose a value, up and down change it. */
  nudge(dx, dy) {
    const { paint, y } = this.options;
    this.selected = Math.max(0, Math.min(paint.count - 1, this.selected + dx));
    const [low, high] = this.place.ranges.y;
    if (dy) paint.set(this.selected, Math.max(low, Math.min(high, paint.get(this.selected) + (dy * (high - low)) / (y?.steps ?? 40))));
    const at = paint.from + ((this.selected + 0.5) / paint.count) * (paint.to - paint.from);
    if (this.options.cursor) this.stage.setCursor(this.options.cursor.of ? this.options.cursor.of(at) : at);
  }

  // -- words --------------------------------------------------------------------------------------------------------

  inWords() {
    if (!this.place) return "";
    const named = this.series.filter(({ name }) => name);
    const said = (named.length ? named : this.series).map(({ name = "curve", y }) => {
      const finite = Array.from(y).filter(Number.isFinite);
      if (!finite.length) return `${name}: nothing to show`;
      return `${name}: from ${number(finite[0])} to ${number(finite.at(-1))}, lowest ${number(Math.min(...finite))}, highest ${number(Math.max(...finite))}`;
    });
    const handles = (this.options.handles?.(this.stage) ?? []).map(({ label, x, y }) => `${label} at ${number(x)}, ${number(y)}`);
    return [...said, ...handles].join("; ");
  }

  table() {
    const named = this.series.filter(({ name }) => name);
    const head = [this.options.x?.label ?? "x", "series", this.options.y?.label ?? "y"];
    return [head, ...named.flatMap(({ name, x, y }) => Array.from(x, (at, i) => [at, name, y[i]]))];
  }
}
