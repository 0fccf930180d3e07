// What is known of one experiment: its words and numbers, every frame as packed bytes, a few decoded.

import { readFrame } from "./frame.js";
import { number } from "../canvas/words.js";

const DECODED = 24; // decoded frames kept; a frame is at most about 128 KiB
const COLUMNS = [
  "step",
  "loss",
  "test_loss",
  "token_accuracy",
  "sequence_accuracy",
  "position_accuracy",
  "lr",
  "grad_norm",
  "seconds",
  "error",
];
const RUNNING = new Set(["queued", "starting", "running"]);

/** One run: the server's record plus its frames. */
class Run {
  constructor(record) {
    this.bytes = new Map(); // step -> packed frame
    this.decoded = new Map(); // step -> frame, oldest use first
    this.steps = []; // ascending steps in `bytes`
    this.version = 0; // grows with every new frame
    this.adopt(record);
  }

  /** Takes a full record; frames of steps that the server still keeps stay. */
  adopt(record) {
    if (this.record && record.attempt !== this.record.attempt) this.dropAfter(record.step);
    this.record = record;
    record.losses ??= { step: [], loss: [] };
    record.evaluations ??= Object.fromEntries(COLUMNS.map((name) => [name, []]));
    record.rungs ??= [];
    record.frames ??= [];
  }

  /** Takes what changed. */
  update(change) {
    const { truncate, losses, evaluations, rungs, frames, frames_all: all, index, ...scalars } = change;
    Object.assign(this.record, scalars);
    if (truncate !== null && truncate !== undefined) this.truncate(truncate);
    append(this.record.losses, losses);
    append(this.record.evaluations, evaluations);
    if (rungs) this.record.rungs.push(...rungs);
    if (frames && all) this.thin(frames);
    else if (frames) this.record.frames.push(...frames);
  }

  truncate(step) {
    for (const columns of [this.record.losses, this.record.evaluations]) {
      const keep = columns.step.findLastIndex((s) => s <= step) + 1;
      for (const name of Object.keys(columns)) columns[name].length = Math.min(columns[name].length, keep);
    }
    this.record.rungs = [];
    this.record.frames = this.record.frames.filter((s) => s <= step);
    this.dropAfter(step);
  }

  dropAfter(step) {
    for (const s of this.steps.filter((s) => s > step)) {
      this.bytes.delete(s);
      this.decoded.delete(s);
    }
    this.steps = this.steps.filter((s) => s <= step);
    this.version += 1;
  }

  /** The server thinned its history: follow it, but never lose the newest frame. */
  thin(kept) {
    this.record.frames = kept;
    const keep = new Set(kept).add(this.newest);
    this.steps = this.steps.filter((s) => keep.has(s));
    for (const s of this.bytes.keys()) if (!keep.has(s)) this.bytes.delete(s);
    this.version += 1;
  }

  /** The first step whose frame the server keeps and this page lacks, or undefined. */
  get missing() {
    return this.record.frames.find((s) => !this.bytes.has(s));
  }

  addFrame(step, bytes) {
    if (!this.bytes.has(step)) insert(this.steps, step);
    this.bytes.set(step, bytes);
    this.decoded.delete(step);
    this.version += 1;
  }

  /** The step of the frame that shows `step`: the newest one not after it, else the first. */
  frameStep(step) {
    return this.steps[Math.max(0, lastAtMost(this.steps, step))];
  }

  /** The decoded frame that shows `step`, or null. */
  frame(step) {
    const key = this.frameStep(step);
    if (key === undefined) return null;
    const frame = this.decoded.get(key) ?? readFrame(this.bytes.get(key));
    this.decoded.delete(key);
    this.decoded.set(key, frame);
    if (this.decoded.size > DECODED) this.decoded.delete(this.decoded.keys().next().value);
    return frame;
  }

