// The pictures of diagonal systems in the lesson on S4: poles that can be dragged, and the kernels of four starts.

import { line } from "../canvas/draw.js";
import { Plot } from "../canvas/plot.js";
import { number } from "../canvas/words.js";
import { initialPoles } from "../maths/s4d.js";
import { INITS, L, STEPS, count, largest, training } from "./structured_kernels.js";
import { runner } from "./structured_views.js";

const MOVABLE = 32; // poles, as in ssmviz/lessons/structured.py

export function spectrumView(stage) {
  const poles = () => stage.derived.diagonal.poles;
  const top = () => Math.max(10, ...initialPoles(stage.values.init, count(stage)).im, ...(training(stage)?.im ?? []));
  return new Plot(stage, {
    name: "spectrum",
    title: "poles of the diagonal system",
    symbol: ["A", "A"],
    height: 230,
    x: { label: "Re λ: forgetting", range: () => [1.05 * Math.min(...leftmost(stage)), 1] },
    y: { label: "Im λ: ringing", range: () => [-0.08 * top(), 1.12 * top()] },
    backdrop: (g, { box, x, y, theme }) => {
      g.fillStyle = theme.runs[1];
      g.globalAlpha = 0.08;
      g.fillRect(x(0), box.top, box.right - x(0), box.bottom - box.top);
      g.globalAlpha = 1;
      paths(g, stage, x, y);
    },
    series: () => {
      const { theme, values } = stage;
      const start = initialPoles(values.init, count(stage));
      const learned = training(stage);
      return [
        { name: "start", kind: "dots", colour: theme.text, faint: true, x: start.re, y: start.im, width: 2 },
        learned && {
          name: "after training",
          kind: "dots",
          colour: theme.runs[1],
          x: learned.re,
          y: learned.im,
          width: 2.5,
        },
        !learned && {
          name: "now",
          quiet: true,
          kind: "dots",
          colour: theme.symbol.A,
          x: poles().re,
          y: poles().im,
          width: 2,
        },
      ];
    },
    handles: () =>
      Array.from({ length: training(stage) ? 0 : Math.min(MOVABLE, count(stage)) }, (_, n) => ({
        x: poles().re[n],
        y: poles().im[n],
        label: `pole ${n}`,
        shape: "cross",
        colour: stage.theme.symbol.A,
        step: [0.05, top() / 100],
        move: (x, y) => move(stage, n, x, y),
      })),
    note: () => {
      if (training(stage)) return "moved by 300 steps of Adam";
      return stage.values.init === "real" ? "drag one; all are real" : "drag one; conjugates are not drawn";
    },
    rows: () => [["pole", "Re", "Im"], ...Array.from(poles().re, (re, n) => [n, re, poles().im[n]])],
  });
}

const leftmost = (stage) => [
  stage.values.init === "real" ? -stage.values.N - 1 : -4,
  ...stage.derived.diagonal.poles.re,
  ...(training(stage)?.re ?? []),
];

/** From where the poles started to where training has brought them. */
function paths(g, stage, x, y) {
  const learned = training(stage);
  if (!learned) return;
  const start = initialPoles(stage.values.init, count(stage));
  g.strokeStyle = stage.theme.runs[1];
  g.lineWidth = 1;
  for (let n = 0; n < learned.re.length; n++)
    line(g, x(start.re[n]), y(start.im[n]), x(learned.re[n]), y(learned.im[n]));
}

function move(stage, n, x, y) {
  const { init, moved: before } = stage.values;
  const start = initialPoles(init, count(stage));
  const moved = [...before];
  moved[2 * n] = Math.round(100 * (x - start.re[n])) / 100;
  moved[2 * n + 1] = init === "real" ? 0 : Math.round(100 * (y - start.im[n])) / 100;
  stage.set({ moved });
}

export function modesView(stage) {
  return new Plot(stage, {
    name: "modes",
    title: "its kernel: one decaying wave per pole, summed",
    symbol: ["y", "y"],
    height: 230,
    x: { label: "step l", range: [0, L - 1] },
    series: () => {
      const { rows, K } = stage.derived.diagonal;
      const { theme } = stage;
      const learned = training(stage);
      if (learned)
        return [
          { name: "wanted: a delay of 128 steps", colour: theme.text, dash: [2, 4], x: STEPS, y: learned.wanted },
          { name: "after training", colour: theme.runs[1], x: STEPS, y: learned.K, width: 2.5 },
        ];
      const waves = rows.slice(0, 12).map((y, n) => ({
        name: `wave ${n}`,
        quiet: true,
        faint: true,
        width: 1,
        colour: theme.symbol.A,
        x: STEPS,
        y,
      }));
      return [...waves, { name: "kernel", colour: theme.symbol.A, x: STEPS, y: K, width: 2.5 }];
    },
    over: (g, place) => {
      const learned = training(stage);
      runner(
        g,
        place,
        stage,
        learned?.K ?? stage.derived.diagonal.K,
        learned ? stage.theme.runs[1] : stage.theme.symbol.A,
      );
    },
    note: () => `${INITS[stage.values.init]}, ${count(stage)} ${stage.values.init === "real" ? "real poles" : "pairs"}`,
  });
}

export function galleryView(stage, init, i) {
  const K = () => {
    const { K: kernel } = stage.derived.gallery[i];
    const most = largest(kernel) || 1;
    return kernel.map((v) => v / most);
  };
  return new Plot(stage, {
    name: `gallery-${init}`,
    title: INITS[init],
    height: 110,
    x: { range: [0, L - 1], ticks: [0, 128, 255] },
    y: { label: null, range: [-1.1, 1.1], ticks: [0] },
    series: () => [
      {
        name: "kernel",
        quiet: true,
        colour: stage.theme.symbol.A,
        faint: stage.values.init !== init,
        x: STEPS,
        y: K(),
        width: 2,
      },
    ],
    note: () => `largest ${number(largest(stage.derived.gallery[i].K))}`,
  });
}
