// A lesson's pictures: controls, views, one cursor and one clock that all of them share.
// Streamlit calls the default export with its component argument at every change of `data`.

import { button, el, relabel, setText } from "../canvas/dom.js";
import { readTheme, watchTheme } from "../canvas/theme.js";
import { View } from "../canvas/view.js";
import { buildControls } from "./controls.js";
import { Sight } from "./sight.js";
import { Values } from "./values.js";

const TELL_AFTER = 300; // ms from a redraw until the texts for screen readers follow
const LONGEST_STEP = 0.1; // s that the clock goes on at most between two redraws

class Stage extends Values {
  constructor(parent) {
    super();
    this.element = el("div", { class: "ssmviz ssmviz-lesson", "data-state": "loading", "data-draws": 0 });
    parent.append(this.element);
    this.changes = new Set();
    this.draws = 0;
    this.cursor = null;
    this.clock = 0;
    this.playing = false;
    this.spoken = el("p", { class: "said", role: "status" }); // `say` in words: comes last, or where a scene's rows have it
    this.hidden = document.hidden;
    this.watch();
  }

  // -- life ---------------------------------------------------------------------------------------------------------

  async configure({ data, setTriggerValue }) {
    this.report = (values) => setTriggerValue("released", values);
    if (data.extra !== this.extraText) {
      this.extraText = data.extra;
      this.extra = JSON.parse(data.extra);
      this.forgetDerived();
      if (this.scene) this.touch("values");
    }
    if (data.lesson !== this.lesson) await this.load(data);
    else this.hear(data);
    if (this.scene && data.controls !== this.offered) this.compose(this.specify(data.controls)); // others are locked
    if (this.scene) this.retheme();
  }

  async load(data) {
    this.lesson = data.lesson;
    this.element.dataset.lesson = data.lesson;
    this.specify(data.controls);
    this.begin(data);
    this.retheme();
    const { build } = await import(`./${data.lesson}.js`);
    if (this.destroyed) return;
    this.scene = build(this);
    this.compose();
    this.start();
  }

  get stamp() {
    return this.lesson;
  }

