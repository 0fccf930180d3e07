// Numbers in rows and columns as colours, with the numbers themselves where there is room.

import { axisBottom, columnAt, frame, GUTTER, Heat, MARGIN } from "./draw.js";
import { Figure } from "./figure.js";
import { gradient, inkOn } from "./theme.js";
import { number } from "./words.js";
import { el, placeOn } from "./dom.js";

const ROOMY = 30; // px of a cell that its number needs
const CELL = 34; // px, largest cell of a square matrix

/**
 * options, beside a view's name, title, symbol, height, note, describe, rows, follows:
 *   values(stage): array of rows (arrays or typed arrays), row 0 on top; or { data, rows, columns } row by row
 *   colours: "signed" (blue, paper, orange; default) or "magnitude" (cividis)
 *   most: largest absolute value of the scale (default: of the data); a number or (stage) => number
 *   log: colours by log10 of the absolute value over `decades` (default 6) decades
 *   rowLabel(r), columnLabel(c): words at the sides; across: words of the axis below, down: words of the axis at the left
 *   cells: "square" (default for small ones) or "fill"; numbers: false to write none; words(v): a cell's number
 *   tokens: true: a column is a token, aligned with bars and tokens of the same stage, and the cursor is a column
 *   control: name of a Numbers control (rows joined) whose entries are dragged up and down; low, high: their limits, per: change per px
 *   press(r, c, stage): a cell was chosen
 *   mark(stage): [{ r, c, rows, columns, colour }] frames around cells
 */
export class Matrix extends Figure {
  constructor(stage, options) {
    super(stage, options);
    this.heat = new Heat();
    this.scaleBar = el("span", { class: "legend" });
    this.caption.insertBefore(this.scaleBar, this.noteNode);
    this.canvas.classList.toggle("still", !options.control && !options.press);
    this.chosen = [0, 0];
  }

  read() {
    const given = this.options.values(this.stage);
    const list = Array.isArray(given);
    this.R = list ? given.length : given.rows;
    this.C = list ? given[0].length : given.columns;
    this.at = list ? (r, c) => given[r][c] : (r, c) => given.data[r * given.columns + c];
    const { most } = this.options;
    this.most = (typeof most === "function" ? most(this.stage) : most) ?? this.largest();
  }

  largest() {
    let most = 0;
    for (let r = 0; r < this.R; r++)
      for (let c = 0; c < this.C; c++) {
        const size = Math.abs(this.at(r, c));
        if (size > most && Number.isFinite(size)) most = size;
      }
    return most || 1;
  }

  get box() {
    const { options, size } = this;
    const left = options.tokens ? GUTTER : options.rowLabel || options.down ? 34 : 6;
    const wide = size.width - left - MARGIN;
    const bottom = size.height - (options.across || options.columnLabel ? 20 : 4);
    const top = 4;
    const square = !options.tokens && (options.cells ?? (this.C <= 12 && this.R <= 12 ? "square" : "fill")) === "square";
    if (!square) return { left, right: left + wide, top, bottom };
    const cell = Math.min(CELL * (this.C < 4 ? 1.5 : 1), wide / this.C, (bottom - top) / this.R);
    return { left, right: left + cell * this.C, top, bottom: top + cell * this.R };
  }

  /** Index 0..255 of a value's colour. */
  shade(value) {
    const { colours = "signed", log, decades = 6 } = this.options;
    let share = Math.min(1, Math.abs(value) / this.most);
    if (log) share = share > 0 ? Math.max(0, 1 + Math.log10(share) / decades) : 0;
    if (!Number.isFinite(value)) return colours === "signed" ? 128 : 0;
    return Math.round(colours === "signed" ? 127.5 + 127.5 * Math.sign(value) * share : 255 * share);
  }

