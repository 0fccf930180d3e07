// How learning went: loss and accuracies over steps.

import { axisBottom, axisLeft, decades, line, polyline, roundTicks, scale } from "../canvas/draw.js";
import { lastAtMost } from "./store.js";
import { View } from "../canvas/view.js";
import { count, number, percent, power, raised } from "../canvas/words.js";

const GUTTER = 38;
const DRAG = 6; // pixels from which a press is meant as a drag
const DOUBLE = 600; // ms between the presses of a double click, at most
const MOST_TICKS = 6; // of a logarithmic axis
const NARROWEST = 8; // steps between the borders of a curve
export const DASHES = [[], [5, 3], [2, 2], [8, 2, 2, 2]]; // per run, so that colour is not alone

/** A plot with one line per run. */
export class Plot extends View {
  constructor(lab, options) {
    super(lab, { height: 122, needs: ["metrics", "hover", "frame"], ...options });
  }

  get box() {
    return { left: GUTTER, right: this.size.width - 10, top: 8, bottom: this.size.height - 18 };
  }

  pen(g, i) {
    const { theme } = this.lab;
    g.strokeStyle = theme.runs[i % theme.runs.length];
    g.setLineDash(DASHES[i % DASHES.length]);
    g.lineWidth = 1.75;
  }

  chanceLine(g, box, y, words = "chance") {
    const { chance } = this.lab.store.record;
    const { theme } = this.lab;
    g.strokeStyle = theme.faint;
    g.lineWidth = 1;
    g.setLineDash([1, 3]);
    line(g, box.left, y(chance), box.right, y(chance));
    g.setLineDash([]);
    if (!words) return;
    const wide = g.measureText(words).width;
    g.globalAlpha = 0.75;
    g.fillStyle = theme.background;
    g.fillRect(box.right - wide - 3, y(chance) - 13, wide + 4, 12);
    g.globalAlpha = 1;
    g.fillStyle = theme.faint;
    g.textAlign = "right";
    g.fillText(words, box.right - 1, y(chance) - 7);
  }
}

/**
 * A quantity over training steps. A press scrubs there; dragging shows the steps between on all curves, a double click
 * shows all again, as do the keys + and - around the step shown, and 0.
 */
export class Curve extends Plot {
  constructor(lab, { log = false, field, chance = false, say = log ? number : percent, ...options }) {
    super(lab, { ...options, needs: ["metrics", "hover", "frame", "stretch"], over: ["frame"] });
    Object.assign(this, { log, field, chance, say });
    this.canvas.title = "Press: show this step · drag: zoom · double click: all steps (keys: + - 0)";
  }

  series(run) {
    const { losses, evaluations } = run.record;
    if (this.field === "loss" && losses.step.length) return { step: losses.step, value: losses.loss };
    return { step: evaluations.step, value: evaluations[this.field] };
  }

  /** The part of it that is shown, with one neighbour on either side. */
  shown(run) {
    const { step, value } = this.series(run);
    const { from, to } = this.stretch;
    const [first, end] = [Math.max(0, lastAtMost(step, from - 1)), lastAtMost(step, to) + 2];
    return { step: step.slice(first, end), value: value.slice(first, end) };
  }

  get steps() {
    return Math.max(1, ...this.lab.store.runs.map((run) => Math.max(run.record.steps, run.record.step)));
  }

  /** {from, to}: the steps from the left to the right border. */
  get stretch() {
    return this.lab.view.stretch ?? { from: 0, to: this.steps };
  }

  get limits() {
    if (!this.log) return { low: 0, high: 1 };
    let [low, high] = [Infinity, 0];
    for (const run of this.lab.store.runs)
      for (const v of this.shown(run).value) if (v > 0) [low, high] = [Math.min(low, v), Math.max(high, v)];
    if (!high) [low, high] = [0.1, 1];
    return {
      low: 10 ** Math.floor(Math.log10(low) + 0.3),
      high: Math.min(10 ** Math.ceil(Math.log10(high)), high * 1.5),
    };
  }

