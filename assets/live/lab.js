// The lab: one experiment's twins, live or replayed, every view tied to one step and one token.
// Streamlit calls the default export with its component argument at every change of `data`.

import { ahead } from "./ahead.js";
import { el, setText } from "../canvas/dom.js";
import { Link } from "./link.js";
import { buildPage, pageKind } from "./page.js";
import { isPaused, remarks, spoken, statusLine } from "./status.js";
import { sameInput, Store } from "./store.js";
import { readTheme, watchTheme } from "../canvas/theme.js";
import { Viewpoint } from "./viewpoint.js";

const TELL_AFTER = 300; // ms from a redraw until the texts for screen readers follow
const LIVE_GAP = 200; // ms between two redraws that only follow the training
const AWAITED = 1000; // ms after a control in which its answer is drawn at once
const KNOWS = 0.8; // token accuracy
const IDLE = 1500; // ms from the first picture until others are fetched that may be wanted next
const BROKEN = new Set(["loading", "offline", "error"]);
const LOOK_NOW = new Set(["step", "resume", "resume_run"]); // controls after which the newest step is wanted

class Lab {
  constructor(parent) {
    this.element = el("div", { class: "ssmviz ssmviz-lab", "data-state": "loading", "data-draws": 0 });
    parent.append(this.element);
    this.changes = new Set();
    this.draws = 0;
    this.drawn = 0; // when
    this.awaited = 0; // until when the answer to a control is
    this.hidden = document.hidden;
    this.away = false; // scrolled out of sight
    this.watch();
  }

  // -- life ---------------------------------------------------------------------------------------------------------

  configure({ data, setTriggerValue }) {
    this.options = data;
    this.trigger = setTriggerValue;
    const told = data.experiment !== this.told; // what was chosen in the browser stays until the server says more
    this.told = data.experiment;
    if (told && data.experiment !== this.experiment) this.load(data.experiment, data.base ?? "");
    else this.retheme();
  }

  /** Another experiment was chosen in the browser: it is shown before the server has heard of it. */
  onOpen({ detail: { view, experiment, shown } }) {
    if (view !== this.options.view || experiment === this.experiment) return;
    this.load(experiment, this.options.base ?? "");
    this.shown = shown;
  }

  load(experiment, base) {
    this.experiment = experiment;
    this.element.dataset.experiment = experiment;
    this.link?.close();
    this.store = new Store();
    this.view = new Viewpoint(this.store, (kind) => this.touch(kind));
    this.stepper = undefined;
    this.owed = []; // live frames not yet acknowledged
    this.wire = "loading";
    this.words = "";
    this.versions = "";
    this.opened = false;
    this.changes.clear();
    this.element.inert = true; // what is still to be seen is about another experiment
    if (this.page) this.page.forget();
    else this.clear("Loading");
    this.retheme();
    this.tellState();
    this.link = new Link(
      this.store,
      { base, experiment },
      {
        state: (name, words) => this.onState(name, words),
        changed: () => this.onChanged(),
        frame: (run, elsewhere) => this.onFrame(run, elsewhere),
      },
    );
    if (!this.hidden) this.link.open();
  }

  /** Nothing but one sentence. */
  clear(words) {
    this.page = undefined;
    this.element.inert = false;
    this.element.replaceChildren(el("p", { class: "status-line", role: "status" }, words));
  }

  watch() {
    this.aborter = new AbortController();
    document.addEventListener("visibilitychange", () => this.onVisibility(), { signal: this.aborter.signal });
    window.addEventListener("ssmviz:open", (event) => this.onOpen(event), { signal: this.aborter.signal });
    this.resizer = new ResizeObserver(([entry]) => this.onWidth(Math.round(entry.contentRect.width)));
    this.resizer.observe(this.element);
    this.sight = new IntersectionObserver(([entry]) => {
      this.away = !entry.isIntersecting;
      this.wake();
    });
    this.sight.observe(this.element);
    this.element.addEventListener("keydown", (event) => this.onKey(event));
  }