  paint(g, size) {
    this.read();
    const { stage, options, R, C, box } = this;
    const { theme } = stage;
    const table = options.colours === "magnitude" ? theme.magnitude : theme.signed;
    const edges = this.edges(box);
    const [high, wide] = [(box.bottom - box.top) / R, (box.right - box.left) / C];
    if (edges) {
      for (let r = 0; r < R; r++)
        for (let c = 0; c < C; c++) {
          g.fillStyle = css(table[this.shade(this.at(r, c))]);
          g.fillRect(edges[c], box.top + r * high, edges[c + 1] - edges[c] + 0.5, high + 0.5);
        }
    } else {
      this.heat.fill(R, C, table, (r, c) => this.shade(this.at(r, c)));
      this.heat.draw(g, box, 0, C, size.ratio);
    }
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    g.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left - 1, box.bottom - box.top - 1);
    if (options.numbers !== false && wide >= ROOMY && high >= 15) this.numbers(g, table, box, wide, high);
    this.labels(g, box, wide, high);
    this.bar(table);
  }

  numbers(g, table, box, wide, high) {
    const words = this.options.words ?? short;
    g.textAlign = "center";
    for (let r = 0; r < this.R; r++)
      for (let c = 0; c < this.C; c++) {
        g.fillStyle = inkOn(css(table[this.shade(this.at(r, c))]));
        g.fillText(words(this.at(r, c)), box.left + (c + 0.5) * wide, box.top + (r + 0.5) * high + 0.5);
      }
  }

  labels(g, box, wide, high) {
    const { options, stage } = this;
    const { theme } = stage;
    g.fillStyle = theme.faint;
    if (options.rowLabel) {
      const every = Math.ceil(13 / high);
      g.textAlign = "right";
      for (let r = 0; r < this.R; r += every) g.fillText(options.rowLabel(r), box.left - 5, box.top + (r + 0.5) * high);
    }
    if (options.columnLabel) {
      const columns = Array.from({ length: this.C }, (_, c) => c);
      axisBottom(g, theme, box, columns, (c) => box.left + (c + 0.5) * wide, options.columnLabel);
    }
    if (options.across) {
      g.textAlign = "right";
      g.fillText(options.across, box.right, box.bottom + 11);
    }
    if (options.down) {
      g.save();
      g.translate(options.rowLabel ? 6 : box.left - 10, (box.top + box.bottom) / 2);
      g.rotate(-Math.PI / 2);
      g.textAlign = "center";
      g.fillText(options.down, 0, 0);
      g.restore();
    }
  }

  /** The colour scale beside the title. */
  bar(table) {
    const { colours = "signed", log } = this.options;
    const words = `${colours} ${this.most} ${this.stage.theme.dark} ${log}`;
    if (words === this.barShown) return;
    this.barShown = words;
    const strip = el("i", { class: "bar", style: `background:${gradient(table)}` });
    const low = colours === "signed" ? `−${number(this.most)}` : log ? "tiny" : "0";
    this.scaleBar.replaceChildren(low, strip, number(this.most));
  }

  /** x of the columns' borders where tokens have widths of their own. */
  edges(box) {
    return this.options.tokens ? this.stage.edges(box, this.C) : undefined;
  }

  overlay(g) {
    if (!this.R) return;
    const { stage, box } = this;
    const { theme } = stage;
    const [high, wide] = [(box.bottom - box.top) / this.R, (box.right - box.left) / this.C];
    for (const { r, c, rows = 1, columns = 1, colour } of this.options.mark?.(stage) ?? [])
      frame(g, theme, colour ?? theme.text, box.left + c * wide, box.top + r * high, columns * wide, rows * high);
    if (this.focused && this.options.control) {
      const [r, c] = this.chosen;
      frame(g, theme, theme.primary, box.left + c * wide, box.top + r * high, wide, high);
    }
    if (this.options.tokens && stage.cursor !== null && stage.cursor < this.C) {
      const edges = this.edges(box) ?? [];
      frame(g, theme, theme.text, edges[stage.cursor], box.top, edges[stage.cursor + 1] - edges[stage.cursor], box.bottom - box.top);
    }
    this.options.over?.(g, { box, stage, theme, wide, high });
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  cellAt(x, y) {
    if (!this.R) return undefined;
    const { box } = this;
    if (x < box.left || x >= box.right || y < box.top || y >= box.bottom) return undefined;
    const r = Math.floor(((y - box.top) / (box.bottom - box.top)) * this.R);
    const edges = this.edges(box);
    const c = edges ? columnAt(edges, x) : Math.floor(((x - box.left) / (box.right - box.left)) * this.C);
    return [r, c];
  }

  grab(x, y) {
    if (!this.options.control) return undefined;
    const cell = this.cellAt(x, y);
    return cell && { cell, y, value: this.at(...cell) };
  }

  drag(held, x, y) {
    this.chosen = held.cell;
    this.change(held.cell, held.value + (held.y - y) * this.perPixel);
  }

  get perPixel() {
    const { per, low, high } = this.options;
    return per ?? (high - low) / 150;
  }

  change([r, c], value) {
    const { control, low, high } = this.options;
    const numbers = [...this.stage.values[control]];
    numbers[r * this.C + c] = Math.max(low, Math.min(high, value));
    this.stage.set({ [control]: numbers });
  }

  point(x, y) {
    const cell = this.cellAt(x, y);
    if (this.options.tokens && cell) this.stage.setCursor(cell[1]);
    else if (this.options.hover) this.options.hover(cell, this.stage);
    this.pointed = cell;
    if (!this.options.note && !this.options.tokens) this.noteNode.textContent = cell ? this.cellWords(cell) : "";
  }

  away() {
    if (!this.options.note) this.noteNode.textContent = "";
    this.options.hover?.(undefined, this.stage);
  }

  cellWords([r, c]) {
    const { rowLabel = (i) => i, columnLabel = (i) => i } = this.options;
    return `${rowLabel(r)}, ${columnLabel(c)}: ${number(this.at(r, c))}`;
  }

  release(x, y) {
    const cell = this.cellAt(x, y);
    if (cell) this.options.press?.(...cell, this.stage);
  }

  listen() {
    super.listen();
    this.canvas.addEventListener("click", (event) => {
      this.release(...placeOn(this.canvas, event));
    });
  }

  key(event) {
    if (this.options.key?.(event, this.stage)) return true;
    if (this.options.tokens) return this.stage.cursorKey(event, this.C);
    if (!this.options.control) return false;
    const [dr, dc] = { ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-1, 0], PageDown: [1, 0] }[event.key] ?? [0, 0];
    const up = { ArrowUp: 1, ArrowDown: -1 }[event.key] ?? 0;
    if (!dr && !dc && !up) return false;
    const [r, c] = this.chosen;
    this.chosen = [Math.max(0, Math.min(this.R - 1, r + dr)), Math.max(0, Math.min(this.C - 1, c + dc))];
    if (up) this.change(this.chosen, this.at(...this.chosen) + up * 5 * this.perPixel * (event.shiftKey ? 5 : 1));
    this.stage.touch("cursor");
    return true;
  }

  inWords() {
    if (!this.R) return "";
    const size = `${this.R} rows, ${this.C} columns, largest absolute value ${number(this.most)}`;
    if (this.R * this.C > 36) return size;
    const rows = Array.from({ length: this.R }, (_, r) => Array.from({ length: this.C }, (_, c) => number(this.at(r, c))).join(", "));
    return `${size}: ${rows.join("; ")}`;
  }

  table() {
    const { rowLabel = (i) => i, columnLabel = (i) => i } = this.options;
    const columns = Array.from({ length: this.C }, (_, c) => c);
    return [
      ["", ...columns.map(columnLabel)],
      ...Array.from({ length: this.R }, (_, r) => [rowLabel(r), ...columns.map((c) => this.at(r, c))]),
    ];
  }
}

function css(packed) {
  return `rgb(${packed & 255}, ${(packed >> 8) & 255}, ${(packed >> 16) & 255})`;
}

function short(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size < 0.005) return "0";
  const text = size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
  return text.replace("-", "−").replace(/^(−?)0\./, "$1.");
}