  ticks(low, high) {
    if (!this.log) return [0, 0.5, 1];
    const all = decades(low, high);
    const apart = Math.ceil(all.length / MOST_TICKS);
    return all.filter((_, i) => (all.length - 1 - i) % apart === 0);
  }

  scales() {
    const { low, high } = this.limits;
    const { from, to } = this.stretch;
    const { left, right, top, bottom } = this.box;
    const x = (step) => left + ((step - from) / (to - from)) * (right - left);
    return { x, y: scale(low, high, bottom, top, this.log), from, to, low, high };
  }

  paint(g) {
    const { theme, store } = this.lab;
    const { box } = this;
    const { x, y, from, to, low, high } = this.scales();
    axisLeft(g, theme, box, this.ticks(low, high), y, this.log ? tick(this.say) : (v) => `${100 * v} %`);
    axisBottom(g, theme, box, roundTicks(from, to, 3), x, (v) => (v === 0 ? "step 0" : count(v)));
    if (this.chance) this.chanceLine(g, box, y);
    g.save();
    g.beginPath();
    g.rect(box.left, 0, box.right - box.left, box.bottom + 1);
    g.clip();
    store.runs.forEach((run, i) => {
      this.pen(g, i);
      const { step, value } = this.shown(run);
      polyline(
        g,
        thin(step, value, box).map(([s, v]) => [x(s), v === null ? NaN : y(v)]),
      );
    });
    g.restore();
  }

  /** The step shown, and the values there. */
  overlay(g) {
    const { theme, store, view } = this.lab;
    if (!store.steps.length) {
      this.noteNode.textContent = ""; // of what was shown before
      return;
    }
    const { x, y, from, to } = this.scales();
    const step = this.pointed ?? view.step;
    const { top, bottom } = this.box;
    if (this.dragged) this.paintDragged(g);
    g.strokeStyle = theme.text;
    g.lineWidth = 1;
    const inside = (s) => s >= from && s <= to;
    if (inside(view.step)) line(g, Math.round(x(view.step)) + 0.5, top - 4, Math.round(x(view.step)) + 0.5, bottom);
    if (this.pointed !== undefined) {
      g.strokeStyle = theme.faint;
      line(g, Math.round(x(step)) + 0.5, top, Math.round(x(step)) + 0.5, bottom);
    }
    store.runs.forEach((run, i) => {
      const [at, value] = this.valueAt(run, step);
      if (value === null || !inside(at)) return;
      g.fillStyle = theme.runs[i % theme.runs.length];
      g.strokeStyle = theme.background;
      g.lineWidth = 1.5;
      g.beginPath();
      g.arc(x(at), y(value), 3.5, 0, 2 * Math.PI);
      g.fill();
      g.stroke();
    });
    this.readOut(step);
  }

  valueAt(run, step) {
    const { step: steps, value } = this.series(run);
    const i = lastAtMost(steps, step);
    return i < 0 || value[i] === null || value[i] === undefined ? [step, null] : [steps[i], value[i]];
  }

  readOut(step) {
    const parts = this.lab.store.runs.map((run) => `${run.record.label} ${this.say(this.valueAt(run, step)[1] ?? NaN)}`);
    this.noteNode.textContent = parts.join(" · ");
  }

  note() {
    return this.noteNode.textContent; // the overlay writes it
  }

  paintDragged(g) {
    const { left, right, top, bottom } = this.box;
    const [from, to] = this.dragged.map((px) => Math.max(left, Math.min(right, px)));
    g.globalAlpha = 0.16;
    g.fillStyle = this.lab.theme.text;
    g.fillRect(Math.min(from, to), top, Math.abs(to - from), bottom - top);
    g.globalAlpha = 1;
  }

  stepAt(px) {
    const { left, right } = this.box;
    const { from, to } = this.stretch;
    const share = Math.max(0, Math.min(1, (px - left) / (right - left)));
    return Math.round(from + share * (to - from));
  }

  hover(px) {
    this.pointed = this.stepAt(px);
    this.lab.touch("hover");
  }

  leave() {
    this.pointed = this.pressed = this.dragged = undefined;
    this.lab.touch("hover");
  }