  destroy() {
    this.link?.close();
    this.aborter.abort();
    this.resizer.disconnect();
    this.sight.disconnect();
    cancelAnimationFrame(this.request);
    clearTimeout(this.teller);
    clearTimeout(this.later);
    clearTimeout(this.prefetcher);
    this.element.remove();
    this.destroyed = true;
  }

  onWidth(width) {
    if (width === this.width) return; // heights follow the content and change nothing
    this.width = width;
    this.touch("size");
  }

  /** A hidden page does nothing: no socket, no redraw. */
  onVisibility() {
    this.hidden = document.hidden;
    if (!this.store.record?.settled) {
      if (this.hidden) this.link.hangUp();
      else this.link.open();
    }
    this.wake();
  }

  // -- what the server says -----------------------------------------------------------------------------------------

  onState(name, words) {
    this.wire = name;
    this.words = words;
    if (name === "error" && !this.store.record) this.clear(words);
    if (!this.page) setText(this.element.querySelector("[role=status]"), words || "Loading");
    this.tellState();
  }

  onChanged() {
    const kind = pageKind(this.store);
    if (this.page?.kind !== kind) this.build(kind);
    if (this.element.inert) this.touch("all"); // the page served another experiment until now
    this.element.inert = false;
    this.onFrames();
    this.openRecording();
    this.touchSoon("metrics");
  }

  onFrame(run, elsewhere) {
    if (elsewhere && this.away) setTimeout(() => this.link.ack(run), LIVE_GAP);
    else this.owed.push(run); // acknowledged once drawn: a busy page slows the server down, not itself
    this.onFrames();
    this.touchSoon("metrics");
  }

  /** Some frames are new: the newest is shown while following, and the one shown may have been replaced. */
  onFrames() {
    const versions = this.store.runs.map((run) => run.version).join();
    if (versions === this.versions) return;
    this.versions = versions;
    if (this.view.following) this.view.step = this.store.newest;
    this.view.placeCursor();
    this.chooseOnce();
    this.touchSoon("frame");
  }

  /** Once the first run knows its task, its most telling channel is shown, unless the reader has chosen one. */
  chooseOnce() {
    const run = this.store.runs[0];
    if (!this.store.signal && !this.view.chosen && run.newest && run.scores(run.newest)?.token_accuracy >= KNOWS)
      this.view.chooseMostSelective(0, { anyLayer: true });
  }

