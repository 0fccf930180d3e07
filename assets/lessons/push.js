// What goes in and what comes out over time, with one moment under the pointer.

import { Plot } from "../canvas/plot.js";
import { ball, sweep } from "./marks.js";
import { envelope, HELD, HOLD, indexOf, SECONDS, symmetric, timeOf } from "./swing.js";

/** A plot over time: hovering holds the time, leaving lets it go on. */
function timePlot(stage, options) {
  const view = new Plot(stage, {
    height: 170,
    cursor: true,
    key: (event) => {
      const by = { ArrowLeft: -HOLD, ArrowRight: HOLD }[event.key];
      if (by) stage.setCursor(Math.max(0, Math.min(SECONDS, timeOf(stage) + by)));
      return Boolean(by);
    },
    ...options,
    x: { label: "seconds", range: [0, SECONDS] },
    over: (g, place) => {
      const t = timeOf(stage);
      sweep(g, place, t);
      options.over?.(g, place, t);
    },
  });
  view.canvas.addEventListener("pointerleave", () => stage.setCursor(null));
  view.canvas.addEventListener("blur", () => stage.setCursor(null));
  return view;
}

export function pushPlot(stage) {
  const paint = (k, value) => {
    const drawing = Array.from(stage.derived.x, (v) => Math.max(-1, Math.min(1, v)));
    drawing[k] = Number(Math.max(-1, Math.min(1, value)).toFixed(2));
    stage.set({ input: "drawn", drawing });
  };
  const range = () => {
    const most = Math.max(1, stage.derived.run.most.x, stage.derived.other?.most.x ?? 0);
    return most > 1 ? symmetric(most) : [-1.1, 1.1];
  };
  const steps = ({ t, x }, more) => ({ x: t, y: x, kind: "steps", ...more });
  return timePlot(stage, {
    name: "input",
    title: "the push: draw your own",
    symbol: ["x", "x"],
    y: { label: "newton", range },
    series: () => [
      steps(stage.derived.run, { kind: "area", colour: stage.theme.symbol.x, faint: true, quiet: true }),
      steps(stage.derived.run, { name: stage.derived.other ? "this past" : "x", colour: stage.theme.symbol.x }),
      stage.derived.other &&
        steps(stage.derived.other, { name: "another past", colour: stage.theme.runs[1], dash: [5, 4] }),
    ],
    paint: { from: 0, to: SECONDS, count: HELD, get: (k) => stage.derived.x[k], set: paint },
    over: (g, place, t) => ball(g, place, t, stage.derived.run.x[indexOf(stage)], stage.theme.symbol.x, 6),
  });
}

export function outputPlot(stage) {
  return timePlot(stage, {
    name: "output",
    title: "the output",
    symbol: ["y", "y"],
    y: {
      label: "y = C h + D x",
      range: () => symmetric(Math.max(stage.derived.run.most.y, stage.derived.other?.most.y ?? 0)),
    },
    series: () => {
      const { run: got, other } = stage.derived;
      const fading = other || stage.values.D ? null : envelope(stage);
      return [
        stage.values.D !== 0 && {
          name: "from the state: C h",
          x: got.t,
          y: got.seen,
          colour: stage.theme.symbol.C,
          dash: [2, 3],
        },
        fading && {
          name: "what a pole leaves: e^(Re λ t)",
          x: fading.t,
          y: fading.size,
          colour: stage.theme.symbol.A,
          dash: [2, 3],
        },
        fading && {
          x: fading.t,
          y: fading.size.map((v) => -v),
          colour: stage.theme.symbol.A,
          dash: [2, 3],
          quiet: true,
        },
        { name: "y", x: got.t, y: got.y, colour: stage.theme.text },
        other && { name: "y after another past", x: other.t, y: other.y, colour: stage.theme.runs[1], dash: [5, 4] },
      ];
    },
    front: (g, place) => sharedMoment(g, place, stage),
    handles: () => (stage.values.twin && stage.values.write ? [momentHandle(stage)] : []),
    over: (g, place, t) => ball(g, place, t, stage.derived.run.y[indexOf(stage)], stage.theme.text, 6),
  });
}

/** From here on both outputs are one. */
function sharedMoment(g, { box, x, theme }, stage) {
  if (!stage.derived.other) return;
  const at = x(stage.values.now);
  g.fillStyle = theme.symbol.h;
  g.globalAlpha = 0.1;
  g.fillRect(at, box.top, box.right - at, box.bottom - box.top);
  g.globalAlpha = 1;
  g.textAlign = "left";
  g.fillText("same state: same future", at + 12, box.bottom - 9);
}

function momentHandle(stage) {
  return {
    x: stage.values.now,
    y: 0,
    label: "the shared moment",
    shape: "square",
    colour: stage.theme.symbol.h,
    step: [HOLD, 0],
    move: (x) => stage.set({ now: Math.max(1, Math.min(11, Math.round(x / HOLD) * HOLD)) }),
  };
}