  watch() {
    this.aborter = new AbortController();
    const { signal } = this.aborter;
    document.addEventListener(
      "visibilitychange",
      () => {
        this.hidden = document.hidden;
        this.wake();
      },
      { signal },
    );
    this.resizer = new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width);
      if (width === this.width) return; // heights follow the content and change nothing
      this.width = width;
      this.touch("size");
    });
    this.resizer.observe(this.element);
    this.watcher = new IntersectionObserver(([entry]) => {
      this.away = !entry.isIntersecting;
      this.wake();
    });
    this.watcher.observe(this.element);
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== " " || !this.scene?.animate || event.target.closest?.("button, select, input, summary")) return;
      event.preventDefault();
      this.play(!this.playing);
    });
  }

  destroy() {
    this.destroyed = true;
    this.aborter.abort();
    this.resizer.disconnect();
    this.watcher.disconnect();
    this.sight?.disconnect();
    cancelAnimationFrame(this.request);
    clearTimeout(this.teller);
    this.element.remove();
  }

  // -- the page -----------------------------------------------------------------------------------------------------

  compose() {
    const { scene } = this;
    this.sight?.disconnect();
    this.widgets = buildControls(this);
    this.views = scene.rows.flatMap((row) => row.views ?? row).filter((view) => view instanceof View);
    this.facts = el("dl", { class: "facts" });
    this.playButton = scene.animate ? button("pause", "Pause", () => this.play(!this.playing), { "data-action": "play" }) : null;
    const reset = button("restart", "Reset", () => this.reset(), { small: true, "data-action": "reset" });
    const more = this.widgets.more.length
      ? el("details", { class: "more" }, el("summary", {}, "More"), el("div", {}, ...this.widgets.more))
      : null;
    this.element.replaceChildren(
      el("div", { class: "deck" }, ...this.widgets.first, more, this.widgets.notice, el("span", { class: "deeds" }, this.playButton, reset)),
      ...scene.rows.map(row),
      this.facts,
      ...(scene.rows.flat().includes(this.spoken) ? [] : [this.spoken]),
    );
    this.sight = new Sight(this.views, () => this.touch("sight"));
    watchTheme(this.element, () => this.retheme());
  }

  reset() {
    this.set(Object.fromEntries(this.controls.map((spec) => [spec.name, spec.default])));
    this.commit();
    if (this.scene.animate) this.start();
  }

  retheme() {
    this.theme = readTheme(this.element);
    this.touch("all");
  }

  // -- cursor -------------------------------------------------------------------------------------------------------

  /** The token, or the time, that all views point at; null for none. */
  setCursor(at) {
    if (at === this.cursor) return;
    this.cursor = at;
    this.touch("cursor");
  }

  /** Arrow keys move the cursor among `count` tokens. */
  cursorKey(event, count) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Home" || event.key === "End") this.setCursor(event.key === "Home" ? 0 : count - 1);
    else if (by) this.setCursor(Math.max(0, Math.min(count - 1, Math.floor(this.cursor ?? (by > 0 ? -1 : count)) + by)));
    else return false;
    return true;
  }

  /** Borders of `count` columns in a box: as wide as `scene.widths(stage)` says, equal otherwise. */
  edges(box, count) {
    const widths = this.scene?.widths?.(this);
    const edges = new Float64Array(count + 1);
    let total = 0;
    for (let i = 0; i < count; i++) total += widths ? widths[i] : 1;
    edges[0] = box.left;
    for (let i = 0; i < count; i++) edges[i + 1] = edges[i] + ((widths ? widths[i] : 1) / total) * (box.right - box.left);
    return edges;
  }

  // -- clock --------------------------------------------------------------------------------------------------------

  /** From the beginning; where motion is unwelcome, the end. */
  start() {
    const { animate } = this.scene;
    if (!animate) return;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.clock = still ? this.length : 0;
    this.play(!still);
  }

  get length() {
    const { length } = this.scene.animate;
    return typeof length === "function" ? length(this) : length;
  }

  play(on) {
    if (on && this.clock >= this.length) this.clock = 0;
    this.playing = on;
    this.before = undefined;
    relabel(this.playButton, on ? "pause" : "play", on ? "Pause" : "Play");
    this.touch("clock");
  }

  /** Sets the clock to `seconds`, held there. */
  setClock(seconds) {
    this.clock = Math.max(0, Math.min(this.length, seconds));
    if (this.playing) this.play(false);
    this.touch("clock");
  }

  tick(now) {
    const passed = this.before === undefined ? 0 : Math.min(LONGEST_STEP, (now - this.before) / 1000);
    this.before = now;
    this.clock += passed * (this.scene.animate.speed?.(this) ?? 1);
    if (this.clock >= this.length) {
      if (this.scene.animate.loop) this.clock %= this.length;
      else {
        this.clock = this.length;
        this.play(false);
      }
    }
    this.changes.add("clock");
  }

  // -- drawing ------------------------------------------------------------------------------------------------------

  /** Notes a change; at most one redraw per screen refresh, none while nobody can see it. */
  touch(kind) {
    this.changes.add(kind);
    this.wake();
  }

  wake() {
    if (this.request || this.hidden || this.away || !this.views || (!this.changes.size && !this.playing)) return;
    this.request = requestAnimationFrame((now) => {
      this.request = undefined;
      if (this.destroyed) return;
      if (this.playing) this.tick(now);
      if (this.changes.size) this.draw();
      this.wake();
    });
  }

  draw() {
    const { changes, scene } = this;
    this.changes = new Set();
    if (changes.has("all") || changes.has("size")) {
      this.sight.measure();
      changes.add("all");
    }
    scene.before?.(this, changes);
    if (changes.has("values") || changes.has("all")) this.widgets.show();
    this.sight.draw(changes);
    scene.after?.(this, changes);
    this.showFacts();
    this.draws += 1;
    const { dataset } = this.element;
    dataset.draws = this.draws;
    dataset.state = this.playing ? "playing" : "ready";
    dataset.cursor = this.cursor ?? "";
    this.teller ??= setTimeout(() => this.tell(), TELL_AFTER);
  }

  /** Live numbers: [words, text, symbol]. */
  showFacts() {
    const facts = this.scene.readouts?.(this) ?? [];
    if (this.facts.children.length !== facts.length)
      this.facts.replaceChildren(...facts.map(() => el("div", {}, el("dt", {}), el("dd", {}))));
    facts.forEach(([words, text, symbol], i) => {
      const [term, value] = this.facts.children[i].children;
      setText(term, words);
      setText(value, text);
      const name = symbol ? `symbol-${symbol}` : "";
      if (term.className !== name) term.className = name;
    });
  }

  /** Words, shortly after a redraw and not with every one; once the values rest, pictures out of sight and theirs, too. */
  tell() {
    this.teller = undefined;
    if (this.destroyed) return;
    setText(this.spoken, this.scene.say?.(this) ?? "");
    if (this.holding || performance.now() - this.changedAt < TELL_AFTER) {
      this.teller = setTimeout(() => this.tell(), TELL_AFTER);
      return;
    }
    this.sight.rest();
  }
}

/** A row of the page: views or elements side by side, `{ views, shares: [2, 1] }` with unequal widths. */
function row(given) {
  const views = given.views ?? given;
  const shares = given.shares ?? views.map(() => 1);
  const columns = shares.map((share) => `minmax(0, ${share}fr)`).join(" ");
  return el("div", { class: "row", style: `--columns: ${columns}` }, ...views.map((view) => view.element ?? view));
}

export default function mount(component) {
  const { parentElement: root } = component;
  if (!root.ssmvizStage || root.ssmvizStage.destroyed) root.ssmvizStage = new Stage(root);
  const stage = root.ssmvizStage;
  stage.configure(component).catch((error) => {
    stage.element.dataset.state = "error";
    stage.element.textContent = "The pictures could not be drawn; reload the page.";
    throw error;
  });
  // A superseded call's clean-up may run while the stage is still on the page: it must not end it.
  return () => {
    if (!(root.host || root).isConnected) stage.destroy();
  };
}
