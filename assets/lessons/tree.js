// The tree of pairs: a row for each level, a cell for each position, lines for what is joined; below it the loop.

import { columnAt, line } from "../canvas/draw.js";
import { Figure } from "../canvas/figure.js";
import { ease } from "./march.js";
import { fixed } from "./strips.js";

const GUTTER = 52;
const RIGHT = 6;
const HIGH = 344;
const LOOP = 36; // px at the bottom for the loop
const NAMES = { leaves: "steps", up: "up", root: "clear", down: "down", last: "join", level: "level" };
const MANY = new Set(["up", "down", "level"]); // there are several of them: they are counted

/** options: read(stage) -> { levels, h, at, along, steps }: levels reached, share of the next one, steps of the loop done */
export class Tree extends Figure {
  constructor(stage, options) {
    super(stage, { ...options, height: HIGH, follows: ["clock", "cursor"] });
  }

  get box() {
    return { left: GUTTER, right: this.size.width - RIGHT, top: 4, bottom: HIGH - LOOP - 6 };
  }

  paint(g) {
    const { stage, box } = this;
    const { theme } = stage;
    const { levels, h, at, along, steps } = this.options.read(stage);
    const n = levels[0].a.length;
    const edges = stage.edges(box, n);
    const pitch = (box.bottom - box.top) / levels.length;
    const tall = Math.min(34, pitch - 9);
    const needed = stage.cursor === null ? undefined : ancestors(levels, Math.floor(stage.cursor));
    const place = {
      edges,
      tall,
      middle: (r) => box.top + (r + 0.5) * pitch,
      column: (i) => (edges[i] + edges[i + 1]) / 2,
    };
    levels.forEach((level, r) => this.lines(g, theme, place, levels, r, at, along, needed));
    levels.forEach((level, r) => this.row(g, theme, place, levels, r, at, along, needed));
    this.loop(g, theme, place, h, steps);
  }

  lines(g, theme, place, levels, r, at, along, needed) {
    const reached = r <= at || (r === at + 1 && along > 0);
    for (const [from, to] of links(levels[r])) {
      const kept = levels[r].sources[to].length === 1 && from === to; // nothing happens here
      const on = (needed ? needed[r].has(to) : reached) && (needed || !kept);
      g.strokeStyle = on ? (from === to ? theme.faint : theme.symbol.A) : theme.grid;
      g.lineWidth = on && (needed || r === at + 1 || r === at) ? 1.75 : 1;
      g.globalAlpha = needed && !on ? 0.4 : 1;
      const [x0, y0, x1, y1] = [
        place.column(from),
        place.middle(r - 1) + place.tall / 2,
        place.column(to),
        place.middle(r) - place.tall / 2,
      ];
      line(g, x0, y0, x1, y1);
      g.globalAlpha = 1;
      if (kept || r !== at + 1 || along <= 0 || along >= 0.75) continue;
      const share = ease(along / 0.75);
      g.fillStyle = theme.symbol.A;
      g.beginPath();
      g.arc(x0 + share * (x1 - x0), y0 + share * (y1 - y0), 4, 0, 2 * Math.PI);
      g.fill();
    }
  }

  row(g, theme, place, levels, r, at, along, needed) {
    const level = levels[r];
    const shown = r <= at || (r === at + 1 && along >= 0.75);
    g.textAlign = "right";
    g.fillStyle = r === at ? theme.text : theme.faint;
    g.font = `${r === at ? "600 " : ""}11px ${theme.font}`;
    const count = levels.slice(1, r + 1).filter(({ phase }) => phase === level.phase).length;
    g.fillText(
      MANY.has(level.phase) ? `${NAMES[level.phase]} ${count}` : NAMES[level.phase],
      GUTTER - 6,
      place.middle(r),
    );
    for (let i = 0; i < level.a.length; i++) {
      const fresh =
        r === 0 ||
        level.sources[i].length > 1 ||
        level.sources[i][0] !== i ||
        (level.phase === "root" && i === level.a.length - 1);
      const final = level.done > i;
      const weak = !shown || (needed && !needed[r].has(i)) || (!fresh && !final && !needed);
      this.cell(g, theme, place, level, i, r, { shown, fresh, weak, now: r === at && fresh, final });
    }
  }

  cell(g, theme, { edges, tall, middle, column }, level, i, r, { shown, fresh, weak, now, final }) {
    const wide = edges[i + 1] - edges[i] - 4;
    const [x, y] = [column(i), middle(r)];
    g.fillStyle = theme.background;
    g.strokeStyle = now ? theme.symbol.h : fresh ? theme.faint : theme.grid;
    g.lineWidth = now ? 2 : 1;
    g.beginPath();
    g.roundRect(x - wide / 2, y - tall / 2, wide, tall, 4);
    g.fill();
    g.globalAlpha = weak ? 0.3 : 1;
    g.setLineDash(shown ? [] : [2, 3]);
    g.stroke();
    g.setLineDash([]);
    if (shown) this.numbers(g, theme, x, y, wide, tall, level, i, final);
    g.globalAlpha = 1;
  }

