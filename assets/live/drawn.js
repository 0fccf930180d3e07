// The signal that all models read: looked at, and drawn anew by hand. A drawing goes to the models as whole numbers.

import { axisLeft, GUTTER, MARGIN, roundTicks, scale } from "../canvas/draw.js";
import { allow, button, el, isAllowed, setText } from "../canvas/dom.js";
import { sameInput } from "./store.js";
import { reach } from "./signals.js";
import { View } from "../canvas/view.js";
import { number } from "../canvas/words.js";

const SEND_AFTER = 150; // ms between two requests at least
const NUDGE = 8; // levels per key press
const ZERO = 128;

function readers({ runs }) {
  return ["the model reads", "both models read"][runs.length - 1] ?? "all models read";
}

/** The canvas on which it is drawn. */
class Sketch extends View {
  constructor(lab, panel) {
    const { width: picture, order, reads } = lab.store.signal;
    const how = order ? "in one random order" : "row by row";
    super(lab, {
      name: "probe",
      title: picture ? `the picture, read ${how}` : `${reads} that ${readers(lab.store)}`,
      height: picture ? 176 : 120,
      needs: ["frame", "metrics"],
    });
    this.panel = panel;
    this.canvas.addEventListener("pointermove", ({ pointerType, pressure, offsetX, offsetY }) => {
      if (pointerType !== "mouse" && pressure > 0) this.press(offsetX, offsetY, true); // a finger draws, too
    });
  }

  get width() {
    return this.lab.store.signal.width;
  }

  /** Row and column of the pixel that is read at a position. */
  pixel(t) {
    const k = this.lab.store.signal.order?.[t] ?? t;
    return [Math.floor(k / this.width), k % this.width];
  }

  get box() {
    if (!this.width) return { left: GUTTER, right: this.size.width - MARGIN, top: 6, bottom: this.size.height - 6 };
    const side = Math.min(this.size.height - 12, this.size.width / 3);
    return { left: 6, right: 6 + side, top: 6, bottom: 6 + side };
  }

  /** Where the curve is drawn: all of it, or beside a picture. */
  get curve() {
    const { box } = this;
    return this.width ? { ...box, left: box.right + GUTTER + 8, right: this.size.width - MARGIN } : box;
  }

  note() {
    const { signal } = this.panel;
    const { store, view } = this.lab;
    const t = view.cursor;
    return signal?.length ? `${store.position} ${t}: ${number(signal[t])}` : "";
  }

  paint(g) {
    const { signal } = this.panel;
    if (!signal.length) return;
    if (this.width) this.paintPicture(g, signal);
    this.paintCurve(g, signal);
  }

  paintPicture(g, signal) {
    const { theme } = this.lab;
    const { box, width } = this;
    const cell = (box.right - box.left) / width;
    g.fillStyle = theme.text;
    signal.forEach((v, t) => {
      g.globalAlpha = Math.max(0, Math.min(1, (v + 1) / 2));
      const [row, column] = this.pixel(t);
      g.fillRect(box.left + column * cell, box.top + row * cell, cell + 0.4, cell + 0.4);
    });
    g.globalAlpha = 1;
    g.strokeStyle = theme.grid;
    g.strokeRect(box.left - 0.5, box.top - 0.5, box.right - box.left + 1, box.bottom - box.top + 1);
  }

  paintCurve(g, signal) {
    const { theme } = this.lab;
    const box = this.curve;
    const y = scale(...this.range(), box.bottom, box.top);
    axisLeft(g, theme, box, roundTicks(...this.range(), 3), y, number);
    g.fillStyle = theme.symbol.x;
    const wide = (box.right - box.left) / signal.length;
    signal.forEach((v, t) => {
      const base = y(this.width ? -1 : 0); // paper, or silence
      const [top, bottom] = [Math.min(y(v), base), Math.max(y(v), base)];
      g.fillRect(box.left + t * wide, top, Math.max(wide - (wide > 4 ? 1 : 0), 0.75), Math.max(1, bottom - top));
    });
  }

  range() {
    const { span } = this.lab.store.signal;
    const [low, high] = reach(this.panel.signal);
    return this.panel.editable ? [-span, span] : [low, high];
  }

  overlay(g) {
    const { signal } = this.panel;
    if (!signal.length) return;
    const { box, curve, width } = this;
    const t = this.lab.view.cursor;
    g.strokeStyle = this.lab.theme.text;
    g.lineWidth = 1.5;
    if (width) {
      const cell = (box.right - box.left) / width;
      const [row, column] = this.pixel(t);
      g.strokeRect(box.left + column * cell, box.top + row * cell, cell, cell);
    }
    const wide = (curve.right - curve.left) / signal.length;
    g.strokeRect(curve.left + t * wide, curve.top - 1, Math.max(wide, 2), curve.bottom - curve.top + 2);
    setText(this.noteNode, this.note());
  }

  /** Position under a pixel, -1 outside a picture. */
  at(x, y) {
    const { box, width } = this;
    const [u, v] = [(x - box.left) / (box.right - box.left), (y - box.top) / (box.bottom - box.top)];
    const L = this.panel.signal.length;
    if (!width) return Math.max(0, Math.min(L - 1, Math.floor(u * L)));
    const along = (x - this.curve.left) / (this.curve.right - this.curve.left);
    if (along >= 0) return Math.min(L - 1, Math.floor(along * L));
    if (u < 0 || u >= 1 || v < 0 || v >= 1) return -1;
    const k = Math.floor(v * width) * width + Math.floor(u * width);
    return this.lab.store.signal.order?.indexOf(k) ?? k;
  }

