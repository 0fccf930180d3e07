// How learning went: loss and accuracies over steps, accuracy per answer, accuracy at other lengths.

import { axisBottom, axisLeft, decades, line, polyline, roundTicks, scale } from "./draw.js";
import { lastAtMost } from "./store.js";
import { View } from "./view.js";
import { count, number, percent } from "./words.js";

const GUTTER = 38;
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

/** A quantity over training steps; `read(run)` gives {step, value}. Pressing scrubs there. */
export class Curve extends Plot {
  constructor(lab, { log = false, field, chance = false, ...options }) {
    super(lab, { ...options, over: ["frame"] });
    Object.assign(this, { log, field, chance });
  }

  series(run) {
    const { losses, evaluations } = run.record;
    if (this.field === "loss" && losses.step.length) return { step: losses.step, value: losses.loss };
    return { step: evaluations.step, value: evaluations[this.field] };
  }

  get limits() {
    const steps = Math.max(1, ...this.lab.store.runs.map((run) => Math.max(run.record.steps, run.record.step)));
    if (!this.log) return { steps, low: 0, high: 1 };
    let [low, high] = [Infinity, 0];
    for (const run of this.lab.store.runs)
      for (const v of this.series(run).value) if (v > 0) [low, high] = [Math.min(low, v), Math.max(high, v)];
    if (!high) [low, high] = [0.1, 1];
    return {
      steps,
      low: 10 ** Math.floor(Math.log10(low) + 0.3),
      high: Math.min(10 ** Math.ceil(Math.log10(high)), high * 1.5),
    };
  }

  scales() {
    const { steps, low, high } = this.limits;
    const { left, right, top, bottom } = this.box;
    return { x: scale(0, steps, left, right), y: scale(low, high, bottom, top, this.log), steps, low, high };
  }

  paint(g) {
    const { theme, store } = this.lab;
    const { box } = this;
    const { x, y, steps, low, high } = this.scales();
    axisLeft(g, theme, box, this.log ? decades(low, high) : [0, 0.5, 1], y, this.log ? number : (v) => `${100 * v} %`);
    axisBottom(g, theme, box, roundTicks(0, steps, 3), x, (v) => (v === 0 ? "step 0" : count(v)));
    if (this.chance) this.chanceLine(g, box, y);
    store.runs.forEach((run, i) => {
      this.pen(g, i);
      const { step, value } = this.series(run);
      polyline(
        g,
        thin(step, value, box).map(([s, v]) => [x(s), v === null ? NaN : y(v)]),
      );
      g.setLineDash([]);
    });
  }

  /** The step shown, and the values there. */
  overlay(g) {
    const { theme, store, view } = this.lab;
    if (!store.steps.length) return;
    const { x, y } = this.scales();
    const step = this.pointed ?? view.step;
    const { top, bottom } = this.box;
    g.strokeStyle = theme.text;
    g.lineWidth = 1;
    line(g, Math.round(x(view.step)) + 0.5, top - 4, Math.round(x(view.step)) + 0.5, bottom);
    if (this.pointed !== undefined) {
      g.strokeStyle = theme.faint;
      line(g, Math.round(x(step)) + 0.5, top, Math.round(x(step)) + 0.5, bottom);
    }
    store.runs.forEach((run, i) => {
      const [at, value] = this.valueAt(run, step);
      if (value === null) return;
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
    const say = this.log ? number : percent;
    const parts = this.lab.store.runs.map((run) => `${run.record.label} ${say(this.valueAt(run, step)[1] ?? NaN)}`);
    this.noteNode.textContent = parts.join(" · ");
  }

  note() {
    return this.noteNode.textContent; // the overlay writes it
  }

  hover(px) {
    const { left, right } = this.box;
    const share = Math.max(0, Math.min(1, (px - left) / (right - left)));
    this.pointed = Math.round(share * this.limits.steps);
    this.lab.touch("hover");
  }

  leave() {
    this.pointed = undefined;
    this.lab.touch("hover");
  }

  press(px) {
    this.hover(px);
    this.lab.view.showStep(this.pointed);
  }

  key(event) {
    return this.lab.view.historyKey(event);
  }

  describe() {
    const { store, view } = this.lab;
    const say = this.log ? number : percent;
    const words = store.runs.map((run) => {
      const [at, value] = this.valueAt(run, view.step);
      return value === null ? `${run.record.label}: nothing yet` : `${run.record.label} ${say(value)} at step ${at}`;
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

/** Accuracy of each answer at the step shown: which data tokens are remembered. */
export class PositionBars extends Plot {
  constructor(lab) {
    super(lab, { name: "positions", title: "Accuracy per answer", needs: ["metrics", "frame"] });
  }

  values() {
    return this.lab.store.runs.map((run) => run.scores(this.lab.view.step)?.position_accuracy ?? []);
  }

  note() {
    return "first to last · dotted: chance";
  }

  paint(g) {
    const { theme } = this.lab;
    const { box } = this;
    const y = scale(0, 1, box.bottom, box.top);
    axisLeft(g, theme, box, [0, 0.5, 1], y, (v) => `${100 * v} %`);
    const values = this.values();
    const slots = Math.max(1, ...values.map((v) => v.length));
    const wide = (box.right - box.left) / slots;
    const bar = Math.min(22, Math.max(1, (wide - 3) / Math.max(1, values.length)));
    values.forEach((bars, i) =>
      bars.forEach((value, slot) => {
        const x = box.left + (slot + 0.5) * wide + (i - values.length / 2) * bar;
        g.fillStyle = theme.runs[i % theme.runs.length];
        g.globalAlpha = i ? 0.45 : 1;
        g.fillRect(x, y(value), Math.max(1, bar - 1), box.bottom - y(value));
        g.globalAlpha = 1;
        g.strokeStyle = theme.runs[i % theme.runs.length];
        g.setLineDash(DASHES[i % DASHES.length]);
        g.lineWidth = 1;
        if (bar > 3) g.strokeRect(x + 0.5, y(value), bar - 2, box.bottom - y(value));
        g.setLineDash([]);
      }),
    );
    this.chanceLine(g, box, y, "");
    const ticks = [...Array(slots).keys()].filter((s) => slots <= 12 || s % 4 === 0 || s === slots - 1);
    axisBottom(
      g,
      theme,
      box,
      ticks,
      (s) => box.left + (s + 0.5) * wide,
      (s) => String(s + 1),
    );
  }

  describe() {
    const { runs } = this.lab.store;
    return `${this.values()
      .map((v, i) => `${runs[i].record.label}: ${v.map(percent).join(", ") || "nothing yet"}`)
      .join("; ")}.`;
  }

  rows() {
    const values = this.values();
    const slots = Math.max(0, ...values.map((v) => v.length));
    return [
      ["answer", ...this.lab.store.runs.map((run) => run.record.label)],
      ...[...Array(slots).keys()].map((s) => [s + 1, ...values.map((v) => v[s] ?? "")]),
    ];
  }
}
