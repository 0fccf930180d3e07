// What is looked at: one step, one token, one channel of one layer, one stretch of the sequence. Every view reads
// it, every gesture changes it, and `touch` tells what kind of redraw a change asks for.

import { DeltaRanges } from "./ranges.js";
import { lastAtMost } from "./store.js";

const ALONG = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const DOWN = { ArrowUp: -1, ArrowDown: 1 };
const NEGLIGIBLE = 1e-3; // differences between Deltas far below this change nothing
const STRIDE = 10; // tokens per arrow key with Shift

export class Viewpoint {
  constructor(store, touch) {
    this.store = store;
    this.touch = touch;
    this.step = 0;
    this.cursor = 0;
    this.layer = 0;
    this.channel = 0; // index among the shown channels
    this.axes = "principal"; // or "states"
    this.head = undefined; // whose weights are shown: a number, "mean", or what suits them
    this.zoom = null; // {from, to}
    this.stretch = null; // {from, to}: steps that the curves show, null for all
    this.following = true; // the newest step, as it comes
    this.playing = false;
    this.ranges = new DeltaRanges();
  }

  /** {low, high}: what the axes and colours of Delta span in the layer shown. */
  get deltaRange() {
    return this.ranges.of(
      this.layer,
      this.store.runs.map((_, i) => this.frame(i)?.layers[this.layer]),
    );
  }

  /** Run i's frame at the step shown, or null. */
  frame(i) {
    return this.store.runs[i]?.frame(this.step) ?? null;
  }

  /** The stretch of tokens shown. */
  range(i) {
    const L = this.frame(i)?.L ?? 1;
    return this.zoom && this.zoom.to <= L ? this.zoom : { from: 0, to: L };
  }

  moveTo(step) {
    this.step = step;
    this.touch("frame");
  }

  /** Shows the newest frame at or before `step`; at the newest one the page follows the training again. */
  showStep(step, { playing = false } = {}) {
    if (step === undefined) return;
    if (!playing) this.hold();
    this.following = this.store.active && !playing && step >= this.store.newest;
    this.moveTo(Math.max(0, Math.min(step, this.store.newest)));
  }

  /** So many frames along. */
  moveBy(frames) {
    const { steps } = this.store;
    const at = Math.max(0, Math.min(steps.length - 1, lastAtMost(steps, this.step) + frames));
    this.showStep(steps[at]);
  }

  follow() {
    this.hold();
    this.following = true;
    this.moveTo(this.store.newest);
  }

  /** Ends a replay where it is. */
  hold() {
    if (this.playing) this.touch("metrics");
    this.playing = false;
  }

  /** At first the cursor stands on the first token worth looking at. */
  placeCursor() {
    if (this.placed || !this.frame(0)) return;
    this.placed = true;
    const { tokens } = this.frame(0);
    if (this.store.signal) {
      this.setCursor(tokens.length - 1); // where a class is asked
      return;
    }
    this.cursor = Math.max(
      0,
      tokens.findIndex((_, t) => this.store.matters(tokens, t)),
    );
  }

  setCursor(t) {
    const L = this.frame(0)?.L ?? 0;
    const cursor = Math.max(0, Math.min(L - 1, t));
    if (cursor === this.cursor || L === 0) return;
    this.cursor = cursor;
    if (this.zoom) this.keepInSight(cursor);
    this.touch("cursor");
  }

  keepInSight(t) {
    const { from, to } = this.zoom;
    const by = Math.min(0, t - from) + Math.max(0, t - to + 1);
    if (by) this.setZoom({ from: from + by, to: to + by });
  }

  setZoom(zoom) {
    this.zoom = zoom;
    this.touch("frame");
  }

  setStretch(stretch) {
    this.stretch = stretch;
    this.touch("stretch");
  }

  setLayer(i) {
    this.chosen = true;
    this.layer = Number(i);
    this.touch("frame");
  }

  setChannel(k) {
    this.chosen = true;
    const K = Math.max(1, ...this.store.runs.map((_, i) => this.frame(i)?.channels.length ?? 0));
    this.channel = Math.max(0, Math.min(K - 1, k));
    this.touch("channel");
  }

  /** Chooses the shown channel nearest to channel `c` of run i's layer. */
  setChannelNear(i, c) {
    const far = this.frame(i).channels.map((channel) => Math.abs(channel + 0.5 - c));
    this.setChannel(far.indexOf(Math.min(...far)));
  }

  /** Run i's channel whose Delta tells what matters from the rest best: in the layer shown, or in any. */
  chooseMostSelective(i, { anyLayer = false } = {}) {
    const frame = this.frame(i);
    if (!frame) return;
    this.chosen = true;
    let best = -Infinity;
    frame.layers.forEach((layer, l) => {
      if (!layer.delta || (l !== Math.min(this.layer, frame.layers.length - 1) && !anyLayer)) return;
      for (let k = 0; k < layer.K; k++) {
        const contrast = this.contrast(frame, layer, k);
        if (contrast > best) [best, this.layer, this.channel] = [contrast, l, k];
      }
    });
    this.touch("frame");
  }

  /** Mean of log(Delta + a little) over what matters less that over all else before the answers. */
  contrast(frame, layer, k) {
    const [matters, other] = [
      [0, 0],
      [0, 0],
    ];
    for (let t = 0; t < frame.L && frame.targets[t] < 0; t++) {
      const sum = this.store.matters(frame.tokens, t) ? matters : other;
      sum[0] += Math.log(layer.delta[k * frame.L + t] + NEGLIGIBLE);
      sum[1] += 1;
    }
    return matters[0] / Math.max(1, matters[1]) - other[0] / Math.max(1, other[1]);
  }

  setHead(head) {
    this.head = head === "mean" ? head : Number(head);
    this.touch("frame");
  }

  setAxes(axes) {
    this.axes = axes;
    this.touch("axes");
  }

  /** Left, right, home and end move the token cursor; returns whether the key was one of them. */
  cursorKey({ key, shiftKey }) {
    const by = ALONG[key];
    if (by === undefined) return false;
    this.setCursor(this.cursor + (shiftKey ? STRIDE : 1) * by);
    return true;
  }

  /** Up and down change the channel. */
  channelKey({ key }) {
    if (DOWN[key]) this.setChannel(this.channel + DOWN[key]);
    return key in DOWN;
  }

  /** Left, right, home and end move through the history. */
  historyKey({ key }) {
    if (key in ALONG) this.moveBy(ALONG[key]);
    return key in ALONG;
  }
}