  hover(x, y) {
    const t = this.at(x, y);
    if (t >= 0) this.lab.view.setCursor(t);
  }

  press(x, y, dragging) {
    const t = this.at(x, y);
    if (t < 0 || !this.panel.editable) return;
    if (this.width) {
      if (x > this.box.right) return; // the curve beside the picture is only looked at
      if (!dragging) this.ink = this.inkAfter(this.panel.signal[t]); // the first pixel says whether to write or erase
      this.panel.draw(t, t, this.lab.store.levels([this.ink])[0]);
      return;
    }
    const { top, bottom } = this.box;
    const [low, high] = this.range();
    const share = Math.max(0, Math.min(1, (bottom - y) / (bottom - top)));
    const from = dragging && this.last !== undefined ? this.last : t;
    this.panel.draw(from, t, this.lab.store.levels([low + share * (high - low)])[0]);
    this.last = t;
  }

  /** What a pixel that has this much ink is given next: white and black take turns, or the task's own. */
  inkAfter(ink) {
    const inks = this.lab.store.signal.inks ?? [-1, 1];
    const far = inks.map((v) => Math.abs(v - ink));
    return inks[(far.indexOf(Math.min(...far)) + 1) % inks.length];
  }

  release() {
    this.last = undefined;
  }

  key(event) {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by) return this.lab.view.cursorKey(event);
    if (!this.panel.editable) return false;
    const t = this.lab.view.cursor;
    this.panel.draw(t, t, this.lab.store.levels([this.panel.signal[t]])[0] + by * NUDGE * (this.width ? 4 : 1));
    return true;
  }

  describe() {
    const { signal } = this.panel;
    if (!signal.length) return "No frame yet.";
    const [low, high] = reach(signal);
    return `${signal.length} ${this.lab.store.position}s between ${number(low)} and ${number(high)}. ${this.panel.help}`;
  }

  rows() {
    return [["position", "signal"], ...Array.from(this.panel.signal, (v, t) => [t, v.toPrecision(5)])];
  }
}

export class Drawn {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["frame", "metrics", "all"]);
    this.view = new Sketch(lab, this);
    this.noteNode = el("p", { class: "probe-note", role: "alert" });
    this.helpNode = el("p", { class: "help" });
    const act = () => isAllowed(this.reset) && this.send(null);
    this.reset = button("reset", "Reset probe", act, { "data-tool": "reset-probe" });
    this.tools = el("div", { class: "tools", role: "group", "aria-label": "Edit the probe" }, this.reset);
    this.element = el(
      "section",
      { class: "probe drawn", "aria-label": "Probe" },
      this.view.element,
      el("div", { class: "below" }, this.helpNode, this.noteNode, this.tools),
    );
  }

  forget() {
    clearTimeout(this.timer);
    this.pending = this.refusal = undefined;
  }

  get editable() {
    return this.lab.store.active && this.lab.options.controls !== false;
  }

  /** What to show: the drawing that is on its way, else what the frame read. */
  get signal() {
    const { store, view } = this.lab;
    return this.pending?.map((level) => store.fromLevel(level)) ?? view.frame(0)?.signal ?? [];
  }

  get help() {
    if (this.editable)
      return this.view.width
        ? "Paint: press an empty pixel to write, a filled one to erase, or use the arrow keys up and down."
        : "Draw another signal with the pointer, or change a sample with the arrow keys up and down.";
    return this.lab.store.record.recorded ? "A recording cannot answer a drawing: start a training to draw one." : "";
  }

  update() {
    this.settle();
    const { store, options } = this.lab;
    this.tools.hidden = Boolean(store.record.recorded) || options.controls === false;
    this.view.canvas.classList.toggle("sketch", this.editable); // else a finger scrolls
    const why = this.editable ? "" : "Only while a training runs";
    allow(this.reset, why || (store.record.control?.probe || this.pending ? "" : "Nothing was drawn"));
    setText(this.helpNode, this.help);
    this.noteNode.classList.toggle("refused", Boolean(this.refusal));
    setText(this.noteNode, this.refusal ?? (this.pending ? "Drawn: waiting for the models" : ""));
  }

  /** The models have answered once their newest frames carry the drawing. */
  settle() {
    if (!this.pending) return;
    const newest = this.lab.store.runs.filter((run) => run.active).map((run) => run.frame(run.newest));
    if (newest.every((frame) => frame && sameInput(this.lab.store, frame, this.pending))) this.pending = undefined;
  }

  /** Samples between two positions take a level. */
  draw(from, to, level) {
    const levels = this.pending ?? this.lab.store.levels(this.signal);
    const value = Math.max(0, Math.min(2 * ZERO - 1, level));
    for (let t = Math.min(from, to); t <= Math.max(from, to); t++) levels[t] = value;
    this.pending = levels;
    this.refusal = undefined;
    this.lab.view.follow();
    this.lab.touch("frame");
    clearTimeout(this.timer);
    const wait = (this.sent ?? -SEND_AFTER) + SEND_AFTER - performance.now();
    this.timer = setTimeout(() => this.send(levels), Math.max(0, wait));
  }

  async send(levels) {
    clearTimeout(this.timer);
    this.sent = performance.now();
    if (levels === null) this.pending = undefined;
    const tokens = levels && Array.from(levels);
    const refusal = await this.lab.control({ action: "probe", tokens }, { quiet: true });
    if (refusal) this.pending = undefined;
    this.refusal = refusal;
    this.lab.touch("frame");
  }
}
