// What the gate's pictures share: a strip with its questions, the brush that paints Delta, and the scores.

import { Bars } from "../canvas/bars.js";
import { columnAt, line } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { mix } from "../canvas/theme.js";
import { Tokens } from "../canvas/tokens.js";
import { number, percent } from "../canvas/words.js";
import { CLASSES, classOf, kindOf, NOTHING } from "../maths/strips.js";

const FLOOR = 0.06; // of a bar's height: below it, the brush paints 0

/** Tokens and questions as `Tokens` draws them. words: of the classes; fillers: of noise tokens, one after another. */
export function read(strip, questions, words, fillers = [""]) {
  let noise = 0;
  const tokens = Array.from(strip, (token) => {
    const kind = kindOf(token);
    const index = classOf(token);
    if (kind === "letter") return { label: words[index], index, kind: "data" };
    if (kind === "junk") return { label: token, index, kind: "data", faint: true };
    if (kind === "boundary") return { label: "|", kind: "marker" };
    return { label: fillers[noise++ % fillers.length], kind: "noise" };
  });
  return [...tokens, ...Array.from({ length: questions }, () => ({ label: "?", kind: "marker" }))];
}

/** What the questions answered, below them. */
export function said(strip, answers, targets, words) {
  const found = Array.from(answers, (k, j) =>
    k === NOTHING
      ? { label: "–", kind: "marker", right: false }
      : { label: words[k], index: k, kind: "data", right: k === targets[j] },
  );
  return [...Array.from(strip, () => ({ kind: "empty" })), ...found];
}

/** Tokens whose noise may have words, too; the cursor leaves empty cells alone. */
export class Strip extends Tokens {
  overlay(g) {
    const all = this.strips;
    this.strips = all?.map((row) => ({ ...row, tokens: row.tokens[this.stage.cursor]?.kind === "empty" ? [] : row.tokens }));
    super.overlay(g);
    this.strips = all;
  }

  cell(g, theme, token, from, to, top) {
    super.cell(g, theme, token, from, to, top);
    if (token.kind !== "noise" || !token.label || g.measureText(token.label).width > to - from - 2) return;
    g.fillStyle = theme.faint;
    g.textAlign = "center";
    g.fillText(token.label, (from + to) / 2, top + 11.5);
  }
}

/**
 * Delta per token, painted. options, beside those of `Bars`: strip(stage), delta(stage): what is painted, without the
 * questions that `values` has, too; brush(stage): "kind", "place" or "all"; hint(stage): { at, words } says what to do.
 */
export class Brush extends Bars {
  get box() {
    return { ...super.box, bottom: this.size.height - 10 };
  }

  scale(box) {
    const { y, of } = super.scale(box);
    const floor = box.bottom - FLOOR * (box.bottom - box.top);
    return { y, of: (py) => (py > floor ? 0 : of(py)) };
  }

  paint(g, size) {
    super.paint(g, size);
    const { box, options } = this;
    if (!options.log) return;
    g.fillStyle = this.stage.theme.faint;
    g.textAlign = "right";
    g.fillText("0", box.left - 6, box.bottom);
    g.fillText(String(options.high), box.left - 6, box.top);
  }

  overlay(g) {
    super.overlay(g);
    const hint = this.options.hint?.(this.stage);
    if (!hint || this.held !== undefined) return;
    const { box, stage } = this;
    g.font = `600 12px ${stage.theme.font}`;
    g.textBaseline = "middle";
    const edges = stage.edges(box, this.values.length);
    const [x, y] = [(edges[hint.at] + edges[hint.at + 1]) / 2, this.scale(box).y(this.values[hint.at])];
    const wide = g.measureText(hint.words).width + 30;
    g.fillStyle = stage.theme.text;
    g.beginPath();
    g.roundRect(x - wide / 2, y - 30, wide, 22, 11);
    g.fill();
    g.fillStyle = stage.theme.background;
    g.textAlign = "left";
    g.fillText(hint.words, x - wide / 2 + 22, y - 19);
    g.textAlign = "center";
    g.fillText("↓", x - wide / 2 + 13, y - 19);
    g.strokeStyle = stage.theme.text;
    g.lineWidth = 2;
    line(g, x, y - 8, x, y + 16);
    line(g, x - 5, y + 10, x, y + 16);
    line(g, x + 5, y + 10, x, y + 16);
  }

  /** Down to the edge of the picture: 0 is where people aim. */
  grab(x, y) {
    return super.grab(x, Math.min(y, this.size ? this.box.bottom : y));
  }

  /** A stroke moves all tokens of the kind on which it began. */
  trace(held, x, y) {
    const { stage, box } = this;
    const painted = this.options.delta(stage);
    if (this.options.brush(stage) === "place") return void super.trace(held, x, y);
    const i = Math.min(painted.length - 1, columnAt(stage.edges(box, this.values.length), x));
    this.begun ??= i;
    stage.setCursor(i);
    this.spread(this.begun, this.scale(box).of(y));
  }

