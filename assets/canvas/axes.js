// The scales of a plot: values to pixels and back, equal units, not too many ticks.

/** Values to pixels and back; values outside go outside, where the clip hides them. */
export function axis([low, high], [from, to], log) {
  const f = log ? (v) => Math.log(Math.max(v, low * 1e-3)) : (v) => v;
  const back = log ? Math.exp : (v) => v;
  const [a, b] = [f(low), f(high)];
  const span = b - a || 1;
  return {
    to: (value) => from + ((f(value) - a) / span) * (to - from),
    from: (px) => back(a + ((px - from) / (to - from)) * span),
  };
}

/** The wider of both axes decides how long one unit is. */
export function widen(ranges, box) {
  const unit = Math.max(
    (ranges.x[1] - ranges.x[0]) / (box.right - box.left),
    (ranges.y[1] - ranges.y[0]) / (box.bottom - box.top),
  );
  for (const [which, pixels] of [["x", box.right - box.left], ["y", box.bottom - box.top]]) {
    const more = (unit * pixels - (ranges[which][1] - ranges[which][0])) / 2;
    ranges[which] = [ranges[which][0] - more, ranges[which][1] + more];
  }
}

/** Every so many of the ticks, so that at most about `most` are left. */
export function thinned(ticks, most) {
  const every = Math.ceil(ticks.length / Math.max(1, most));
  return ticks.filter((_, i) => i % every === 0);
}
