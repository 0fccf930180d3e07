// How a plot draws a row of values: each kind a function of context, x, y and the plot's `place`.

import { line, polyline } from "./draw.js";

const BAND = 8; // px of a bar that stands alone

export const CURVES = {
  line: (g, x, y, place) => {
    g.beginPath();
    let pen = false; // what is no number interrupts the line
    for (let i = 0; i < x.length; i++) {
      const finite = Number.isFinite(y[i]);
      if (finite && pen) g.lineTo(place.x(x[i]), place.y(y[i]));
      else if (finite) g.moveTo(place.x(x[i]), place.y(y[i]));
      pen = finite;
    }
    g.stroke();
  },
  steps: (g, x, y, place) => {
    const points = [];
    const end = x.length > 1 ? 2 * x[x.length - 1] - x[x.length - 2] : x[0] + 1;
    for (let i = 0; i < x.length; i++) points.push([place.x(x[i]), place.y(y[i])], [place.x(x[i + 1] ?? end), place.y(y[i])]);
    polyline(g, points);
  },
  stems: (g, x, y, place) => {
    const zero = place.y(Math.max(place.ranges.y[0], 0));
    for (let i = 0; i < x.length; i++) line(g, place.x(x[i]), zero, place.x(x[i]), place.y(y[i]));
    CURVES.dots(g, x, y, place);
  },
  dots: (g, x, y, place) => {
    for (let i = 0; i < x.length; i++) {
      if (!Number.isFinite(y[i])) continue;
      g.beginPath();
      g.arc(place.x(x[i]), place.y(y[i]), Math.max(2, g.lineWidth * 1.4), 0, 2 * Math.PI);
      g.fill();
    }
  },
  bars: (g, x, y, place) => {
    const zero = place.y(Math.max(place.ranges.y[0], 0));
    const wide = x.length > 1 ? Math.abs(place.x(x[1]) - place.x(x[0])) * 0.8 : BAND;
    for (let i = 0; i < x.length; i++) g.fillRect(place.x(x[i]) - wide / 2, Math.min(zero, place.y(y[i])), wide, Math.abs(place.y(y[i]) - zero));
  },
  area: (g, x, y, place) => {
    const zero = place.y(Math.max(place.ranges.y[0], 0));
    g.beginPath();
    g.moveTo(place.x(x[0]), zero);
    for (let i = 0; i < x.length; i++) g.lineTo(place.x(x[i]), place.y(y[i]));
    g.lineTo(place.x(x[x.length - 1]), zero);
    g.closePath();
    g.globalAlpha *= 0.25;
    g.fill();
  },
};
