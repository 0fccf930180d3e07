// The past of a run: a scrubber over all frames, replay, and the way back to now. Never asks the server.

import { button, el, relabel, setText } from "../canvas/dom.js";
import { lastAtMost } from "./store.js";
import { count } from "../canvas/words.js";

const SHORTEST = 6_000; // ms that a whole replay takes
const LONGEST = 16_000;
const PER_FRAME = 80;

export class History {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["frame", "metrics", "all"]);
    this.range = el("input", {
      type: "range",
      min: 0,
      max: 0,
      step: 1,
      value: 0,
      "data-role": "scrubber",
      "aria-label": "Training step shown",
      oninput: () => lab.view.showStep(lab.store.steps[Number(this.range.value)]),
    });
    this.play = button("play", "Replay", () => this.toggle(), { "data-action": "play" });
    this.back = button("back", "One frame back", () => lab.view.moveBy(-1), { small: true, "data-action": "back" });
    this.next = button("forward", "One frame on", () => lab.view.moveBy(1), { small: true, "data-action": "forward" });
    this.live = button("live", "Now", () => lab.view.follow(), { "data-action": "live" });
    this.words = el("output", { class: "step" });
    this.element = el(
      "div",
      { class: "history", role: "group", "aria-label": "History" },
      this.play,
      this.back,
      this.range,
      this.next,
      this.words,
      this.live,
    );
  }

  update() {
    const { store, view } = this.lab;
    const { steps } = store;
    const at = Math.max(0, lastAtMost(steps, view.step));
    const last = String(Math.max(0, steps.length - 1));
    if (this.range.max !== last) this.range.max = last;
    if (this.range.value !== String(at)) this.range.value = String(at);
    this.range.setAttribute("aria-valuetext", `step ${view.step}, frame ${at + 1} of ${steps.length}`);
    setText(this.words, steps.length ? `step ${count(view.step)}` : "no frame yet");
    relabel(this.play, view.playing ? "pause" : "play", view.playing ? "Hold" : "Replay");
    this.live.hidden = !store.active;
    this.live.setAttribute("aria-pressed", String(view.following));
    this.element.classList.toggle("empty", steps.length < 2);
  }

  toggle() {
    if (this.lab.view.playing) this.lab.view.hold();
    else this.start();
  }

  /** Replays once, from the start when the end is shown. */
  start() {
    const { steps } = this.lab.store;
    if (steps.length < 2) return;
    const at = lastAtMost(steps, this.lab.view.step);
    this.from = at >= steps.length - 1 ? 0 : Math.max(0, at);
    this.began = undefined;
    this.lab.view.playing = true;
    this.lab.view.following = false;
    this.lab.touch("metrics");
    this.lab.animate((now) => this.advance(now));
  }

  /** Called before each redraw; returns whether to go on. */
  advance(now) {
    if (!this.lab.view.playing) return false;
    const { steps } = this.lab.store;
    this.began ??= now;
    const whole = Math.min(LONGEST, Math.max(SHORTEST, PER_FRAME * steps.length));
    const at = Math.min(steps.length - 1, this.from + Math.floor(((now - this.began) / whole) * steps.length));
    this.lab.view.showStep(steps[at], { playing: true });
    if (at < steps.length - 1) return true;
    this.lab.view.hold();
    return false;
  }
}