  drop() {
    super.drop();
    this.begun = undefined;
  }

  put(values) {
    const before = this.options.delta(this.stage);
    const brush = this.options.brush(this.stage);
    const i = before.findIndex((d, t) => values[t] !== d);
    if (i < 0) return;
    if (brush === "place") this.store(values.slice(0, before.length));
    else this.spread(i, values[i]);
  }

  spread(i, value) {
    const strip = this.options.strip(this.stage);
    const every = this.options.brush(this.stage) === "all";
    const like = (t) => every || kindOf(strip[t]) === kindOf(strip[i]);
    this.store(this.options.delta(this.stage).map((d, t) => (like(t) ? value : d)));
  }

  /** By kind: all values of one kind are mostly the same. */
  inWords() {
    const { stage, options } = this;
    const strip = options.strip(stage);
    const of = {};
    options.delta(stage).forEach((d, t) => (of[kindOf(strip[t])] ??= []).push(d));
    const said = Object.entries(of).map(([kind, ds]) => {
      const [low, high] = [Math.min(...ds), Math.max(...ds)];
      return `${ds.length} × ${kind}: ${low === high ? number(low) : `${number(low)} to ${number(high)}`}`;
    });
    return `${said.join("; ")}. Arrow keys left and right choose a token, up and down paint it.`;
  }

  store(values) {
    this.stage.set({ [this.options.control]: values.map((d) => Number(Math.max(0, d).toFixed(3))) });
  }
}

/** Where the hint stands while nothing is painted yet: in the middle of the longest run of tokens that only cost. */
export function hintAt(strip, delta) {
  if (delta.some((d) => d !== delta[0])) return undefined;
  let [best, from, longest] = [0, 0, 0];
  for (let t = 0; t <= strip.length; t++)
    if (t === strip.length || !["noise", "junk"].includes(kindOf(strip[t]))) {
      if (t - from > longest) [best, longest] = [(from + t) / 2, t - from];
      from = t + 1;
    }
  return Math.floor(best);
}

/** Shares as bars with their names. options: scores(stage): [{ words, value, colour, outlined }], most of them, row: px. */
export class Scores extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, height: 22 + options.row * options.most });
  }

  paint(g, { width }) {
    const { theme } = this.stage;
    const { row } = this.options;
    const half = Math.min(12, row / 3);
    const scores = this.options.scores(this.stage);
    g.font = `12px ${theme.font}`;
    const left = 12 + Math.max(...scores.map(({ words }) => g.measureText(words).width));
    const right = width - 56;
    const x = (value) => left + value * (right - left);
    scores.forEach(({ words, value, colour, outlined }, i) => {
      const middle = 4 + row * (i + 0.5);
      g.textAlign = "right";
      g.fillStyle = theme.text;
      g.fillText(words, left - 8, middle);
      g.fillStyle = mix(theme.background, theme.text, 0.08);
      g.fillRect(left, middle - half, right - left, 2 * half);
      g.fillStyle = g.strokeStyle = colour;
      g.lineWidth = 2;
      if (outlined) g.strokeRect(left + 1, middle - half + 1, Math.max(0, x(value) - left - 2), 2 * half - 2);
      else g.fillRect(left, middle - half, x(value) - left, 2 * half);
      g.textAlign = "left";
      g.fillStyle = theme.text;
      g.fillText(percent(value), right + 6, middle);
    });
    const chance = x(1 / CLASSES);
    const bottom = 4 + row * scores.length;
    g.strokeStyle = g.fillStyle = theme.faint;
    g.lineWidth = 1;
    g.setLineDash([3, 3]);
    line(g, chance, 2, chance, bottom + 3);
    g.setLineDash([]);
    g.font = `11px ${theme.font}`;
    g.textAlign = "center";
    g.fillText("guessing", chance, bottom + 10);
  }

  inWords() {
    const scores = this.options.scores(this.stage);
    return [...scores.map(({ words, value }) => `${words}: ${percent(value)}`), `guessing: ${percent(1 / CLASSES)}`].join("; ");
  }

  table() {
    return [["who", "recalled"], ...this.options.scores(this.stage).map(({ words, value }) => [words, value])];
  }
}

/** Lets the cursor read the strip until somebody else moves it: for `before` and `animate` of a scene. */
export class Reading {
  constructor(tokens, perToken = 0.3) {
    this.tokens = tokens;
    this.perToken = perToken;
    this.length = (stage) => tokens(stage) * perToken;
  }

  advance(stage, changes) {
    if (!stage.playing) return void (this.at = undefined);
    if (this.at !== undefined && stage.cursor !== this.at) {
      this.at = undefined;
      stage.play(false);
      return;
    }
    const at = Math.min(this.tokens(stage) - 1, Math.floor(stage.clock / this.perToken));
    if (at !== stage.cursor) changes.add("cursor");
    stage.cursor = this.at = at;
  }
}
