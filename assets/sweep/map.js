// The heat map of a sweep: a place is as bright as its runs are good, with marks for what is still to come or went wrong.

import { el, placeOn } from "../canvas/dom.js";
import { frame, hatch, verdict } from "../canvas/draw.js";
import { gradient, inkOn } from "../canvas/theme.js";
import { View } from "../canvas/view.js";
import { number, percent } from "../canvas/words.js";
import { firstRun, placesOf, placeWords, progress, score, STATE_WORDS, tally } from "./places.js";

const HIGH = 46; // px of a row
const MOST_WIDE = 132; // px of a column
const ROOMY = 46; // px that a score with its unit needs
const TOP = 20; // px above the places, where the rows' name stands
const BOTTOM = 38; // px below, for the columns' values and name
const LEFT = [44, 132]; // px for the rows' values, at least and at most
const MOST_SAID = 36; // places that the text alternative says one by one
const SMALLER_IS_BETTER = new Set(["error", "test_loss"]);

export class SweepMap extends View {
  /** `sweep`: has a theme, a board, a measure, and `open(experiment, elsewhere)`; `told(place)` hears what is pointed at. */
  constructor(sweep, told) {
    const { rows } = sweep.board;
    const height = TOP + rows.words.length * HIGH + BOTTOM;
    super(sweep, { title: sweep.board.title, name: "sweep", height, needs: ["board"] });
    this.sweep = sweep;
    this.told = told;
    this.scaleBar = el("span", { class: "legend" });
    this.caption.insertBefore(this.scaleBar, this.noteNode);
    this.canvas.addEventListener("click", (event) => {
      if (event.pointerType === "mouse") this.open(this.at(event), event.ctrlKey || event.metaKey);
    });
    this.canvas.addEventListener("auxclick", (event) => {
      if (event.button === 1) this.open(this.at(event), true);
    });
    this.canvas.addEventListener("blur", () => this.point(undefined));
  }

  get board() {
    return this.sweep.board;
  }

  at(event) {
    return this.placeAt(...placeOn(this.canvas, event));
  }

  open(place, elsewhere = false) {
    const run = firstRun(place);
    if (run) this.sweep.open(run.experiment, elsewhere);
  }

  // -- colours ------------------------------------------------------------------------------------------------------

  /** What black and white stand for: the worst and the best value. */
  get limits() {
    const { measure } = this.sweep;
    if (!SMALLER_IS_BETTER.has(measure)) return [0, 1];
    const means = this.places.flat().map((place) => score(place, measure)?.mean);
    const known = means.filter(Number.isFinite);
    if (!known.length) return [1, 0];
    const [low, high] = [Math.min(...known), Math.max(...known)];
    return [high > low ? high : low + 1, low];
  }

  words(value) {
    return SMALLER_IS_BETTER.has(this.sweep.measure) ? number(value) : percent(value);
  }

  /** Where there is little room: 97 for 97.3 %. */
  shortly(value) {
    return SMALLER_IS_BETTER.has(this.sweep.measure) ? value.toPrecision(2) : String(Math.round(100 * value));
  }

  colour(value) {
    const [worst, best] = this.limits;
    const share = Math.max(0, Math.min(1, (value - worst) / (best - worst)));
    const packed = this.lab.theme.magnitude[Math.round(255 * share)];
    return `rgb(${packed & 255}, ${(packed >> 8) & 255}, ${(packed >> 16) & 255})`;
  }

  // -- drawing ------------------------------------------------------------------------------------------------------

  get box() {
    const { width } = this.size;
    const wide = Math.min(MOST_WIDE, (width - this.left - 8) / this.board.columns.words.length);
    return { left: this.left, top: TOP, wide, high: HIGH };
  }

  paint(g) {
    const { board, lab } = this;
    const { theme } = lab;
    this.places = placesOf(board);
    g.font = `12.5px ${theme.font}`;
    const longest = Math.max(...board.rows.words.map((words) => g.measureText(words).width));
    this.left = Math.round(Math.max(LEFT[0], Math.min(LEFT[1], longest + 14)));
    const { left, top, wide, high } = this.box;
    for (const place of this.places.flat()) this.paintPlace(g, place, left + place.column * wide, top + place.row * high);
    this.axes(g, theme);
    this.bar(theme);
  }

  axes(g, theme) {
    const { board } = this;
    const { left, top, wide, high } = this.box;
    const bottom = top + board.rows.words.length * high;
    g.fillStyle = theme.text;
    g.textAlign = "right";
    board.rows.words.forEach((words, r) => g.fillText(words, left - 8, top + (r + 0.5) * high, left - 12));
    g.textAlign = "center";
    board.columns.words.forEach((words, c) => g.fillText(words, left + (c + 0.5) * wide, bottom + 11, wide - 4));
    g.fillStyle = theme.faint;
    g.font = `11.5px ${theme.font}`;
    g.textAlign = "left";
    g.fillText(`${board.rows.label} ↓`, 2, 9);
    g.fillText(`${board.columns.label} →`, left, bottom + 28);
  }

  paintPlace(g, place, x, y) {
    const { theme } = this.lab;
    const { wide, high } = this.box;
    const [w, h] = [wide - 2, high - 2];
    g.fillStyle = theme.grid;
    g.fillRect(x + 1, y + 1, w, h);
    if (place.hole) return void hatch(g, x + 1, y + 1, w, h, theme.faint, 7);
    const found = score(place, this.sweep.measure);
    const fill = found ? this.colour(found.mean) : undefined;
    if (fill) {
      g.fillStyle = fill;
      g.fillRect(x + 1, y + 1, w, h);
    }
    const ink = fill ? inkOn(fill) : theme.text;
    if (found) {
      g.fillStyle = ink;
      g.textAlign = "center";
      g.font = `${found.final ? "600 " : ""}13px ${theme.font}`;
      g.fillText(wide < ROOMY ? this.shortly(found.mean) : this.words(found.mean), x + wide / 2, y + high / 2, w - 2);
      g.font = `12.5px ${theme.font}`;
    }
    this.marks(g, place, { x, y, w, h, ink });
  }

