// The lab: one experiment's twins, live or replayed, every view tied to one step and one token.
// Streamlit calls the default export with its component argument at every change of `data`.

import { Answers } from "./answers.js";
import { Band } from "./band.js";
import { Curve, Ladder, PositionBars } from "./curves.js";
import { el, setText } from "./dom.js";
import { DeltaBars, DeltaHeat, KeptBars } from "./gates.js";
import { History } from "./history.js";
import { Link } from "./link.js";
import { Phase } from "./phase.js";
import { Probe } from "./probe.js";
import { Readout } from "./readout.js";
import { RungTable } from "./rungs.js";
import { Scores } from "./scores.js";
import { Selectors } from "./selectors.js";
import { ChannelStates, StateHeat } from "./state.js";
import { isPaused, remarks, spoken, statusLine } from "./status.js";
import { Store } from "./store.js";
import { readTheme, watchTheme } from "./theme.js";
import { Transport } from "./transport.js";

const TELL_AFTER = 300; // ms without a redraw until texts for screen readers follow

class Lab {
  constructor(parent) {
    this.element = el("div", { class: "ssmviz-lab", "data-state": "loading", "data-draws": 0 });
    parent.append(this.element);
    this.views = [];
    this.panels = [];
    this.changes = new Set();
    this.draws = 0;
    this.hidden = document.hidden;
    this.away = false; // scrolled out of sight
    this.watch();
  }

  // -- life ---------------------------------------------------------------------------------------------------------

  configure({ data, setTriggerValue }) {
    this.options = data;
    this.open = setTriggerValue;
    if (data.experiment === this.experiment) {
      this.retheme();
      return;
    }
    this.experiment = data.experiment;
    this.element.dataset.experiment = data.experiment;
    this.link?.close();
    this.store = new Store();
    this.view = { step: 0, cursor: 0, layer: 0, channel: 0, axes: "principal", zoom: null, following: true, playing: false };
    this.owed = [];
    this.words = "";
    this.built = undefined;
    this.started = this.placed = false;
    this.versions = "";
    this.theme = readTheme(this.element);
    this.element.replaceChildren(el("p", { class: "status-line", role: "status" }, "Loading"));
    watchTheme(this.element, () => this.retheme());
    this.link = new Link(this.store, { base: data.base ?? "", experiment: data.experiment }, {
      state: (name, words) => this.onState(name, words),
      changed: () => this.onChanged(),
      frame: (run) => this.onFrame(run),
    });
    if (!this.hidden) this.link.open();
  }

  watch() {
    this.aborter = new AbortController();
    const { signal } = this.aborter;
    document.addEventListener("visibilitychange", () => this.onVisibility(), { signal });
    this.resizer = new ResizeObserver(() => this.touch("size"));
    this.resizer.observe(this.element);
    this.sight = new IntersectionObserver(([entry]) => {
      this.away = !entry.isIntersecting;
      if (!this.away) this.wake();
    });
    this.sight.observe(this.element);
    this.element.addEventListener("keydown", (event) => this.anyKey(event));
  }

  destroy() {
    this.link?.close();
    this.aborter.abort();
    this.resizer.disconnect();
    this.sight.disconnect();
    cancelAnimationFrame(this.request);
    clearTimeout(this.teller);
    this.element.remove();
    this.destroyed = true;
  }

  onVisibility() {
    this.hidden = document.hidden;
    if (this.hidden) {
      if (!this.store.record?.settled) this.link.hangUp();
      return;
    }
    if (!this.store.record?.settled) this.link.open();
    this.wake();
  }

  // -- what the server says -----------------------------------------------------------------------------------------

  onState(name, words) {
    this.wire = name;
    this.words = words;
    if (this.built) this.touch("metrics");
    else setText(this.element.querySelector("[role=status]"), words || "Loading");
    this.tellState();
  }

  onChanged() {
    const runs = this.store.runs.map((run) => run.record.id).join();
    if (runs !== this.built) this.build(runs);
    this.onFrames();
    this.begin();
    this.touch("metrics");
  }

  onFrame(run) {
    this.owed.push(run); // acknowledged once drawn, so that a busy page slows the server down, not itself
    this.onFrames();
    this.touch("metrics");
  }

  /** Some frames are new: the newest is shown while following, and the one shown may have been replaced. */
  onFrames() {
    const versions = this.store.runs.map((run) => run.version).join();
    if (versions === this.versions) return;
    this.versions = versions;
    if (this.view.following) this.view.step = this.store.newest;
    this.placeCursor();
    this.touch("frame");
  }

  /** At first the cursor stands on the first token worth looking at. */
  placeCursor() {
    if (this.placed || !this.frame(0)) return;
    this.placed = true;
    this.view.cursor = Math.max(0, this.frame(0).tokens.findIndex((id) => this.store.token(id).kind !== "noise"));
  }

