// A strip of tokens, aligned with the bars and matrices of the same stage.

import { placeOn } from "./dom.js";
import { columnAt, frame, GUTTER, hatch, verdict } from "./draw.js";
import { TokenFigure } from "./figure.js";
import { inkOn, mix, OKABE_ITO } from "./theme.js";

const CELL = 22;

/**
 * options, beside a view's name, title, note, describe, rows, follows:
 *   strips: [{ words, tokens(stage): [{ label, index, kind: "data" | "noise" | "marker" | "empty", right, faint }] }]
 *       `index` gives the colour of a data token; `right` (true, false) a tick or a cross below; `words` stand at the left
 *   judged: true leaves room for ticks and crosses
 *   press(i, row, stage): a token was pressed (Enter and Space at the cursor, too)
 *   key(event, stage): return true when it was meant for the strip
 */
export class Tokens extends TokenFigure {
  constructor(stage, options) {
    const high = 8 + options.strips.length * (CELL + 4) + (options.judged ? 14 : 0);
    super(stage, { ...options, height: high });
    this.canvas.classList.toggle("still", !options.press);
  }

  get count() {
    return this.strips?.[0].tokens.length ?? 1;
  }

  paint(g) {
    const { stage, options, box } = this;
    const { theme } = stage;
    this.strips = options.strips.map(({ words, tokens }) => ({ words, tokens: tokens(stage) }));
    this.strips.forEach(({ words, tokens }, row) => {
      const top = box.top + row * (CELL + 4);
      g.textAlign = "right";
      g.fillStyle = theme.faint;
      g.fillText(words ?? "", box.left - 6, top + CELL / 2);
      const edges = stage.edges(box, tokens.length);
      tokens.forEach((token, i) => this.cell(g, theme, token, edges[i], edges[i + 1], top));
    });
  }

  cell(g, theme, { label = "", index = 0, kind = "data", right, faint }, from, to, top) {
    const gap = to - from > 5 ? 1 : 0;
    const [x, wide] = [from + gap / 2, Math.max(0.75, to - from - gap)];
    if (kind === "empty") return;
    g.globalAlpha = faint ? 0.35 : 1;
    if (kind === "noise") hatch(g, x, top, wide, CELL, theme.noise, 4);
    else {
      const fill = kind === "data" ? tokenColour(index) : mix(theme.background, theme.text, 0.75);
      g.fillStyle = fill;
      g.fillRect(x, top, wide, CELL);
      g.fillStyle = inkOn(fill);
      g.textAlign = "center";
      if (g.measureText(label).width < wide) g.fillText(label, x + wide / 2, top + CELL / 2 + 0.5);
    }
    g.globalAlpha = 1;
    if (right !== undefined) verdict(g, theme, right, x + wide / 2, top + CELL + 8, Math.min(10, Math.max(4, wide - 2)));
  }

  overlay(g) {
    const { stage, box } = this;
    if (stage.cursor === null) return;
    this.strips?.forEach(({ tokens }, row) => {
      const c = Math.floor(stage.cursor);
      if (c >= tokens.length) return;
      const edges = stage.edges(box, tokens.length);
      const colour = this.focused ? stage.theme.primary : stage.theme.text;
      frame(g, stage.theme, colour, edges[c], box.top + row * (CELL + 4), edges[c + 1] - edges[c], CELL);
    });
  }

  at(x, y) {
    const row = Math.max(0, Math.min(this.strips.length - 1, Math.floor((y - this.box.top) / (CELL + 4))));
    return [columnAt(this.stage.edges(this.box, this.strips[row].tokens.length), x), row];
  }

  point(x, y) {
    if (this.strips && x >= GUTTER - 6) this.stage.setCursor(this.at(x, y)[0]);
  }

  listen() {
    super.listen();
    this.canvas.addEventListener("click", (event) => {
      const [x, y] = placeOn(this.canvas, event);
      if (!this.strips || !this.options.press || x < GUTTER) return;
      const [i, row] = this.at(x, y);
      this.options.press(i, row, this.stage);
      this.stage.commit();
    });
  }

  key(event) {
    const { stage, options } = this;
    if (options.key?.(event, stage)) {
      stage.commit();
      return true;
    }
    if (options.press && (event.key === "Enter" || event.key === " ") && stage.cursor !== null) {
      options.press(Math.floor(stage.cursor), 0, stage);
      stage.commit();
      return true;
    }
    return super.key(event);
  }

  inWords() {
    return (this.strips ?? [])
      .map(({ words, tokens }) => `${words ?? "tokens"}: ${tokens.map(spoken).join(" ")}`)
      .join(". ");
  }

  table() {
    const rows = this.strips ?? [];
    return [["row", "position", "token", "kind", "right"], ...rows.flatMap(({ words, tokens }) => tokens.map((t, i) => [words, i, t.label, t.kind ?? "data", t.right ?? ""]))];
  }
}

/** Colour of a class of data tokens. */
export function tokenColour(index) {
  const round = Math.floor(index / OKABE_ITO.length) % 2;
  const colour = OKABE_ITO[index % OKABE_ITO.length];
  return round ? mix(colour, "#000000", 0.45) : colour;
}

function spoken({ label, kind, right }) {
  const word = kind === "noise" ? "noise" : kind === "empty" ? "" : label;
  return right === undefined ? word : `${word} ${right ? "right" : "wrong"}`;
}
