// The s-plane: where the poles of the shown layer stand, the way they came, and where the true ones are.

import { line, roundTicks, scale } from "../canvas/draw.js";
import { SequenceView } from "./sequence.js";
import { readFrame } from "./frame.js";
import { number } from "../canvas/words.js";

const LEFT = 54;
const TRAILS = 24; // poles at most whose way is drawn
const FAR = 1.6; // times the true poles' distance from 0: what lies farther is drawn on the border
const MOST = 0.98; // of the poles are in the picture where no true ones are known

export class Poles extends SequenceView {
  constructor(lab, index) {
    super(lab, index, { name: "poles", title: "poles", symbol: ["A", "A"], height: 232, needs: ["metrics"], shows: ["A"] });
    this.known = new Map(); // step -> poles, for the trails
  }

  forget() {
    this.known.clear();
    this.range = undefined;
  }

  get truth() {
    return this.lab.store.signal?.poles ?? [];
  }

  get unit() {
    const { unit } = this.lab.store.signal ?? {};
    return unit ? `1/${unit}` : "1 per unit of Δ";
  }

  note() {
    if (!this.frame) return "";
    const miss = this.miss();
    const real = this.polesOf(this.frame).every(({ im }) => im === 0);
    const upper = real ? "real: they fade and never ring" : "upper half: each stands for a pair";
    return miss === null ? upper : `✕ true, ● learned · farthest miss ${number(miss)} ${this.unit}`;
  }

  /** Of a decoded frame: [{re, im, gain, k, n}] in 1/s where the task says how long a position lasts; im >= 0. */
  polesOf(frame) {
    const layer = frame.layers[Math.min(this.lab.view.layer, frame.layers.length - 1)];
    const { step } = this.lab.store.signal ?? {};
    const found = [];
    if (!layer?.A || (step && !layer.delta)) return found; // S5: a Delta for every state is not in a frame
    for (let k = 0; k < layer.K; k++) {
      const pace = step ? layer.delta[k * frame.L] / step : 1; // Delta A is what a position does
      for (let n = 0; n < layer.N; n++) {
        const i = k * layer.N + n;
        const [re, im] = [layer.A[i] * pace, Math.abs(layer.AImag?.[i] ?? 0) * pace];
        found.push({ re, im, gain: layer.gain?.[i] ?? 1, k, n });
      }
    }
    return found;
  }

  /** Largest distance from a true pole to the nearest learned one; null where the truth is not known. */
  miss() {
    const poles = this.polesOf(this.frame);
    const nearest = ([re, im]) => Math.min(...poles.map((p) => Math.hypot(p.re - re, p.im - im)));
    const far = poles.length ? this.truth.map(nearest) : [];
    return far.length ? Math.max(...far) : null;
  }

  get box() {
    return { left: LEFT, right: this.size.width - 12, top: 8, bottom: this.size.height - 26 };
  }

  /** The same for all runs and, where the truth is known, for all steps. */
  limits() {
    if (this.truth.length) {
      const size = FAR * Math.max(...this.truth.flat().map(Math.abs));
      return { left: -size, right: 0.15 * size, high: size };
    }
    const { store, view } = this.lab;
    const frames = store.runs.map((_, i) => view.frame(i)).filter(Boolean);
    const poles = frames.flatMap((frame) => this.polesOf(frame));
    const quantile = (values) => values.sort((a, b) => a - b)[Math.floor(MOST * (values.length - 1))];
    const wide = 1.15 * Math.max(quantile(poles.map((p) => -p.re)), 1e-9);
    const high = 1.1 * quantile(poles.map((p) => p.im));
    return { left: -wide, right: 0.12 * wide, high: high || wide }; // of real poles alone: as high as wide
  }

  scales() {
    const { left, right, high } = this.limits();
    const { box } = this;
    return { x: scale(left, right, box.left, box.right), y: scale(0, high, box.bottom, box.top), left, right, high };
  }

  paintFrame(g, frame, box) {
    const { theme } = this.lab;
    const at = this.scales();
    this.paintAxes(g, theme, box, at);
    this.paintTrails(g, theme, frame, at);
    const poles = this.polesOf(frame);
    const loudest = Math.max(...poles.map((p) => p.gain), 1e-30);
    for (const pole of poles) this.paintPole(g, theme, pole, Math.sqrt(pole.gain / loudest), at);
    for (const [re, im] of this.truth) this.paintTrue(g, theme, at.x(re), at.y(im));
  }