  /** Once, with the first frames of a finished run: replay it, or show its end where motion is unwelcome. */
  begin() {
    const { record } = this.store;
    if (this.started || !record.settled) return;
    const all = this.store.runs.every((run) => run.missing === undefined);
    if (!all || this.store.steps.length < 2) return;
    this.started = true;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (this.options.autoplay && !still) {
      this.moveTo(this.store.steps[0]);
      this.history.start();
    }
  }

  async control(action, { quiet = false } = {}) {
    try {
      const answer = await this.link.control(action);
      if (answer.experiment && answer.experiment !== this.store.record.id) this.open?.("open", answer.experiment);
      if (action.action === "resume_run") this.link.open();
      if (["step", "resume", "resume_run"].includes(action.action)) this.follow();
      setText(this.alert, "");
      return undefined;
    } catch (error) {
      if (!quiet) setText(this.alert, error.message);
      return error.message;
    }
  }

  // -- the page -----------------------------------------------------------------------------------------------------

  build(runs) {
    this.built = runs;
    const indices = this.store.runs.map((_, i) => i);
    this.status = el("p", { class: "status-line" });
    this.speaker = el("p", { class: "sr", role: "status" });
    this.alert = el("p", { class: "refusal", role: "alert" });
    this.remarks = el("ul", { class: "remarks" });
    const transport = new Transport(this);
    this.history = new History(this);
    const scores = new Scores(this);
    const probe = new Probe(this);
    const answers = new Answers(this);
    const selectors = new Selectors(this);
    const readouts = indices.map((i) => new Readout(this, i));
    const curves = [
      new Curve(this, { name: "loss", title: "Loss", field: "loss", log: true }),
      new Curve(this, { name: "tokens-right", title: "Tokens right", field: "token_accuracy", chance: true }),
      new Curve(this, { name: "sequences-right", title: "Sequences right", field: "sequence_accuracy" }),
      new PositionBars(this),
    ];
    const twins = indices.map((i) => [new Band(this, i), new DeltaBars(this, i), new DeltaHeat(this, i), new KeptBars(this, i), new StateHeat(this, i), new ChannelStates(this, i), new Phase(this, i)]);
    this.ladder = new Ladder(this);
    this.ladderTable = new RungTable(this);
    this.views = [...curves, ...twins.flat(), this.ladder];
    this.panels = [transport, this.history, scores, probe, answers, selectors, ...readouts, this.ladderTable];
    this.element.replaceChildren(
      el("header", { class: "top" }, this.status, transport.element),
      this.alert, this.remarks, this.history.element,
      el("div", { class: "overview" }, scores.element, el("div", { class: "curves" }, ...curves.map((v) => v.element))),
      probe.element, answers.element, selectors.element,
      el("div", { class: "twins" }, ...twins.map((views, i) => this.twin(i, readouts[i], views))),
      (this.after = el("section", { class: "after", hidden: true, "aria-label": "Other lengths" }, this.ladder.element, this.ladderTable.element)),
      this.speaker,
    );
    watchTheme(this.element, () => this.retheme());
    this.touch("all");
  }

  twin(i, readout, views) {
    const { label } = this.store.runs[i].record;
    return el("section", { class: "twin", "data-run": i, "aria-label": label },
      el("h3", {}, el("span", { class: "swatch" }), label), readout.element, ...views.map((view) => view.element));
  }

  retheme() {
    this.theme = readTheme(this.element);
    this.touch("all");
  }

  // -- what is looked at --------------------------------------------------------------------------------------------

  frame(i) {
    return this.store.runs[i]?.frame(this.view.step) ?? null;
  }

  /** The stretch of tokens shown. */
  range(i) {
    const L = this.frame(i)?.L ?? 1;
    const { zoom } = this.view;
    return zoom && zoom.to <= L ? zoom : { from: 0, to: L };
  }

  moveTo(step) {
    this.view.step = step;
    this.touch("frame");
  }

  /** Shows the newest frame at or before `step`; at the newest one the page follows the training again. */
  showStep(step, { playing = false } = {}) {
    if (step === undefined) return;
    if (!playing && this.view.playing) this.history.hold();
    this.view.following = this.store.active && !playing && step >= this.store.newest;
    this.moveTo(Math.max(0, Math.min(step, this.store.newest)));
  }

  follow() {
    this.view.playing = false;
    this.view.following = true;
    this.moveTo(this.store.newest);
  }

  setCursor(t) {
    const L = this.frame(0)?.L ?? 0;
    const cursor = Math.max(0, Math.min(L - 1, t));
    if (cursor === this.view.cursor || L === 0) return;
    this.view.cursor = cursor;
    const { zoom } = this.view;
    if (zoom && (cursor < zoom.from || cursor >= zoom.to)) {
      const by = cursor < zoom.from ? cursor - zoom.from : cursor - zoom.to + 1;
      this.setZoom({ from: zoom.from + by, to: zoom.to + by });
    }
    this.touch("cursor");
  }

