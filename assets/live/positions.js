// Accuracy answer by answer, at the step shown.

import { DASHES, Plot } from "./curves.js";
import { axisBottom, axisLeft, scale } from "../canvas/draw.js";
import { percent } from "../canvas/words.js";

/** Accuracy of each answer at the step shown: which data tokens are remembered. */
export class PositionBars extends Plot {
  constructor(lab) {
    super(lab, { name: "positions", title: "Accuracy per answer", needs: ["metrics", "frame"] });
  }

  values() {
    return this.lab.store.runs.map((run) => run.scores(this.lab.view.step)?.position_accuracy ?? []);
  }

  note() {
    return "first to last · dotted: chance";
  }

  paint(g) {
    const { theme } = this.lab;
    const { box } = this;
    const y = scale(0, 1, box.bottom, box.top);
    axisLeft(g, theme, box, [0, 0.5, 1], y, (v) => `${100 * v} %`);
    const values = this.values();
    const slots = Math.max(1, ...values.map((v) => v.length));
    const wide = (box.right - box.left) / slots;
    const bar = Math.min(22, Math.max(1, (wide - 3) / Math.max(1, values.length)));
    values.forEach((bars, i) =>
      bars.forEach((value, slot) => {
        const x = box.left + (slot + 0.5) * wide + (i - values.length / 2) * bar;
        g.fillStyle = theme.runs[i % theme.runs.length];
        g.globalAlpha = i ? 0.45 : 1;
        g.fillRect(x, y(value), Math.max(1, bar - 1), box.bottom - y(value));
        g.globalAlpha = 1;
        g.strokeStyle = theme.runs[i % theme.runs.length];
        g.setLineDash(DASHES[i % DASHES.length]);
        g.lineWidth = 1;
        if (bar > 3) g.strokeRect(x + 0.5, y(value), bar - 2, box.bottom - y(value));
        g.setLineDash([]);
      }),
    );
    this.chanceLine(g, box, y, "");
    const ticks = [...Array(slots).keys()].filter((s) => slots <= 12 || s % 4 === 0 || s === slots - 1);
    axisBottom(
      g,
      theme,
      box,
      ticks,
      (s) => box.left + (s + 0.5) * wide,
      (s) => String(s + 1),
    );
  }

  describe() {
    const { runs } = this.lab.store;
    return `${this.values()
      .map((v, i) => `${runs[i].record.label}: ${v.map(percent).join(", ") || "nothing yet"}`)
      .join("; ")}.`;
  }

  rows() {
    const values = this.values();
    const slots = Math.max(0, ...values.map((v) => v.length));
    return [
      ["answer", ...this.lab.store.runs.map((run) => run.record.label)],
      ...[...Array(slots).keys()].map((s) => [s + 1, ...values.map((v) => v[s] ?? "")]),
    ];
  }
}