  /** Once, when the first frames of a run that was found finished are here: replay, or stay at the end where motion is unwelcome. */
  openRecording() {
    const { record, runs, steps } = this.store;
    if (!record.settled) this.opened = true; // its end was watched live: no need to show it again
    if (this.opened || runs.some((run) => run.steps.length < 2 && run.missing !== undefined)) return;
    this.opened = true;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!this.options.autoplay || still) return;
    this.view.moveTo(steps[0] ?? 0);
    this.page.history.start();
  }

  /** Sends a control. Returns the server's sentence if it refuses; shows it unless `quiet`. */
  async control(action, { quiet = false } = {}) {
    this.awaited = performance.now() + AWAITED;
    try {
      const answer = await this.link.control(action);
      if (answer.experiment && answer.experiment !== this.experiment) this.trigger?.("open", answer.experiment);
      if (action.action === "resume_run") this.link.open();
      if (LOOK_NOW.has(action.action)) this.view.follow();
      setText(this.page.words.alert, "");
      return undefined;
    } catch (error) {
      if (!quiet) setText(this.page.words.alert, error.message);
      return error.message;
    }
  }

  /** In the names of saved files. */
  get stamp() {
    return `step-${this.view.step}`;
  }

  // -- drawing ------------------------------------------------------------------------------------------------------

  build(kind) {
    this.page = { kind, ...buildPage(this) };
    watchTheme(this.element, () => this.retheme());
    this.touch("all");
  }

  retheme() {
    this.theme = readTheme(this.element);
    this.touch("all");
  }

  /** Notes a change; at most one redraw per screen refresh, none while nobody can see it. */
  touch(kind) {
    this.changes.add(kind);
    this.wake();
  }

  /** Notes what the server said: it comes in trickles, and the cores are the trainings'. At once where a person waits for it. */
  touchSoon(kind) {
    this.changes.add(kind);
    const now = performance.now();
    const wait = now < this.awaited ? 0 : this.drawn + LIVE_GAP - now;
    if (wait <= 0) this.wake();
    else {
      this.later ??= setTimeout(() => {
        this.later = undefined;
        this.wake();
      }, wait);
    }
  }

  /** Runs `step(now)` before each redraw until it returns false. */
  animate(step) {
    this.stepper = step;
    this.wake();
  }

  wake() {
    if (this.request || this.hidden || this.away || !this.page || !this.store.record || (!this.changes.size && !this.stepper)) return;
    this.request = requestAnimationFrame((now) => {
      this.request = undefined;
      if (!this.page || !this.store.record) return; // another experiment was chosen meanwhile
      if (this.stepper && !this.stepper(now)) this.stepper = undefined;
      if (this.changes.size) this.draw();
      this.wake();
    });
  }

  draw() {
    const { changes, page } = this;
    this.changes = new Set();
    if (page.arrange()) changes.add("size"); // what was hidden had none
    if (changes.has("all") || changes.has("size")) {
      for (const view of page.views) view.measure();
      changes.add("all");
    }
    const concerns = ({ needs }) => [...changes].some((kind) => needs.has(kind));
    for (const panel of page.panels) if (concerns(panel)) panel.update(changes);
    for (const view of page.views) if (concerns(view)) view.render(changes);
    this.draws += 1;
    this.drawn = performance.now();
    for (const run of this.owed.splice(0)) this.link.ack(run);
    this.tellState();
    if (this.shown && this.store.frameCount) setTimeout(this.shown); // after the browser has painted it
    if (this.store.frameCount) this.shown = undefined;
    this.teller ??= setTimeout(() => this.tell(), TELL_AFTER);
    if (this.store.frameCount) this.prefetcher ??= setTimeout(() => this.prefetch(), IDLE);
  }

  /** What the page may be asked for next. */
  prefetch() {
    this.prefetcher = undefined;
    for (const experiment of this.options.nearby ?? []) ahead(this.options.base ?? "", experiment);
  }

  // -- words and counters -------------------------------------------------------------------------------------------

  get state() {
    if (!this.store.record || BROKEN.has(this.wire)) return this.wire ?? "loading";
    if (this.view.playing) return "replay";
    if (!this.store.active) return "settled";
    return isPaused(this.store) ? "paused" : "live";
  }

  /** The edit that the frame shown answers to, 0 for the first probe. */
  get probeVersion() {
    const { probe, probe_version: version } = this.store.record?.control ?? {};
    const frame = probe && this.view.frame(0);
    return frame && sameInput(this.store, frame, probe) ? version : 0;
  }

  /** Counters and the status line: cheap, after every redraw. */
  tellState() {
    const { store, view, element } = this;
    const counters = {
      state: this.state,
      step: view.step,
      newest: store.newest,
      frames: store.frameCount,
      draws: this.draws,
      cursor: view.cursor,
      channel: view.channel,
      stretch: view.stretch ? `${view.stretch.from}-${view.stretch.to}` : "all",
      live: Number(view.following && store.active),
      probe: this.probeVersion,
    };
    for (const [name, value] of Object.entries(counters)) {
      if (element.dataset[name] !== String(value)) element.dataset[name] = value;
    }
    if (this.page) setText(this.page.words.status, statusLine(this));
  }

  /** Text alternatives, shortly after a redraw and not with every one. */
  tell() {
    this.teller = undefined;
    if (this.destroyed || !this.page || !this.store.record) return;
    setText(this.page.words.spoken, spoken(this));
    for (const view of this.page.views) if (view.size) view.label();
    const list = this.page.words.remarks;
    const said = remarks(this.store);
    if (said.join() !== [...list.children].map((item) => item.textContent).join()) {
      list.replaceChildren(...said.map((words) => el("li", {}, words)));
    }
  }

  /** Space plays and holds wherever nothing else wants it. */
  onKey(event) {
    if (event.key !== " " || event.target.closest?.("button, select, input, summary")) return;
    event.preventDefault();
    this.page?.history.toggle();
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