  paintAxes(g, theme, box, { x, y, left, right, high }) {
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    g.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left, box.bottom - box.top);
    g.strokeStyle = theme.faint;
    line(g, x(0), box.top, x(0), box.bottom); // beyond it a state grows
    g.fillStyle = theme.faint;
    g.textAlign = "center";
    for (const tick of roundTicks(left, right, 4)) g.fillText(number(tick), x(tick), box.bottom + 9);
    g.fillText(`decay Re λ (${this.unit})`, (box.left + box.right) / 2, box.bottom + 20);
    g.textAlign = "right";
    for (const tick of roundTicks(0, high, 4)) g.fillText(number(tick), box.left - 5, Math.max(y(tick), box.top + 5));
    g.save();
    g.translate(7, (box.top + box.bottom) / 2);
    g.rotate(-Math.PI / 2);
    g.textAlign = "center";
    g.fillText("ringing |Im λ|", 0, 0);
    g.restore();
  }

  paintTrails(g, theme, frame, { x, y }) {
    const { K, N } = frame.layers[Math.min(this.lab.view.layer, frame.layers.length - 1)];
    if (K * N > TRAILS) return;
    const ways = this.run.steps.filter((step) => step <= frame.step).map((step) => this.polesAt(step));
    g.strokeStyle = theme.runs[this.index % theme.runs.length];
    g.lineWidth = 1;
    g.globalAlpha = 0.55;
    for (let i = 0; i < K * N; i++) {
      g.beginPath();
      for (const poles of ways) if (poles[i]) g.lineTo(x(poles[i].re), y(poles[i].im));
      g.stroke();
    }
    g.globalAlpha = 1;
  }

  polesAt(step) {
    const bytes = this.run.bytes.get(step);
    const before = this.known.get(step);
    if (before?.bytes === bytes && before.layer === this.lab.view.layer) return before.poles;
    const poles = this.polesOf(readFrame(bytes));
    this.known.set(step, { bytes, layer: this.lab.view.layer, poles });
    return poles;
  }

  /** Large and strong where it adds much to what is said; a triangle where it has left the picture. */
  paintPole(g, theme, pole, share, { x, y, left, high }) {
    g.fillStyle = theme.runs[this.index % theme.runs.length];
    g.strokeStyle = theme.background;
    g.lineWidth = 1;
    g.globalAlpha = 0.3 + 0.7 * share;
    const [px, py, r] = [x(pole.re), y(pole.im), this.truth.length ? 4 + 6 * share : 2 + 2 * share];
    g.beginPath();
    if (pole.re < left || pole.im > high) {
      const [dx, dy] = pole.re < left ? [-1, 0] : [0, -1];
      g.moveTo(px + 8 * (dx + 1) * (dx ? 1 : 0) + dx * 2, py + dy * 2);
      g.lineTo(px + 8 * -dx + 5 * dy, py - 8 * dy + 5 * dx);
      g.lineTo(px + 8 * -dx - 5 * dy, py - 8 * dy - 5 * dx);
    } else g.arc(px, py, r, 0, 2 * Math.PI);
    g.fill();
    g.stroke();
    g.globalAlpha = 1;
  }

  paintTrue(g, theme, px, py) {
    g.strokeStyle = theme.text;
    g.lineWidth = 2;
    line(g, px - 6, py - 6, px + 6, py + 6);
    line(g, px - 6, py + 6, px + 6, py - 6);
  }

  overlay() {} // no position to point at

  hover() {}

  describe() {
    if (!this.frame) return "No frame yet.";
    const poles = this.polesOf(this.frame);
    const word = ({ re, im }) => `${number(re)}${im ? ` ± ${number(im)} i` : ""}`;
    const loud = [...poles].sort((a, b) => b.gain - a.gain).slice(0, 6);
    const truth = this.truth.map(([re, im]) => word({ re, im })).join(", ");
    const miss = this.miss();
    const told = truth ? ` True: ${truth}; farthest miss ${number(miss)}.` : "";
    const most = loud.map(word).join(", ");
    return `${this.owner}: ${poles.length} poles in ${this.unit}, those that add most to the output: ${most}.${told}`;
  }

  rows() {
    const { channels } = this.frame;
    const learned = this.polesOf(this.frame).map((p) => [this.owner, channels[p.k], p.n + 1, p.re, p.im, p.gain]);
    return [
      ["whose", "channel", "state", "re", "im", "gain"],
      ...learned,
      ...this.truth.map(([re, im]) => ["true", "", "", re, im, ""]),
    ];
  }
}
