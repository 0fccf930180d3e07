// A sweep on its page: one look at the server twice a second while it goes on, a heat map, and what can be done to it.
// Streamlit calls the default export with its component argument at every change of `data`.

import { acting, allow, choice, el, relabel, setText, uniqueName } from "../canvas/dom.js";
import { readTheme, watchTheme } from "../canvas/theme.js";
import { duration } from "../canvas/words.js";
import { SweepMap } from "./map.js";
import { Place } from "./place.js";
import { totals } from "./places.js";

const OFTEN = 500; // ms between two looks while cells train
const SELDOM = 2500; // ms while it is paused, or the server does not answer
const KEYS = [
  ["○", "waits"],
  ["◔", "trains"],
  ["■", "stopped"],
  ["✕", "diverged"],
  ["!", "failed"],
];
const STATES = { running: "Running", paused: "Paused", stopped: "Stopped", done: "Done" };

class Sweep {
  constructor(parent) {
    this.element = el("div", { class: "ssmviz ssmviz-sweep", "data-state": "loading" });
    parent.append(this.element);
    this.changes = new Set();
    this.aborter = new AbortController();
    document.addEventListener("visibilitychange", () => this.look(), { signal: this.aborter.signal });
    this.resizer = new ResizeObserver(() => this.touch("size"));
    this.resizer.observe(this.element);
  }

  configure({ data, setTriggerValue }) {
    this.base = data.base;
    this.trigger = setTriggerValue;
    if (data.sweep !== this.id) this.load(data.sweep);
    else this.touch("all");
  }

  load(id) {
    this.id = id;
    this.board = this.map = this.tag = undefined;
    this.clear("Loading");
    this.look();
  }

  destroy() {
    this.destroyed = true;
    clearTimeout(this.later);
    cancelAnimationFrame(this.request);
    this.aborter.abort();
    this.resizer.disconnect();
    this.element.remove();
  }

  /** Nothing but one sentence. */
  clear(words, state = "loading") {
    this.map = undefined;
    this.element.dataset.state = state;
    this.element.replaceChildren(el("p", { class: "sweep-status", role: "status" }, words));
  }

  // -- the server ---------------------------------------------------------------------------------------------------

  get address() {
    return `${this.base}/api/sweeps/${this.id}`;
  }

  /** Asks how it stands, now and again while that may change and somebody can see it. */
  async look() {
    clearTimeout(this.later);
    if (document.hidden || this.destroyed || !this.id) return;
    const { id } = this;
    let next = SELDOM;
    try {
      const answer = await fetch(this.address, { headers: this.tag ? { "If-None-Match": this.tag } : {}, cache: "no-store" });
      if (id !== this.id || this.destroyed) return;
      if (answer.status === 404) return this.gone();
      if (answer.status === 200) this.show(await answer.json(), answer.headers.get("etag"));
      else if (answer.status !== 304) throw new Error(`The server answers ${answer.status}`);
      if (this.offline) setText(this.alert, "");
      this.offline = false;
      if (this.board.settled) return;
      if (this.board.state !== "paused") next = OFTEN;
    } catch {
      this.offline = true;
      if (this.map) setText(this.alert, "The server does not answer; what is shown may be old. Trying again.");
      else this.clear("The server does not answer; trying again.", "offline");
    }
    clearTimeout(this.later);
    this.later = setTimeout(() => this.look(), next);
  }

  gone() {
    this.clear("This sweep is not here; it may have been deleted.", "gone");
  }

  /** Asks for something; its refusal is shown. */
  async ask(method, path = "", body = undefined) {
    try {
      const headers = body ? { "Content-Type": "application/json" } : {};
      const answer = await fetch(this.address + path, { method, headers, body: body && JSON.stringify(body) });
      if (!answer.ok) throw new Error((await answer.json()).error);
      setText(this.alert, "");
      return true;
    } catch (error) {
      setText(this.alert, error.message);
      return false;
    } finally {
      if (method !== "DELETE") await this.look();
    }
  }

  show(board, tag) {
    this.board = board;
    this.tag = tag;
    this.measure ??= board.measures[0].name;
    if (!board.measures.some(({ name }) => name === this.measure)) this.measure = board.measures[0].name;
    if (!this.map) this.build();
    const { ended, working } = totals(board);
    Object.assign(this.element.dataset, { state: board.state, settled: board.settled, sweep: board.id, ended, working });
    this.update();
    this.touch("board");
  }

  // -- the page -----------------------------------------------------------------------------------------------------

