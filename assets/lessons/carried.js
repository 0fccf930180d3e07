// What two networks carry on, every number a cell of the same size: a cache that grows, a state that does not.

import { Heat } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { count } from "../canvas/words.js";

const GAP = 26; // px between cache and state
const TOP = 20;

/**
 * options: cache(stage): { data(row, token), rows, columns, most }: what is kept of each token
 *          state(stage, t): { data: numbers kept after token t, rows, most }, filled column by column
 */
export class Carried extends Figure {
  constructor(stage, options) {
    super(stage, { height: 150, ...options });
    [this.kept, this.small] = [new Heat(), new Heat()];
  }

  get now() {
    return Math.floor(this.stage.cursor ?? this.options.cache(this.stage).columns - 1);
  }

  paint() {
    const cache = this.options.cache(this.stage);
    this.fill(this.kept, cache, cache.columns, cache.data);
  }

  overlay(g, size) {
    const { stage, options } = this;
    const { width, height } = size;
    g.font = `11px ${stage.theme.font}`;
    g.textBaseline = "middle";
    const { theme } = stage;
    const t = this.now;
    const cache = options.cache(stage);
    const state = options.state(stage, t);
    const across = Math.ceil(state.data.length / state.rows);
    const cell = [(width - GAP - 12) / (cache.columns + across), (height - TOP - 4) / cache.rows];
    const left = 4 + cache.columns * cell[0] + GAP;
    const seen = Math.min(t + 1, cache.columns);
    this.kept.draw(
      g,
      { left: 4, right: 4 + seen * cell[0], top: TOP, bottom: TOP + cache.rows * cell[1] },
      0,
      seen,
      size.ratio,
    );
    this.fill(this.small, state, across, (r, c) => state.data[c * state.rows + r] ?? 0);
    this.small.draw(
      g,
      { left, right: left + across * cell[0], top: TOP, bottom: TOP + state.rows * cell[1] },
      0,
      across,
      size.ratio,
    );
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    g.strokeRect(3.5, TOP - 0.5, cache.columns * cell[0] + 1, cache.rows * cell[1] + 1);
    g.strokeStyle = theme.runs[0];
    g.strokeRect(left - 0.5, TOP - 0.5, across * cell[0] + 1, state.rows * cell[1] + 1);
    g.textAlign = "left";
    g.fillStyle = theme.runs[1];
    const numbers = (t + 1) * cache.rows;
    g.fillText(
      width < 560 ? `cache ${count(numbers)}` : `KV cache: ${t + 1} × ${cache.rows} = ${count(numbers)} numbers`,
      4,
      10,
    );
    g.fillStyle = theme.runs[0];
    g.fillText(width < 560 ? `state ${state.data.length}` : `state: ${state.data.length} numbers, always`, left, 10);
    g.fillStyle = theme.faint;
    if (width >= 560) g.fillText(options.words, left, TOP + state.rows * cell[1] + 14);
  }

  fill(heat, { rows, most }, columns, value) {
    heat.fill(rows, columns, this.stage.theme.signed, (r, c) =>
      Math.round(127.5 + 127.5 * Math.max(-1, Math.min(1, value(r, c) / most))),
    );
  }

  point(x) {
    const { columns } = this.options.cache(this.stage);
    const across = Math.ceil(this.options.state(this.stage, 0).data.length / this.options.state(this.stage, 0).rows);
    const t = Math.floor((x - 4) / ((this.size.width - GAP - 12) / (columns + across)));
    if (t >= 0 && t < columns) this.stage.setCursor(t);
  }

  key(event) {
    return this.stage.cursorKey(event, this.options.cache(this.stage).columns);
  }

  inWords() {
    const { rows } = this.options.cache(this.stage);
    const { data } = this.options.state(this.stage, this.now);
    return `After token ${this.now + 1} the cache holds ${(this.now + 1) * rows} numbers, the state ${data.length}`;
  }

  table() {
    const { rows, columns } = this.options.cache(this.stage);
    const { data } = this.options.state(this.stage, 0);
    return [
      ["token", "numbers in the cache", "numbers in the state"],
      ...Array.from({ length: columns }, (_, t) => [t + 1, (t + 1) * rows, data.length]),
    ];
  }
}
