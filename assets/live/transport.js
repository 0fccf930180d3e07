// The training's buttons. Each is always there; one that cannot act now says why.

import { acting, allow, el, relabel } from "../canvas/dom.js";
import { isPaused } from "./status.js";

const SPEEDS = [
  ["0", "full speed"],
  ["20", "20 steps/s"],
  ["5", "5 steps/s"],
  ["1", "1 step/s"],
];
const RESUMABLE = new Set(["cancelled", "interrupted", "timeout", "failed", "oom"]);

export class Transport {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["metrics", "all"]);
    this.toggle = this.act("pause", "Pause", () => ({ action: isPaused(lab.store) ? "resume" : "pause" }));
    this.step = this.act("step", "One step", () => ({ action: "step", count: 1 }));
    this.stop = this.act("stop", "Stop", () => ({ action: "stop" }));
    this.restart = this.act("restart", "Restart", () => ({ action: "restart" }));
    this.resume = this.act("resume", "Go on", () => ({ action: "resume_run" }));
    this.resume.dataset.action = "resume_run";
    this.speed = el(
      "select",
      {
        "aria-label": "Training speed",
        onchange: () => lab.control({ action: "speed", value: Number(this.speed.value) }),
      },
      ...SPEEDS.map(([value, words]) => el("option", { value }, words)),
    );
    this.element = el(
      "div",
      { class: "transport", role: "group", "aria-label": "Training" },
      this.toggle,
      this.step,
      this.speed,
      this.stop,
      this.resume,
      this.restart,
    );
  }

  act(name, words, body) {
    return acting(name, words, () => this.lab.control(body()));
  }

  update() {
    const { store, options } = this.lab;
    this.element.hidden = Boolean(store.record.recorded) || options.controls === false;
    const paused = isPaused(store);
    const over = store.active ? "" : "The training is over";
    relabel(this.toggle, paused ? "play" : "pause", paused ? "Resume" : "Pause");
    this.toggle.dataset.action = paused ? "resume" : "pause";
    for (const node of [this.toggle, this.step, this.stop]) allow(node, over);
    this.speed.disabled = !store.active;
    const speed = String(store.record.control?.speed ?? 0);
    if (this.lab.element.getRootNode().activeElement !== this.speed)
      this.speed.value = SPEEDS.some(([v]) => v === speed) ? speed : "0";
    const resumable = !store.active && store.runs.some((run) => RESUMABLE.has(run.record.state));
    this.resume.hidden = !resumable;
    allow(this.restart, "");
    this.restart.title = "Train again from the same initialisation, as a new experiment";
  }
}
