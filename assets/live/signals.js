// What a run reads and says as curves, aligned with the views of its state.

import { axisLeft, polyline, roundTicks, scale } from "../canvas/draw.js";
import { fine } from "./scores.js";
import { SequenceView } from "./sequence.js";
import { inkOn, tokenFill } from "../canvas/theme.js";
import { number, percent } from "../canvas/words.js";

const LABEL = 10; // narrowest stretch in which a class is written

/** Lowest and highest of some arrays of numbers, 0 always between them. */
export function reach(...arrays) {
  let [low, high] = [0, 0];
  for (const values of arrays)
    for (const v of values) if (Number.isFinite(v)) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return low === high ? [-1, 1] : [low, high];
}

/** The real numbers that a run reads. */
export class Input extends SequenceView {
  constructor(lab, index) {
    super(lab, index, { name: "input", title: lab.store.signal.reads, symbol: ["x", "x"], height: 52 });
  }

  paintFrame(g, frame, box, at) {
    const { theme } = this.lab;
    curveAxis(g, theme, box, reach(frame.signal));
    g.strokeStyle = theme.symbol.x;
    g.lineWidth = 1.25;
    steps(g, at, frame.signal, scale(...reach(frame.signal), box.bottom, box.top));
  }

  describe() {
    const { frame } = this;
    if (!frame) return "No frame yet.";
    const [low, high] = reach(frame.signal);
    return `${frame.L} ${this.lab.store.position}s between ${number(low)} and ${number(high)}.`;
  }

  rows() {
    return this.perToken([], () => []);
  }
}

/** What a run says beside what is wanted: two curves, or the class that it would name if the signal ended here. */
export class Output extends SequenceView {
  constructor(lab, index) {
    const { regresses, signal } = lab.store;
    const title = regresses ? signal.says : `${signal.says} it would say here`;
    super(lab, index, { name: "output", title, symbol: ["y", "y"], height: regresses ? 112 : 76 });
  }

  note() {
    const { frame } = this;
    if (!frame) return "";
    if (frame.said) return `thick: wanted · thin: ${this.owner} · error ${fine(this.error(frame))}`;
    return `height: probability · ${this.verdict(frame)}`;
  }

  paintFrame(g, frame, box, at) {
    if (frame.said) this.paintCurves(g, frame, box, at);
    else this.paintClasses(g, frame, box, at);
  }

  paintCurves(g, frame, box, at) {
    const { theme } = this.lab;
    const range = reach(frame.wanted); // of the truth: a run that says too much leaves the picture
    curveAxis(g, theme, box, range);
    const y = scale(...range, box.bottom, box.top);
    g.strokeStyle = theme.noise;
    g.lineWidth = 5;
    steps(g, at, frame.wanted, y);
    g.strokeStyle = theme.runs[this.index % theme.runs.length];
    g.lineWidth = 1.5;
    steps(g, at, frame.said, y);
  }

  paintClasses(g, frame, box, at) {
    const { theme, store } = this.lab;
    const y = scale(0, 1, box.bottom, box.top);
    axisLeft(g, theme, box, [0, 0.5, 1], y, (v) => `${100 * v} %`);
    for (let t = at.from; t < at.to; ) {
      const id = frame.predicted[t];
      let end = t;
      for (; end < at.to && frame.predicted[end] === id; end++) {
        g.fillStyle = tokenFill(theme, id, store.record.vocabulary);
        g.fillRect(at.x(end), y(frame.confidence[end]), at.wide + 0.5, box.bottom - y(frame.confidence[end]));
      }
      this.paintName(g, at, t, end, id, box);
      t = end;
    }
  }

  /** The class, in the stretch from t to end, where there is room. */
  paintName(g, at, t, end, id, box) {
    const { theme, store } = this.lab;
    const { label } = store.token(id);
    const room = at.x(end) - at.x(t);
    if (room < LABEL || room < g.measureText(label).width + 4) return;
    g.fillStyle = inkOn(tokenFill(theme, id, store.record.vocabulary));
    g.textAlign = "center";
    g.fillText(label, (at.x(t) + at.x(end)) / 2, box.bottom - 8);
  }

  error({ said, wanted }) {
    let [miss, size] = [0, 0];
    said.forEach((v, t) => {
      if (Number.isFinite(wanted[t])) [miss, size] = [miss + (v - wanted[t]) ** 2, size + wanted[t] ** 2];
    });
    return Math.sqrt(miss / size);
  }

  /** "says 7 ✓ (97.2 %)", at the last position. */
  verdict(frame) {
    const t = frame.L - 1;
    const { store } = this.lab;
    const said = store.token(frame.predicted[t]).label;
    if (frame.targets[t] < 0) return `says ${said}`;
    const right = frame.predicted[t] === frame.targets[t];
    return right
      ? `says ${said} ✓`
      : `says ${said} ✗, it is ${store.token(frame.targets[t]).label} (given ${percent(frame.confidence[t])})`;
  }

  describe() {
    const { frame } = this;
    if (!frame) return "No frame yet.";
    if (!frame.said) return `${this.owner} ${this.verdict(frame)}, after ${frame.L} ${this.lab.store.position}s.`;
    return `${this.owner}: error ${fine(this.error(frame))} over ${frame.L} ${this.lab.store.position}s.`;
  }

  rows() {
    const { frame, lab } = this;
    if (frame.said) return this.perToken(["wanted", "said"], (t) => [frame.wanted[t], frame.said[t]]);
    return this.perToken(["says", "probability"], (t) => [
      lab.store.token(frame.predicted[t]).label,
      frame.confidence[t].toFixed(4),
    ]);
  }
}

function curveAxis(g, theme, box, [low, high]) {
  axisLeft(g, theme, box, roundTicks(low, high, 3), scale(low, high, box.bottom, box.top), number);
}

/** A value is held while its position lasts; many in few pixels are joined. */
function steps(g, at, values, y) {
  const points = [];
  for (let t = at.from; t < at.to; t++) {
    if (at.wide > 3) points.push([at.x(t), y(values[t])], [at.x(t + 1), y(values[t])]);
    else points.push([at.middle(t), y(values[t])]);
  }
  polyline(g, points);
}