  press(px, _y, dragging) {
    this.hover(px);
    if (!dragging) this.pressed = px;
    else if (this.pressed !== undefined && Math.abs(px - this.pressed) > DRAG) this.dragged = [this.pressed, px];
  }

  release(px) {
    if (this.pressed === undefined) return;
    const { dragged } = this;
    this.pressed = this.dragged = undefined;
    if (dragged) this.show(...dragged.map((end) => this.stepAt(end)).sort((a, b) => a - b));
    else this.scrub(this.stepAt(px));
  }

  scrub(step) {
    const { view } = this.lab;
    const now = performance.now();
    if (!(now - this.scrubbed < DOUBLE)) this.before = view.following ? undefined : view.step;
    this.scrubbed = now;
    view.showStep(step);
  }

  /** All steps; the two presses of a double click were not meant for the step shown. */
  whole() {
    const { view } = this.lab;
    view.setStretch(null);
    if (!(performance.now() - this.scrubbed < DOUBLE)) return;
    if (this.before === undefined) view.follow();
    else view.showStep(this.before);
  }

  /** Shows these steps, as far as they exist. */
  show(from, to) {
    const { steps } = this;
    const [first, last] = [Math.max(0, Math.round(from)), Math.min(steps, Math.round(to))];
    if (last - first < Math.min(NARROWEST, steps)) return;
    this.lab.view.setStretch(first === 0 && last === steps ? null : { from: first, to: last });
  }

  key(event) {
    const factor = { "+": 0.5, "=": 0.5, "-": 2 }[event.key];
    if (event.key === "0") this.whole();
    else if (factor) this.zoom(factor);
    else return this.lab.view.historyKey(event);
    return true;
  }

  /** Shows `factor` times as many steps, the one shown in their middle where that is possible. */
  zoom(factor) {
    const { from, to } = this.stretch;
    const wide = Math.max(NARROWEST, Math.min(this.steps, (to - from) * factor));
    const first = Math.max(0, Math.min(this.steps - wide, this.lab.view.step - wide / 2));
    this.show(first, first + wide);
  }

  describe() {
    const { store, view } = this.lab;
    const words = store.runs.map((run) => {
      const [at, value] = this.valueAt(run, view.step);
      return value === null ? `${run.record.label}: nothing yet` : `${run.record.label} ${this.say(value)} at step ${at}`;
    });
    return `${words.join("; ")}.${this.chance ? ` Chance ${percent(store.record.chance)}.` : ""}`;
  }

  rows() {
    const { runs } = this.lab.store;
    const steps = [...new Set(runs.flatMap((run) => this.series(run).step))].sort((a, b) => a - b);
    const maps = runs.map((run) => new Map(this.series(run).step.map((s, i) => [s, this.series(run).value[i]])));
    return [
      ["step", ...runs.map((run) => `${this.field}_${run.record.label}`)],
      ...steps.map((s) => [s, ...maps.map((m) => m.get(s) ?? "")]),
    ];
  }
}

/** A power of ten beside an axis, in at most six characters. */
function tick(say) {
  const words = (v) => (v < 1e-4 ? power(v) : number(v));
  if (say === number) return words;
  return (v) => `${v < 1e-4 ? `10${raised(Math.round(Math.log10(100 * v)))}` : number(100 * v)} %`;
}

/** At most two points per pixel (the smallest and the largest), so that long runs draw as fast as short ones. */
export function thin(step, value, { left, right }) {
  const bins = Math.max(1, Math.floor(right - left));
  if (step.length <= 4 * bins) return step.map((s, i) => [s, value[i]]);
  const points = [];
  const wide = step.length / bins;
  for (let b = 0; b < bins; b++) {
    let [low, high] = [-1, -1];
    for (let i = Math.floor(b * wide); i < Math.floor((b + 1) * wide); i++) {
      if (value[i] === null) continue;
      if (low < 0 || value[i] < value[low]) low = i;
      if (high < 0 || value[i] > value[high]) high = i;
    }
    for (const i of [...new Set([low, high])].filter((j) => j >= 0).sort((a, c) => a - c))
      points.push([step[i], value[i]]);
  }
  return points;
}
