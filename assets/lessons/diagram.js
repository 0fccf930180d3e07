// The Mamba block as a diagram: every node a small live picture of its tensor, channels down, tokens across.

import { placeOn } from "../canvas/dom.js";
import { Heat } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { mix } from "../canvas/theme.js";
import { EDGES, heightAt, isNarrow, nameOf, NODES, pathOf, placeOf } from "./nodes.js";

const VEIL = 0.82; // over what has not been read yet
const INSIDE = "inside S6:  h = Ā h + Δ B x,   y = C h";

/**
 * options, beside a view's: pictures(stage): id -> { data, rows, columns, most, colours }; shape(id, stage): words.
 * The chosen node is the value `node`.
 */
export class Diagram extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, height: heightAt(Infinity), press: true });
    this.heats = Object.fromEntries(Object.keys(NODES).map((id) => [id, new Heat()]));
  }

  measure() {
    this.height = heightAt(this.canvas.parentElement.clientWidth);
    super.measure();
  }

  place(id) {
    return placeOf(id, this.size.width);
  }

  get narrow() {
    return isNarrow(this.size.width);
  }

  // -- painting -----------------------------------------------------------------------------------------------------

  paint(g) {
    this.pictures = this.options.pictures(this.stage);
    this.region(g);
    for (const edge of EDGES) this.edge(g, edge);
    for (const id of Object.keys(NODES)) this.node(g, id);
    this.remarks(g);
  }

  /** The frame around what happens inside S6, and what goes in and comes out. */
  region(g) {
    const { theme } = this.stage;
    const [first, last] = [this.place("dt"), this.place("C")];
    const bottom = last.top + last.high + 18;
    const [left, right, top] = this.narrow
      ? [1, this.size.width - 1, first.top - 20]
      : [first.left - 10, last.left + last.wide + 10, first.top - 30];
    g.fillStyle = mix(theme.background, theme.text, 0.045);
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    g.beginPath();
    g.roundRect(left, top, right - left, bottom - top, 8);
    g.fill();
    g.stroke();
    if (this.narrow) return;
    const [from, to] = [this.place("silu"), this.place("y")];
    const below = ({ top: y, high }) => y + high + 14;
    this.arrow(g, [from.left + from.wide / 2, below(from), from.left + from.wide / 2, top]);
    this.arrow(g, [to.left + to.wide / 2, top, to.left + to.wide / 2, below(to)]);
  }

  edge(g, [from, to, words, part, how]) {
    const { theme, values } = this.stage;
    const off = Boolean(part) && !values[part];
    const points = pathOf(this.place(from), this.place(to), how, this.narrow);
    if (!points) return;
    this.arrow(g, points, off);
    if (this.narrow) return;
    // beside a short arrow, on the longest piece of a long one
    const i = how === "down" ? 0 : points.length > 4 && how === "over" ? 2 : 0;
    const [x, y] = [(points[i] + points[i + 2]) / 2, (points[i + 1] + points[i + 3]) / 2];
    this.words(g, off ? "off" : words, x, how ? y : y - 9, Boolean(how), off ? theme.wrong : theme.faint);
  }

  /** A line through points x, y, x, y ... with a head at its end. */
  arrow(g, points, off) {
    const { theme } = this.stage;
    g.strokeStyle = g.fillStyle = off ? theme.wrong : theme.faint;
    g.lineWidth = 1.25;
    g.setLineDash(off ? [4, 4] : []);
    g.beginPath();
    for (let i = 0; i < points.length; i += 2) g.lineTo(points[i], points[i + 1]);
    g.stroke();
    g.setLineDash([]);
    const [x0, y0, x, y] = points.slice(-4);
    const angle = Math.atan2(y - y0, x - x0);
    g.beginPath();
    g.moveTo(x, y);
    for (const turn of [2.7, -2.7]) g.lineTo(x + 6 * Math.cos(angle + turn), y + 6 * Math.sin(angle + turn));
    g.fill();
  }

  words(g, text, x, y, backed, colour) {
    g.textAlign = "center";
    if (backed) {
      const wide = g.measureText(text).width + 8;
      g.fillStyle = this.stage.theme.background;
      g.fillRect(x - wide / 2, y - 7, wide, 14);
    }
    g.fillStyle = colour;
    g.fillText(text, x, y);
  }

  /** What neither nodes nor arrows say. */
  remarks(g) {
    g.fillStyle = this.stage.theme.faint;
    g.textAlign = "left";
    const inside = this.place("dt");
    if (!this.narrow) return void g.fillText(INSIDE, inside.left - 2, inside.top - 21);
    const beside = (id, lines) => {
      const { left, wide, top } = this.place(id);
      lines.forEach((words, i) => g.fillText(words, left + wide + 10, top + 8 + 15 * i));
    };
    beside("norm", ["in_proj ↓", "makes x and z"]);
    beside("residual", ["u went round", "the block; then", "the head answers"]);
    const far = this.place("A_bar");
    g.textAlign = "right";
    g.fillText("inside S6", far.left + far.wide, far.top - 8);
  }

  node(g, id) {
    const { stage, pictures, heats } = this;
    const { theme, values } = stage;
    const symbol = NODES[id][1];
    const { left, top, wide, high } = this.place(id);
    const { data, rows, columns, most, colours } = pictures[id];
    const signed = colours === "signed";
    heats[id].fill(rows, columns, theme[colours], (r, t) => {
      const share = Math.max(-1, Math.min(1, data[r * columns + t] / most));
      return Math.round(signed ? 127.5 + 127.5 * share : 255 * Math.abs(share));
    });
    heats[id].draw(g, { left, right: left + wide, top, bottom: top + high }, 0, columns, this.size.ratio);
    const chosen = values.node === id;
    g.strokeStyle = chosen ? theme.primary : theme.grid;
    g.lineWidth = chosen ? 2.5 : 1;
    g.strokeRect(left - 1, top - 1, wide + 2, high + 2);
    g.textAlign = "left";
    g.fillStyle = symbol ? theme.symbol[symbol] : theme.text;
    g.font = `${chosen ? 700 : 600} 11.5px ${theme.font}`;
    g.fillText(nameOf(id, values), left, top - 8);
    g.font = `10.5px ${theme.font}`;
    g.fillStyle = theme.faint;
    g.fillText(this.options.shape(id, stage), left, top + high + 8);
    g.font = `11px ${theme.font}`;
  }

  /** While it plays, what has not been read yet is veiled; the cursor's column is framed everywhere. */
  overlay(g) {
    const { stage, pictures } = this;
    if (stage.cursor === null || !pictures) return;
    const { theme } = stage;
    for (const id of Object.keys(NODES)) {
      const { left, top, wide, high } = this.place(id);
      const [from, to] = [stage.cursor, stage.cursor + 1].map(
        (t) => left + (Math.floor(t) / pictures[id].columns) * wide,
      );
      if (stage.playing) {
        g.fillStyle = theme.background;
        g.globalAlpha = VEIL;
        g.fillRect(to, top, left + wide - to, high);
        g.globalAlpha = 1;
      }
      g.strokeStyle = theme.text;
      g.lineWidth = 1;
      g.strokeRect(from + 0.5, top - 0.5, Math.max(1.5, to - from - 1), high + 1);
    }
  }

  // -- hands --------------------------------------------------------------------------------------------------------

  at(x, y) {
    return Object.keys(NODES).find((id) => {
      const { left, top, wide, high } = this.place(id);
      return x >= left - 4 && x <= left + wide + 4 && y >= top - 16 && y <= top + high + 16;
    });
  }

  point(x, y) {
    if (!this.pictures) return;
    const id = this.at(x, y);
    this.canvas.style.cursor = id ? "pointer" : "default";
    if (!id) return;
    const { left, wide } = this.place(id);
    const { columns } = this.pictures[id];
    this.stage.setCursor(Math.max(0, Math.min(columns - 1, Math.floor(((x - left) / wide) * columns))));
  }

  listen() {
    super.listen();
    this.canvas.addEventListener("click", (event) => {
      const id = this.at(...placeOn(this.canvas, event));
      if (id) this.choose(id);
    });
  }

  choose(id) {
    this.stage.set({ node: id });
    this.stage.commit();
  }

  /** Up and down choose another node, left and right another token. */
  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return this.stage.cursorKey(event, this.pictures?.u.columns ?? 1);
    const ids = Object.keys(NODES);
    this.choose(ids[(ids.indexOf(this.stage.values.node) + by + ids.length) % ids.length]);
    return true;
  }

  inWords() {
    const { stage, options } = this;
    const shapes = Object.keys(NODES).map((id) => `${nameOf(id, stage.values)} ${options.shape(id, stage)}`);
    return `Nodes in order: ${shapes.join(", ")}. Chosen: ${nameOf(stage.values.node, stage.values)}.`;
  }

  table() {
    const head = ["node", "channel", ...Array.from({ length: this.pictures.u.columns }, (_, t) => `token ${t + 1}`)];
    const rows = Object.entries(this.pictures).flatMap(([id, { data, rows: count, columns }]) =>
      Array.from({ length: count }, (_, r) => [id, r, ...data.subarray(r * columns, (r + 1) * columns)]),
    );
    return [head, ...rows];
  }
}
