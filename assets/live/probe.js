// The probe sequence as cells one can read, point at, move and edit. Edits go to all models; until all have
// answered, the edited sequence stands here with a note.

import { allow, button, el, isAllowed, setText } from "../canvas/dom.js";
import { inkOn, tokenFill } from "../canvas/theme.js";

const NARROWEST = 15; // px of a cell; more tokens wrap into further rows of equal length
const HELP =
  "Drag a letter to another slot, or select it and press Shift with an arrow key. The next picture answers.";
const SEND_AFTER = 150; // ms between two requests at least: the first of quick key presses goes at once, the rest together

const MEANINGS = {
  data: () => "letters: data",
  noise: () => "hatched: noise",
  marker: (label) => `${label}: say the next letter`,
  trigger: (label) => `${label}: say what followed it before`,
};

/** What the kinds of tokens mean, each once. */
function legend(vocabulary) {
  const kinds = new Map(vocabulary.map(({ kind, label }) => [kind, label]));
  return [...kinds]
    .map(([kind, label]) => MEANINGS[kind]?.(label))
    .filter(Boolean)
    .join(" · ");
}

/** Who reads the sequence, in words. */
function everyone({ runs }) {
  return ["the model", "both models"][runs.length - 1] ?? "all models";
}

function heading(store) {
  return `The sequence ${everyone(store)} ${store.runs.length > 1 ? "read" : "reads"}`;
}