  /** Evaluation columns at the newest evaluation not after `step`, or null. */
  scores(step) {
    const columns = this.record.evaluations;
    const i = lastAtMost(columns.step, step);
    return i < 0 ? null : Object.fromEntries(Object.keys(columns).map((name) => [name, columns[name][i]]));
  }

  get newest() {
    return this.steps.at(-1) ?? 0;
  }

  get active() {
    return RUNNING.has(this.record.state);
  }
}

/** One experiment. `runs[i].record` are the server's fields. */
export class Store {
  constructor() {
    this.record = null;
    this.runs = [];
  }

  hello(record) {
    const same = this.record?.id === record.id && this.runs.length === record.runs.length;
    this.runs = record.runs.map((run, i) => {
      if (!same || this.runs[i].record.id !== run.id) return new Run(run);
      this.runs[i].adopt(run);
      return this.runs[i];
    });
    this.record = record;
  }

  update(message) {
    if (message.control) this.record.control = message.control;
    this.record.settled = message.settled;
    for (const change of message.runs) this.runs[change.index]?.update(change);
  }

  /** Every step at which any run has a frame, ascending. */
  get steps() {
    const key = this.runs.map((run) => run.version).join();
    if (key !== this.stepsKey) {
      this.stepsKey = key;
      this.stepsCache = [...new Set(this.runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
    }
    return this.stepsCache;
  }

  get newest() {
    return this.steps.at(-1) ?? 0;
  }

  get frameCount() {
    return this.runs.reduce((sum, run) => sum + run.steps.length, 0);
  }

  get active() {
    return this.runs.some((run) => run.active);
  }

  /** What the task says of its signal, null where it reads tokens. */
  get signal() {
    return this.record?.signal ?? null;
  }

  /** What a position is called. */
  get position() {
    if (!this.signal) return "token";
    return this.signal.width ? "pixel" : "sample";
  }

  /** Whether real numbers are asked for instead of classes. */
  get regresses() {
    return Boolean(this.signal) && !this.record.vocabulary.length;
  }

  /** The signal of a frame as the whole numbers that a person's drawing is sent as (ssmviz/tasks/signal.py). */
  levels(signal) {
    const unit = 127 / this.signal.span;
    return Array.from(signal, (value) => Math.max(0, Math.min(255, Math.round(value * unit) + 128)));
  }

  /** The real number that a level stands for. */
  fromLevel(level) {
    return ((level - 128) * this.signal.span) / 127;
  }

  /** Whether the answer hangs on token t: data among noise; a trigger and what follows it; without either, all of them. */
  matters(tokens, t) {
    if (this.signal) return true;
    const { kind } = this.token(tokens[t]);
    if (this.has("noise")) return kind === "data";
    if (!this.has("trigger")) return true;
    return kind === "trigger" || (t > 0 && this.token(tokens[t - 1]).kind === "trigger");
  }

  /** Whether the task has tokens of a kind. */
  has(kind) {
    return this.record.vocabulary.some((token) => token.kind === kind);
  }

  /** What frame reads at position t, in words. */
  inputWords(frame, t) {
    return frame.signal ? number(frame.signal[t]) : this.token(frame.tokens[t]).label;
  }

  /** Token label and kind; unknown tokens show their number. */
  token(id) {
    return this.record.vocabulary[id] ?? { label: String(id), kind: "data" };
  }
}

function append(columns, more) {
  if (!more) return;
  for (const name of Object.keys(more)) (columns[name] ??= []).push(...more[name]);
}

function insert(sorted, value) {
  sorted.splice(lastAtMost(sorted, value) + 1, 0, value);
}

/** Index of the last entry that is at most `value`, -1 where there is none. */
export function lastAtMost(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Whether a frame is of this probe: tokens, or levels of a signal. */
export function sameInput(store, frame, probe) {
  const own = frame.signal ? store.levels(frame.signal) : frame.tokens;
  return frame.L === probe.length && probe.every((id, t) => id === own[t]);
}