  /** The pair, side by side where there is room. */
  numbers(g, theme, x, y, wide, tall, { a, b }, i, final) {
    const small = wide < 40 || tall < 20;
    g.font = `${small ? 10 : 11.5}px ${theme.font}`;
    g.textAlign = "center";
    const [dx, dy] = wide >= 52 && (tall < 30 || wide >= 76) ? [wide / 4, 0] : [0, Math.min(7.5, tall / 4)];
    g.fillStyle = theme.symbol.A;
    g.fillText(short(a[i]), x - dx, y - dy + 0.5);
    g.fillStyle = final ? theme.symbol.h : theme.symbol.B;
    g.font = `600 ${small ? 10 : 11.5}px ${theme.font}`;
    g.fillText(short(b[i]), x + dx, y + dy + 0.5);
  }

  loop(g, theme, { edges, column }, h, steps) {
    const y = HIGH - LOOP / 2;
    g.strokeStyle = theme.grid;
    g.lineWidth = 1;
    line(g, 4, HIGH - LOOP - 4, this.size.width - 4, HIGH - LOOP - 4);
    g.fillStyle = theme.faint;
    g.font = `11px ${theme.font}`;
    g.textAlign = "right";
    g.fillText("loop", GUTTER - 6, y);
    for (let i = 0; i < h.length; i++) {
      const wide = edges[i + 1] - edges[i] - 4;
      const done = i < steps;
      g.globalAlpha = done ? 1 : 0.3;
      g.setLineDash(done ? [] : [2, 3]);
      g.strokeStyle = i === steps - 1 ? theme.symbol.h : theme.faint;
      g.lineWidth = i === steps - 1 ? 2 : 1;
      g.beginPath();
      g.roundRect(column(i) - wide / 2, y - 12, wide, 24, 4);
      g.stroke();
      g.setLineDash([]);
      g.fillStyle = theme.symbol.h;
      g.textAlign = "center";
      g.font = `600 ${wide < 40 ? 10 : 11.5}px ${theme.font}`;
      if (done) g.fillText(short(h[i]), column(i), y + 0.5);
      g.globalAlpha = 1;
    }
  }

  point(x) {
    const { levels } = this.options.read(this.stage);
    if (this.size && x >= GUTTER - 6) this.stage.setCursor(columnAt(this.stage.edges(this.box, levels[0].a.length), x));
  }

  away() {
    this.stage.setCursor(null);
  }

  key(event) {
    return (
      this.options.key?.(event, this.stage) ||
      this.stage.cursorKey(event, this.options.read(this.stage).levels[0].a.length)
    );
  }

  inWords() {
    const { levels, at } = this.options.read(this.stage);
    const { phase, a, b } = levels[at];
    return `Level ${at} of ${levels.length - 1} (${NAMES[phase]}). Pairs: ${Array.from(a, (v, i) => `${fixed(v)}, ${fixed(b[i])}`).join("; ")}`;
  }

  table() {
    const { levels } = this.options.read(this.stage);
    return [
      ["level", "phase", "position", "a", "b"],
      ...levels.flatMap(({ phase, a, b }, r) => Array.from(a, (v, i) => [r, phase, i, v, b[i]])),
    ];
  }
}

/**
 * What the picture needs of each level: where each position comes from (one position of the level before, or two), and
 * how many positions from the left hold all of their past (`done`: their b is h).
 */
export function withSources(levels) {
  const tree = levels.some(({ phase }) => phase === "down");
  return levels.map((level, r) => {
    const sources = Array.from(level.a, (_, i) => (r ? [i] : []));
    for (const [earlier, later, to] of level.joins) {
      sources[to] = level.phase === "last" ? [to] : [earlier, later].sort((p, q) => p - q);
      if (level.phase === "down") sources[later] = [to]; // the left half takes what lies before the node
    }
    if (level.phase === "root") sources[level.a.length - 1] = []; // (1, 0), whatever it was
    const phase = level.phase === "up" && !tree ? "level" : level.phase;
    const done = tree ? (phase === "last" ? level.a.length : 0) : r ? 2 ** r : 1;
    return { ...level, phase, sources, done };
  });
}

function links({ sources }) {
  return sources.flatMap((from, to) => from.map((i) => [i, to]));
}

/** By level, the positions on which the last level's position depends. */
function ancestors(levels, position) {
  const needed = levels.map(() => new Set());
  needed[levels.length - 1].add(position);
  if (levels.at(-1).phase === "last") needed[0].add(position); // joined with its own leaf
  for (let r = levels.length - 1; r > 0; r--)
    for (const to of needed[r]) for (const from of levels[r].sources[to]) needed[r - 1].add(from);
  return needed;
}

/** ".83", "1.20", "−.40". */
function short(value) {
  return fixed(value)
    .replace(/^(−?)0\./, "$1.")
    .replace(/^(−?)\.00$/, "0");
}
