// A lesson that uses every figure of the kit once.
import { Bars } from "../canvas/bars.js";
import { Matrix } from "../canvas/matrix.js";
import { Plot } from "../canvas/plot.js";
import { Tokens } from "../canvas/tokens.js";

export function build(stage) {
  stage.derive("wave", ({ rate }) => {
    const x = Float64Array.from({ length: 101 }, (_, i) => i / 10);
    return { x, y: x.map((t) => Math.exp(-rate * t) * Math.cos(3 * t)) };
  });
  const wave = new Plot(stage, {
    name: "wave", title: "Wave", symbol: ["h", "h"], height: 200, cursor: true,
    x: { label: "time" }, y: { label: "size", range: [-1, 1] },
    series: ({ derived, theme }) => [{ name: "wave", colour: theme.symbol.h, ...derived.wave }],
    over: (g, { x, y, theme, box }) => {
      g.fillStyle = theme.symbol.x;
      g.beginPath();
      g.arc(x(stage.clock), (box.top + box.bottom) / 2, 4, 0, 7);
      g.fill();
    },
  });
  const plane = new Plot(stage, {
    name: "plane", title: "Plane", height: 200, equal: true,
    x: { range: [-2, 2] }, y: { range: [-2, 2] },
    handles: ({ values }) => [{
      x: values.rate, y: values.speed, label: "pole", step: [0.1, 0.1],
      move: (rate, speed) => stage.set({ rate: Math.max(0, Math.min(2, rate)), speed: Math.max(-2, Math.min(2, speed)) }),
    }],
  });
  const bars = new Bars(stage, {
    name: "paint", title: "Step", symbol: ["delta", "Δ"], control: "delta", low: 0, high: 1, height: 120,
    label: (i) => "abcdefgh"[i], hatched: (i) => i % 2 === 1,
  });
  const tokens = new Tokens(stage, {
    name: "tokens", title: "Tokens", judged: true, press: (i) => stage.set({ delta: stage.values.delta.map((d, j) => (i === j ? 1 : d)) }),
    strips: [{ words: "read", tokens: ({ values }) => values.delta.map((d, i) => ({ label: "abcdefgh"[i], index: i, kind: i % 2 ? "noise" : "data", right: i % 2 ? undefined : d > 0.5 })) }],
  });
  const heat = new Matrix(stage, {
    name: "heat", title: "State", tokens: true, height: 90,
    values: ({ values }) => [values.delta, values.delta.map((d) => -d)],
  });
  const matrix = new Matrix(stage, {
    name: "matrix", title: "Matrix", height: 120, control: "entries", low: -2, high: 2,
    values: ({ values: { entries } }) => [entries.slice(0, 2), entries.slice(2)],
  });
  return {
    rows: [[wave, plane], [tokens], [bars], { views: [heat, matrix], shares: [2, 1] }],
    widths: ({ values }) => (values.clock ? values.delta.map((d) => 0.1 + d) : undefined),
    readouts: ({ values, theme }) => [["rate", values.rate.toFixed(2), "A"], ["painted", values.delta.reduce((a, b) => a + b, 0).toFixed(2), "delta"]],
    say: ({ values }) => `The rate is ${values.rate.toFixed(2)}.`,
    animate: { length: 10, loop: true },
  };
}