export class Probe {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["frame", "cursor", "metrics", "size", "all"]);
    this.cells = [];
    this.strip = el("div", {
      class: "strip",
      role: "listbox",
      "aria-label": "Probe sequence",
      "aria-orientation": "horizontal",
    });
    this.noteNode = el("p", { class: "probe-note", role: "alert" });
    this.left = this.tool("back", "Move left", () => this.shift(-1));
    this.right = this.tool("forward", "Move right", () => this.shift(1));
    this.insert = this.tool("plus", "Insert noise", () => this.insertNoise());
    this.remove = this.tool("minus", "Remove noise", () => this.removeNoise());
    this.reset = this.tool("reset", "Reset probe", () => this.send(null));
    this.tools = el(
      "div",
      { class: "tools", role: "group", "aria-label": "Edit the probe" },
      this.left,
      this.right,
      this.insert,
      this.remove,
      this.reset,
    );
    this.help = el("p", { class: "help" });
    this.element = el(
      "section",
      { class: "probe", "aria-label": "Probe" },
      el("header", {}, el("h3", {}, heading(lab.store), (this.legend = el("small"))), this.tools),
      this.strip,
      el("div", { class: "below" }, this.help, this.noteNode),
    );
    this.listen();
  }

  /** Another experiment comes: edits and letters were the last one's. */
  forget() {
    clearTimeout(this.timer);
    this.drop(-1);
    this.pending = this.refusal = undefined;
    for (const cell of this.cells) cell.key = undefined;
  }

  tool(name, words, act) {
    const node = button(name, words, () => isAllowed(node) && act(), {
      "data-tool": words.toLowerCase().replace(" ", "-"),
    });
    return node;
  }

  /** The tokens to show: the edit that is on its way, else the frame's. */
  get tokens() {
    return this.pending ?? this.lab.view.frame(0)?.tokens ?? [];
  }

  get editable() {
    return this.lab.store.active && this.lab.options.controls !== false;
  }

  kind(id) {
    return this.lab.store.token(id).kind;
  }

  isMovable(t) {
    return t < this.context && ["data", "trigger"].includes(this.kind(this.tokens[t]));
  }

  /** Slots before the first answer; the answer slots stay as they are. */
  get context() {
    const { tokens } = this;
    const marker = Array.prototype.findIndex.call(tokens, (id) => this.kind(id) === "marker");
    if (marker >= 0) return marker;
    const { answers = 1 } = this.lab.store.record; // where all are asked, all but the last may be edited
    return tokens.length - (answers < tokens.length ? answers : 1);
  }

  update(changes) {
    this.settle();
    const { tokens } = this;
    if (changes.has("size") || changes.has("all") || tokens.length !== this.cells.length) this.arrange(tokens.length);
    tokens.forEach((id, t) => this.paint(this.cells[t], id, t));
    this.mark(this.lab.view.cursor);
    this.say();
  }

  /** Both models have answered once their newest frames carry the edited tokens. */
  settle() {
    if (!this.pending) return;
    const newest = this.lab.store.runs.filter((run) => run.active).map((run) => run.frame(run.newest));
    const same = (frame) =>
      frame && frame.L === this.pending.length && frame.tokens.every((id, t) => id === this.pending[t]);
    if (newest.every(same)) this.pending = undefined;
  }

  arrange(length) {
    const width = this.strip.clientWidth || this.element.clientWidth;
    if (!width || !length) return;
    const rows = Math.ceil(length / Math.max(8, Math.floor(width / NARROWEST)));
    this.perRow = Math.ceil(length / rows);
    this.strip.style.gridTemplateColumns = `repeat(${this.perRow}, minmax(0, 1fr))`;
    this.strip.classList.toggle("wide", width / this.perRow > 24);
    while (this.cells.length > length) this.cells.pop().remove();
    while (this.cells.length < length) {
      const cell = el("span", { class: "cell", role: "option", "data-t": this.cells.length });
      this.cells.push(cell);
      this.strip.append(cell);
    }
  }

  paint(cell, id, t) {
    if (!cell) return;
    const { store, theme } = this.lab;
    const key = `${id},${theme.dark},${theme.text},${this.editable && this.isMovable(t)}`;
    if (cell.key === key) return;
    cell.key = key;
    const { label, kind } = store.token(id);
    setText(cell, label);
    cell.className = `cell ${kind}`;
    cell.classList.toggle("movable", this.editable && this.isMovable(t));
    cell.classList.toggle("here", cell === this.marked);
    cell.setAttribute("aria-label", `${t}: ${kind === "data" ? label : kind}`);
    const fill = tokenFill(theme, id, store.record.vocabulary);
    cell.style.backgroundColor = kind === "noise" ? "transparent" : fill;
    cell.style.color = kind === "noise" ? theme.faint : inkOn(fill);
  }

  mark(t) {
    if (this.marked === this.cells[t]) return;
    for (const cell of [this.marked, this.cells[t]]) {
      if (!cell) continue;
      const here = cell === this.cells[t];
      cell.classList.toggle("here", here);
      cell.setAttribute("aria-selected", String(here));
      cell.tabIndex = here ? 0 : -1;
    }
    if (this.marked && this.strip.contains(this.strip.getRootNode().activeElement))
      this.cells[t]?.focus({ preventScroll: true });
    this.marked = this.cells[t];
  }

  say() {
    const t = this.lab.view.cursor;
    const why = this.editable ? "" : "Only while a training runs";
    const token = this.kind(this.tokens[t]);
    const hasNoise = this.noise >= 0;
    this.insert.hidden = this.remove.hidden = !hasNoise;
    const moves = why || (this.isMovable(t) ? "" : "Select a letter first");
    allow(this.left, moves || (t > 0 ? "" : "Already first"));
    allow(this.right, moves || (t < this.context - 1 ? "" : "Already last"));
    allow(this.insert, why || (t <= this.context ? "" : "Answer slots are fixed"));
    allow(this.remove, why || (token === "noise" ? "" : "Select a noise token first"));
    allow(this.reset, why || (this.lab.store.record.control?.probe || this.pending ? "" : "Nothing was edited"));
    const { recorded } = this.lab.store.record;
    this.tools.hidden = Boolean(recorded) || this.lab.options.controls === false;
    setText(
      this.help,
      this.editable
        ? HELP
        : recorded
          ? `A recording cannot answer edits: start a training to move tokens and see ${everyone(this.lab.store)} respond.`
          : "",
    );
    setText(this.legend, legend(this.lab.store.record.vocabulary));
    this.noteNode.classList.toggle("refused", Boolean(this.refusal));
    setText(this.noteNode, this.refusal ?? (this.pending ? `Edited: waiting for ${everyone(this.lab.store)}` : ""));
  }

  get noise() {
    return this.lab.store.record.vocabulary.findIndex((token) => token.kind === "noise");
  }

  listen() {
    const place = (event) => {
      const hit = this.strip.getRootNode().elementFromPoint(event.clientX, event.clientY);
      return hit?.parentElement === this.strip ? Number(hit.dataset.t) : -1;
    };
    this.strip.addEventListener("pointerdown", (event) => {
      const t = place(event);
      if (t < 0) return;
      this.lab.view.setCursor(t);
      this.cells[t].focus({ preventScroll: true });
      if (this.editable && this.isMovable(t)) this.take(t, event.pointerId);
    });
    this.strip.addEventListener("pointermove", (event) => {
      const t = place(event);
      if (this.held !== undefined) this.over(t);
      else if (t >= 0 && event.pointerType === "mouse") this.lab.view.setCursor(t);
    });
    this.strip.addEventListener("pointerup", (event) => this.drop(place(event)));
    this.strip.addEventListener("pointercancel", () => this.drop(-1));
    this.strip.addEventListener("keydown", (event) => this.key(event));
  }

  take(t, pointer) {
    this.held = t;
    this.strip.setPointerCapture(pointer);
    this.cells[t].classList.add("held");
  }

  over(t) {
    this.target?.classList.remove("target");
    this.target = t >= 0 && t < this.context && t !== this.held ? this.cells[t] : undefined;
    this.target?.classList.add("target");
  }

  drop(t) {
    if (this.held === undefined) return;
    const from = this.held;
    this.held = undefined;
    this.over(-1);
    this.cells[from]?.classList.remove("held");
    if (t >= 0 && t < this.context && t !== from) this.move(from, t);
  }

  key(event) {
    const along = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.perRow, ArrowDown: this.perRow }[event.key];
    if (along && event.shiftKey) this.shift(along);
    else if (along) this.lab.view.setCursor(this.lab.view.cursor + along);
    else if (!this.type(event) && !this.lab.view.cursorKey(event)) return;
    event.preventDefault();
  }

  /** Typing the name of another data token puts it in place of the one under the cursor. */
  type(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.editable) return false;
    const t = this.lab.view.cursor;
    const id = this.lab.store.record.vocabulary.findIndex(
      (token) => token.kind === "data" && token.label === event.key.toUpperCase(),
    );
    if (id < 0 || t >= this.context || this.kind(this.tokens[t]) !== "data") return false;
    this.edit((tokens) => {
      tokens[t] = id;
    });
    return true;
  }

  shift(by) {
    const from = this.lab.view.cursor;
    const to = Math.max(0, Math.min(this.context - 1, from + by));
    if (this.editable && this.isMovable(from) && to !== from) this.move(from, to);
  }

  /** The two slots change places: a token into silence, or two tokens with each other. */
  move(from, to) {
    this.edit((tokens) => {
      [tokens[from], tokens[to]] = [tokens[to], tokens[from]];
    });
    this.lab.view.setCursor(to);
  }

  insertNoise() {
    this.edit((tokens) => tokens.splice(Math.min(this.lab.view.cursor, this.context), 0, this.noise));
  }

  removeNoise() {
    this.edit((tokens) => tokens.splice(this.lab.view.cursor, 1));
  }

  edit(change) {
    const tokens = Array.from(this.tokens);
    change(tokens);
    this.pending = tokens;
    this.refusal = undefined;
    this.lab.view.follow();
    this.lab.touch("frame");
    clearTimeout(this.timer);
    const wait = (this.sent ?? -SEND_AFTER) + SEND_AFTER - performance.now();
    if (wait <= 0) this.send(tokens);
    else this.timer = setTimeout(() => this.send(tokens), wait);
  }

  /** Tokens to both models; null brings the first probe back. */
  async send(tokens) {
    clearTimeout(this.timer);
    this.sent = performance.now();
    if (tokens === null) this.pending = undefined;
    const refusal = await this.lab.control({ action: "probe", tokens }, { quiet: true });
    if (refusal && this.pending === (tokens ?? undefined)) this.pending = undefined;
    this.refusal = refusal;
    this.lab.touch("frame");
  }
}
