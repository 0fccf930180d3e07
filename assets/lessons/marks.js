// Marks over the curves of a lesson in time: where it is, and what stands there now.

import { line } from "../canvas/draw.js";

/** From the curve alone, so that what leaves it is seen to leave. */
export function heights(stage) {
  const { y } = stage.derived.curve;
  const [low, high] = y.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [0, 0]);
  const pad = 0.45 * (high - low || 1);
  return [low - pad, high + pad];
}

/** A line at this time. */
export function sweep(g, { box, x, theme }, t) {
  g.strokeStyle = theme.faint;
  g.lineWidth = 1;
  line(g, x(t), box.top, x(t), box.bottom);
}

/** A dot that stands out, where it lies inside. */
export function ball(g, { box, x, y, theme }, at, value, colour, r) {
  if (!(y(value) >= box.top && y(value) <= box.bottom)) return;
  g.beginPath();
  g.arc(x(at), y(value), r, 0, 2 * Math.PI);
  g.fillStyle = colour;
  g.strokeStyle = theme.background;
  g.lineWidth = 2;
  g.fill();
  g.stroke();
}