  build() {
    const { board } = this;
    this.toggle = this.act("pause", "Pause", () => ({ action: this.board.state === "running" ? "pause" : "resume" }));
    this.stop = this.act("stop", "Stop", () => ({ action: "stop" }));
    this.status = el("p", { class: "sweep-status", role: "status" });
    this.alert = el("p", { class: "sweep-alert", role: "alert" });
    this.place = new Place(this);
    this.map = new SweepMap(this, (place) => this.place.show(place));
    const measures = board.measures.map(({ name, words }) => [name, words]);
    const chosen = choice("Colour", uniqueName("measure"), measures, this.measure, (name) => this.chooseMeasure(name));
    this.element.replaceChildren(
      el("div", { class: "sweep-bar" }, this.buttons(), chosen),
      this.status,
      this.alert,
      el("div", { class: "sweep-parts" }, el("div", {}, this.map.element, keys(board)), this.place.element),
    );
    watchTheme(this.element, () => this.touch("all"));
    this.place.show(undefined);
    this.touch("all");
  }

  act(name, words, body) {
    return acting(name, words, () => this.ask("POST", "/control", body()));
  }

  /** Deleting asks first, in its own place. */
  buttons() {
    const remove = el("button", { type: "button", class: "button", "data-action": "delete" }, "Delete");
    const sure = el("button", { type: "button", class: "button", "data-action": "delete_yes" }, "Delete it with all its runs");
    const keep = el("button", { type: "button", class: "button", "data-action": "delete_no" }, "Keep it");
    const turn = (asking) => {
      remove.hidden = asking;
      sure.hidden = keep.hidden = !asking;
      (asking ? keep : remove).focus();
    };
    sure.hidden = keep.hidden = true;
    remove.addEventListener("click", () => turn(true));
    keep.addEventListener("click", () => turn(false));
    sure.addEventListener("click", async () => {
      sure.setAttribute("aria-busy", "true");
      if (!(await this.ask("DELETE"))) return sure.removeAttribute("aria-busy");
      clearTimeout(this.later);
      this.gone();
      this.trigger?.("gone", this.id);
    });
    return el("div", { class: "sweep-buttons", role: "group", "aria-label": "Sweep" }, this.toggle, this.stop, remove, sure, keep);
  }

  chooseMeasure(name) {
    this.measure = name;
    this.touch("all");
  }

  get measureWords() {
    return this.board.measures.find(({ name }) => name === this.measure).words;
  }

  update() {
    const { board } = this;
    const unfinished = board.cells.some(({ state }) => ["waiting", "cancelled", "interrupted"].includes(state));
    const runs = board.state === "running";
    relabel(this.toggle, runs ? "pause" : "resume", runs ? "Pause" : "Go on");
    this.toggle.dataset.action = runs ? "pause" : "resume";
    allow(this.toggle, runs || board.state === "paused" || unfinished ? "" : "All of it has ended");
    allow(this.stop, runs || board.state === "paused" ? "" : "Nothing is under way");
    setText(this.status, statusWords(board));
    this.place.update();
  }

  /** In the names of saved files. */
  get stamp() {
    return this.measure;
  }

  open(experiment, elsewhere) {
    const address = this.labAddress(experiment);
    if (elsewhere) window.open(address, "_blank", "noopener");
    else window.location.assign(address);
  }

  labAddress(experiment) {
    return `${this.base}/lab?run=${experiment}`;
  }

  /** At most one redraw per screen refresh. */
  touch(kind) {
    this.changes.add(kind);
    this.request ??= requestAnimationFrame(() => {
      this.request = undefined;
      if (this.map && !this.destroyed) this.draw();
    });
  }

  draw() {
    const { changes, map } = this;
    this.changes = new Set();
    if (changes.has("all") || changes.has("size")) {
      this.theme = readTheme(this.element);
      map.measure();
      changes.add("all");
    }
    map.render(changes);
    map.label();
    this.place.update();
    this.element.dataset.draws = Number(this.element.dataset.draws ?? 0) + 1;
  }
}

function statusWords(board) {
  const { ended, working, all } = totals(board);
  const parts = [`${ended} of ${all} runs have ended`];
  if (working) parts.push(`${working} ${working === 1 ? "is" : "are"} at work`);
  if (board.state === "running" && board.left_s !== null) parts.push(`about ${duration(Math.max(1, Math.round(board.left_s))).replace(".0", "")} left`);
  const what = board.state === "stopped" && !board.settled ? "Stopping" : STATES[board.state];
  return `${what}: ${parts.join(", ")}.`;
}

function keys(board) {
  const signs = KEYS.map(([sign, words]) => el("span", {}, el("b", { "aria-hidden": "true" }, sign), ` ${words}`));
  const hole = board.holes.length ? [el("span", {}, el("b", { class: "hatched" }), " not trained: point at it for the reason")] : [];
  return el("p", { class: "sweep-keys" }, ...signs, ...hole, el("span", {}, "A click opens the run in the lab."));
}

export default function mount(component) {
  const { parentElement: root } = component;
  if (!root.ssmvizSweep || root.ssmvizSweep.destroyed) root.ssmvizSweep = new Sweep(root);
  const sweep = root.ssmvizSweep;
  sweep.configure(component);
  return () => {
    if (!(root.host || root).isConnected) sweep.destroy();
  };
}
