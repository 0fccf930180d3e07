// Drawing on a canvas: axes, columns, heat maps, hatching. Plain functions of a context and a rectangle.

// Beside everything that has a column per token: so that a token stands at the same x in all views, lab or lesson.
export const GUTTER = 44; // px at the left
export const MARGIN = 8; // px at the right

/** A column per token: where token t starts (`x`), how wide it is, which token lies at a pixel. */
export function columns({ left, right, from, to }) {
  const wide = (right - left) / Math.max(1, to - from);
  return {
    left,
    right,
    from,
    to,
    wide,
    x: (t) => left + (t - from) * wide,
    middle: (t) => left + (t - from + 0.5) * wide,
    at: (px) => Math.max(from, Math.min(to - 1, from + Math.floor((px - left) / wide))),
  };
}

/** Which of the columns between `edges` lies at x. */
export function columnAt(edges, x) {
  let c = 0;
  while (c < edges.length - 2 && x >= edges[c + 1]) c++;
  return c;
}

/** A frame that is seen on every colour. */
export function frame(g, theme, colour, x, y, wide, high) {
  g.lineWidth = 3;
  g.strokeStyle = theme.background;
  g.strokeRect(x, y, wide, high);
  g.lineWidth = 1.5;
  g.strokeStyle = colour;
  g.strokeRect(x, y, wide, high);
}

/** Maps [low, high] to pixels [bottom, top]; logarithmic where asked. Values outside are held at the border. */
export function scale(low, high, bottom, top, log = false) {
  const f = log ? (v) => Math.log(Math.max(v, low)) : (v) => v;
  const [a, b] = [f(low), f(high)];
  return (value) => bottom + Math.max(0, Math.min(1, (f(value) - a) / (b - a || 1))) * (top - bottom);
}

/** Powers of ten inside [low, high]. */
export function decades(low, high) {
  const ticks = [];
  for (let p = Math.ceil(Math.log10(low) - 1e-9); p <= Math.log10(high) + 1e-9; p++) ticks.push(10 ** p);
  return ticks;
}

/** At most `most` round numbers inside [low, high]. */
export function roundTicks(low, high, most = 5) {
  const span = high - low || 1;
  const raw = span / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * span; i++) ticks.push(i * step);
  return ticks;
}

/** Horizontal grid lines with their values left of the plot. */
export function axisLeft(g, theme, box, ticks, y, words) {
  g.textAlign = "right";
  g.lineWidth = 1;
  for (const tick of ticks) {
    const py = Math.round(y(tick)) + 0.5;
    g.strokeStyle = theme.grid;
    line(g, box.left, py, box.right, py);
    g.fillStyle = theme.faint;
    g.fillText(words(tick), box.left - 6, Math.min(Math.max(py, 6), box.bottom - 1));
  }
}

/** Values below the plot, skipping those that would touch. */
export function axisBottom(g, theme, box, ticks, x, words, y = box.bottom + 9) {
  let free = -Infinity;
  g.fillStyle = theme.faint;
  for (const tick of ticks) {
    const text = words(tick);
    const half = g.measureText(text).width / 2;
    const at = Math.max(box.left - 4 + half, Math.min(box.right + 4 - half, x(tick)));
    if (at - half < free) continue;
    g.textAlign = "center";
    g.fillText(text, at, y);
    free = at + half + 8;
  }
}

export function line(g, x0, y0, x1, y1) {
  g.beginPath();
  g.moveTo(x0, y0);
  g.lineTo(x1, y1);
  g.stroke();
}

/** A polyline; points whose y is not a number interrupt it. */
export function polyline(g, points) {
  g.beginPath();
  let pen = false;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) pen = false;
    else if (pen) g.lineTo(x, y);
    else {
      g.moveTo(x, y);
      pen = true;
    }
  }
  g.stroke();
}

const patterns = new Map();

/** Fills a rectangle with diagonal hatching; one small tile per colour and gap is kept. */
export function hatch(g, x, y, w, h, colour, gap = 5) {
  const key = `${colour} ${gap}`;
  if (!patterns.has(key)) patterns.set(key, g.createPattern(tile(colour, gap * SHARP), "repeat"));
  const pattern = patterns.get(key);
  pattern.setTransform(SHRINK);
  g.fillStyle = pattern;
  g.fillRect(x, y, w, h);
}

const SHARP = 3; // tiles are drawn larger and shrunk, so that they stay sharp on dense screens
const SHRINK = new DOMMatrix().scale(1 / SHARP);

function tile(colour, size) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const g = canvas.getContext("2d");
  g.strokeStyle = colour;
  g.lineWidth = SHARP;
  g.lineCap = "square";
  for (const at of [-size, 0, size]) line(g, at, size, at + size, 0);
  return canvas;
}

/** A tick or a cross of the given size: right and wrong without relying on colour. */
export function verdict(g, theme, right, x, y, size) {
  const s = size / 2;
  g.strokeStyle = right ? theme.right : theme.wrong;
  g.lineWidth = Math.max(1.25, size / 5);
  g.beginPath();
  if (right) {
    g.moveTo(x - s, y);
    g.lineTo(x - s / 3, y + s * 0.8);
    g.lineTo(x + s, y - s * 0.8);
  } else {
    g.moveTo(x - s * 0.8, y - s * 0.8);
    g.lineTo(x + s * 0.8, y + s * 0.8);
    g.moveTo(x + s * 0.8, y - s * 0.8);
    g.lineTo(x - s * 0.8, y + s * 0.8);
  }
  g.stroke();
}

/** A small off-screen picture with one pixel per cell, enlarged when drawn. */
export class Heat {
  constructor() {
    this.canvas = document.createElement("canvas");
  }

  /** `index(row, column)` gives the colour 0..255 of a cell. */
  fill(rows, width, colours, index) {
    if (this.canvas.width !== width || this.canvas.height !== rows || !this.image) {
      [this.canvas.width, this.canvas.height] = [width, rows];
      this.g = this.canvas.getContext("2d");
      this.image = this.g.createImageData(width, rows);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    for (let r = 0, at = 0; r < rows; r++) for (let c = 0; c < width; c++, at++) this.pixels[at] = colours[index(r, c)];
    this.g.putImageData(this.image, 0, 0);
  }

  /** Draws columns [from, to) and as many rows into the box; many in few pixels are averaged, few are kept sharp. */
  draw(g, box, from, to, ratio, rows = this.canvas.height) {
    g.imageSmoothingEnabled = to - from > (box.right - box.left) * ratio || rows > (box.bottom - box.top) * ratio;
    g.imageSmoothingQuality = "high";
    g.drawImage(
      this.canvas,
      from,
      0,
      to - from,
      rows,
      box.left,
      box.top,
      box.right - box.left,
      box.bottom - box.top,
    );
  }
}
