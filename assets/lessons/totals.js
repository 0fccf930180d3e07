// The four ways to do it side by side: bytes moved forward and backward, bytes that wait. A click chooses one.

import { placeOn } from "../canvas/dom.js";
import { Figure } from "../canvas/figure.js";
import { kept, moved } from "../maths/memory.js";

const WAYS = [
  { words: "three kernels, keep all", fused: false, recompute: false },
  { words: "three kernels, recompute", fused: false, recompute: true },
  { words: "one kernel, keep h", fused: true, recompute: false },
  { words: "one kernel, recompute h", fused: true, recompute: true },
];
const ROW = 50;

/** options: gigabytes(bytes): words */
export class Totals extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, height: WAYS.length * ROW + 6, press: true });
  }

  read() {
    const { values } = this.stage;
    return WAYS.map((way) => {
      const setting = { ...values, ...way };
      return { ...way, forward: moved(setting, "forward"), backward: moved(setting, "backward"), kept: kept(setting) };
    });
  }

  paint(g, { width }) {
    const { stage } = this;
    const { theme, values } = stage;
    const ways = this.read();
    const most = Math.max(...ways.map(({ forward, backward }) => forward + backward));
    const scale = (width - 24) / most;
    ways.forEach((way, i) => {
      const y = i * ROW + 4;
      const chosen = way.fused === values.fused && way.recompute === values.recompute;
      g.strokeStyle = chosen ? theme.primary : theme.grid;
      g.lineWidth = chosen ? 2 : 1;
      g.beginPath();
      g.roundRect(2, y, width - 4, ROW - 6, 6);
      g.stroke();
      g.font = `${chosen ? "600 " : ""}12px ${theme.font}`;
      g.textAlign = "left";
      g.fillStyle = theme.text;
      g.fillText(way.words, 10, y + 12);
      const { gigabytes } = this.options;
      g.textAlign = "right";
      g.fillText(`${gigabytes(way.forward)} + ${gigabytes(way.backward)}`, width - 10, y + 12);
      g.fillStyle = theme.symbol.h;
      g.fillRect(10, y + 22, Math.max(1.5, way.forward * scale), 7);
      g.fillStyle = theme.symbol.B;
      g.fillRect(10 + way.forward * scale, y + 22, Math.max(1.5, way.backward * scale), 7);
      g.fillStyle = theme.faint;
      g.font = `11px ${theme.font}`;
      g.textAlign = "left";
      g.fillText(
        way.kept ? `${gigabytes(way.kept)} wait in HBM for the backward` : "nothing waits but inputs and y",
        10,
        y + 37,
      );
    });
    this.showKeys([
      { name: "forward", colour: theme.symbol.h },
      { name: "backward", colour: theme.symbol.B },
    ]);
  }

  choose(i) {
    const { fused, recompute } = WAYS[Math.max(0, Math.min(WAYS.length - 1, i))];
    this.stage.set({ fused, recompute });
    this.stage.commit();
  }

  listen() {
    super.listen();
    this.canvas.addEventListener("click", (event) => {
      this.choose(Math.floor(placeOn(this.canvas, event)[1] / ROW));
    });
  }

  key(event) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by) return false;
    const { fused, recompute } = this.stage.values;
    this.choose(WAYS.findIndex((way) => way.fused === fused && way.recompute === recompute) + by);
    return true;
  }

  inWords() {
    const { gigabytes } = this.options;
    return this.read()
      .map(
        ({ words, forward, backward, kept: waits }) =>
          `${words}: ${gigabytes(forward)} forward, ${gigabytes(backward)} backward, ${gigabytes(waits)} wait`,
      )
      .join("; ");
  }

  table() {
    return [
      ["way", "forward bytes", "backward bytes", "bytes that wait"],
      ...this.read().map(({ words, forward, backward, kept: waits }) => [words, forward, backward, waits]),
    ];
  }
}