  /** A bar while something is to be done, and in the corner a sign for what did not end well. */
  marks(g, place, { x, y, w, h, ink }) {
    const { waiting, working, diverged, bad, stopped } = tally(place);
    if (waiting || working) {
      g.globalAlpha = 0.3;
      g.fillStyle = ink;
      g.fillRect(x + 5, y + h - 6, w - 8, 3);
      g.globalAlpha = 1;
      g.fillRect(x + 5, y + h - 6, (w - 8) * progress(place), 3);
    }
    g.strokeStyle = ink;
    g.lineWidth = 1.5;
    if (working) this.ring(g, x + 10, y + 10, progress(place), ink);
    else if (waiting) this.ring(g, x + 10, y + 10, 0, ink);
    if (stopped) {
      g.fillStyle = ink;
      g.fillRect(x + 7, y + 7, 6, 6);
    }
    const [cx, cy] = [x + w - 9, y + 10];
    if (diverged) verdict(g, { ...this.lab.theme, wrong: ink }, false, cx, cy, 9);
    if (bad) {
      g.fillStyle = ink;
      g.textAlign = "center";
      g.font = `700 13px ${this.lab.theme.font}`;
      g.fillText("!", cx - (diverged ? 12 : 0), cy);
      g.font = `12.5px ${this.lab.theme.font}`;
    }
  }

  ring(g, cx, cy, share, ink) {
    g.globalAlpha = 0.45;
    g.beginPath();
    g.arc(cx, cy, 4.5, 0, 2 * Math.PI);
    g.stroke();
    g.globalAlpha = 1;
    if (!share) return;
    g.fillStyle = ink;
    g.beginPath();
    g.moveTo(cx, cy);
    g.arc(cx, cy, 4.5, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * share);
    g.fill();
  }

  bar(theme) {
    const [worst, best] = this.limits;
    const key = `${worst} ${best} ${this.sweep.measure} ${theme.dark}`;
    if (key === this.barShown) return;
    this.barShown = key;
    const strip = el("i", { class: "bar", style: `background:${gradient(theme.magnitude)}` });
    this.scaleBar.replaceChildren(this.words(worst), strip, this.words(best));
  }

  overlay(g) {
    if (!this.pointed) return;
    const { theme } = this.lab;
    const { left, top, wide, high } = this.box;
    const { row, column } = this.pointed;
    frame(g, theme, theme.text, left + column * wide + 1, top + row * high + 1, wide - 2, high - 2);
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  placeAt(x, y) {
    if (!this.places) return undefined;
    const { left, top, wide, high } = this.box;
    return this.places[Math.floor((y - top) / high)]?.[Math.floor((x - left) / wide)];
  }

  hover(x, y) {
    const place = this.placeAt(x, y);
    this.canvas.classList.toggle("opens", Boolean(firstRun(place)));
    if (place) this.point(place);
  }

  point(place) {
    if (place === this.pointed) return;
    this.pointed = place;
    this.told(place);
    this.sweep.touch("hover");
  }

  key({ key }) {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key] ?? [];
    if (key === "Enter") this.open(this.pointed);
    else if (key === "Escape") this.point(undefined);
    else if (down === undefined) return false;
    else if (!this.pointed) this.point(this.places[0][0]);
    else {
      const { row, column } = this.pointed;
      this.point(this.places[row + down]?.[column + right] ?? this.pointed);
    }
    return true;
  }

  // -- words --------------------------------------------------------------------------------------------------------

  /** One place: "S6, 8: 97.3 % (mean of 2)". */
  inWords(place) {
    const found = score(place, this.sweep.measure);
    const where = placeWords(this.board, place);
    if (place.hole) return `${where}: not trained`;
    const states = [...new Set(place.runs.map(({ state }) => STATE_WORDS[state]))].filter((words) => words !== "done");
    const many = found?.count > 1 ? ` (mean of ${found.count})` : "";
    return `${where}: ${[found ? this.words(found.mean) + many : "", ...states].filter(Boolean).join(", ")}`;
  }

  note() {
    const { chance } = this.board;
    return this.sweep.measure === "token_accuracy" && chance ? `guessing: ${percent(chance)}` : "";
  }

  describe() {
    const places = placesOf(this.board).flat();
    const scored = places.filter((place) => score(place, this.sweep.measure));
    if (places.length <= MOST_SAID) return `${this.sweep.measureWords}: ${places.map((p) => this.inWords(p)).join("; ")}.`;
    const ordered = scored.sort((a, b) => score(b, this.sweep.measure).mean - score(a, this.sweep.measure).mean);
    if (!ordered.length) return `${places.length} places, none has a score yet.`;
    const [first, last] = [ordered[0], ordered.at(-1)].map((place) => this.inWords(place));
    return `${this.sweep.measureWords} of ${scored.length} of ${places.length} places, from ${first} to ${last}.`;
  }

  rows() {
    const { board } = this;
    const scores = board.measures.map(({ name }) => name);
    return [
      [board.rows.label, board.columns.label, "seed", "state", "step", "steps", ...scores, "seconds", "experiment", "reason"],
      ...board.cells.map((cell) => [
        board.rows.words[cell.row],
        board.columns.words[cell.column],
        ...["seed", "state", "step", "steps", ...scores, "seconds", "experiment", "reason"].map((name) => cell[name] ?? ""),
      ]),
    ];
  }
}