  setZoom(zoom) {
    this.view.zoom = zoom;
    this.touch("frame");
  }

  setLayer(i) {
    this.view.layer = Number(i);
    this.touch("frame");
  }

  setChannel(k) {
    const K = this.frame(0)?.channels.length ?? 1;
    this.view.channel = Math.max(0, Math.min(K - 1, k));
    this.touch("channel");
  }

  /** Chooses the shown channel nearest to channel `c` of the layer. */
  setChannelNear(i, c) {
    const { channels } = this.frame(i);
    const far = channels.map((channel) => Math.abs(channel + 0.5 - c));
    this.setChannel(far.indexOf(Math.min(...far)));
  }

  setAxes(axes) {
    this.view.axes = axes;
    this.touch("axes");
  }

  cursorKey({ key, shiftKey }) {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[key];
    if (by === undefined) return false;
    this.setCursor(Number.isFinite(by) ? this.view.cursor + (shiftKey ? 10 * by : by) : by);
    return true;
  }

  channelKey({ key }) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[key];
    if (by) this.setChannel(this.view.channel + by);
    return Boolean(by);
  }

  historyKey({ key }) {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[key];
    if (by !== undefined) this.history.move(by);
    return by !== undefined;
  }

  /** Space plays and holds wherever nothing else wants it. */
  anyKey(event) {
    if (event.key !== " " || event.target.closest?.("button, select, input, summary")) return;
    event.preventDefault();
    this.history.toggle();
  }

  // -- drawing ------------------------------------------------------------------------------------------------------

  /** Notes a change; at most one redraw per screen refresh, none while nobody can see it. */
  touch(kind) {
    this.changes.add(kind);
    this.wake();
  }

  /** Runs `step(now)` before each redraw until it returns false. */
  animate(step) {
    this.stepper = step;
    this.wake();
  }

  wake() {
    if (this.request || this.hidden || this.away || !this.built || (!this.changes.size && !this.stepper)) return;
    this.request = requestAnimationFrame((now) => {
      this.request = undefined;
      if (this.stepper && !this.stepper(now)) this.stepper = undefined;
      if (this.changes.size) this.draw();
      this.wake();
    });
  }

  draw() {
    const changes = this.changes;
    this.changes = new Set();
    if (changes.has("all") || changes.has("size")) {
      for (const view of this.views) view.measure();
      changes.add("all");
    }
    const wanted = ({ needs }) => [...changes].some((kind) => needs.has(kind));
    this.after.hidden = !this.ladder.lengths.length;
    for (const panel of this.panels) if (wanted(panel)) panel.update(changes);
    for (const view of this.views) if (wanted(view) || (changes.has("cursor") && view.overlay)) view.render(changes);
    this.draws += 1;
    for (const run of this.owed.splice(0)) this.link.ack(run);
    this.tellState();
    if (!this.teller) this.teller = setTimeout(() => this.tell(), TELL_AFTER);
  }

  /** Counters and the status line: cheap, after every redraw. */
  tellState() {
    const { store, view } = this;
    const { dataset } = this.element;
    const control = store.record?.control;
    const frame = store.record && this.built ? this.frame(0) : null;
    const isProbe = frame && (control?.probe ?? null) && control.probe.length === frame.L && control.probe.every((id, t) => id === frame.tokens[t]);
    const counters = {
      state: this.state, step: view.step, newest: store.newest, frames: store.frameCount, draws: this.draws,
      cursor: view.cursor, channel: view.channel, live: Number(view.following && store.active), probe: isProbe ? control.probe_version : 0,
    };
    for (const [name, value] of Object.entries(counters)) if (dataset[name] !== String(value)) dataset[name] = value;
    if (this.built) setText(this.status, statusLine(this));
  }

  get state() {
    if (!this.store.record || ["error", "offline", "loading"].includes(this.wire)) return this.wire ?? "loading";
    if (this.view.playing) return "replay";
    if (!this.store.active) return "settled";
    return isPaused(this.store) ? "paused" : "live";
  }

  /** Text alternatives, once things are calm (or every so often while they are not). */
  tell() {
    this.teller = undefined;
    if (this.destroyed || !this.built) return;
    setText(this.speaker, spoken(this));
    for (const view of this.views) if (view.size) view.label();
    const said = remarks(this.store);
    const items = [...this.remarks.children].map((item) => item.textContent);
    if (said.join("\n") !== items.join("\n")) this.remarks.replaceChildren(...said.map((words) => el("li", {}, words)));
  }
}

export default function mount(component) {
  const { parentElement: root } = component;
  if (!root.ssmvizLab || root.ssmvizLab.destroyed) root.ssmvizLab = new Lab(root);
  const lab = root.ssmvizLab;
  lab.configure(component);
  // A superseded call's clean-up may run while the lab is still on the page: it must not end it.
  return () => {
    if (!(root.host || root).isConnected) lab.destroy();
  };
}
