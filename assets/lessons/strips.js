// A row of values as small bars around a line of zero, one column a token: what march and slide are drawn with.

import { line } from "../canvas/draw.js";

/**
 * options: top, height, most (value of a full bar), colour, label; upto: columns after it are left out (default all);
 * now: the column that is drawn strongly, the others weakly; at(i): px by which a column is moved
 */
export function strip(g, theme, edges, values, options) {
  const { top, height, most, colour, label = "", upto = values.length - 1, now } = options;
  const zero = top + height / 2;
  const wide = edges[1] - edges[0];
  g.strokeStyle = theme.grid;
  g.lineWidth = 1;
  line(g, edges[0], zero, edges[edges.length - 1], zero);
  g.fillStyle = theme.faint;
  g.textAlign = "right";
  g.fillText(label, edges[0] - 6, zero);
  g.fillStyle = colour;
  const strength = g.globalAlpha;
  for (let i = 0; i <= upto; i++) {
    const tall = (Math.max(-most, Math.min(most, values[i])) / most) * (height / 2);
    if (Math.abs(tall) < 0.2) continue;
    g.globalAlpha = strength * (now === undefined || i === now ? 1 : 0.55);
    g.fillRect(edges[i] + 0.12 * wide, Math.min(zero, zero - tall), 0.76 * wide, Math.abs(tall));
  }
  g.globalAlpha = strength;
}

/** The column of now: a frame from top to bottom. */
export function column(g, theme, edges, t, top, bottom, strong = false) {
  g.strokeStyle = strong ? theme.primary : theme.faint;
  g.lineWidth = 1;
  g.setLineDash([3, 3]);
  g.strokeRect(edges[t] + 0.5, top + 0.5, edges[t + 1] - edges[t] - 1, bottom - top - 1);
  g.setLineDash([]);
}

/** "h" with a small 12 below it: "h₁₂". */
export function indexed(letter, index) {
  return (
    letter +
    String(index)
      .replace("-", "₋")
      .replace(/\d/g, (d) => "₀₁₂₃₄₅₆₇₈₉"[d])
  );
}

/** Two decimals, with a minus that is one: "−0.40". */
export function fixed(value, places = 2) {
  const text = Math.abs(value).toFixed(places);
  return (value < 0 && Number(text) ? "−" : "") + text;
}
