// The scan over pairs (a, b) and the bytes it moves, as ssmviz/systems/scan.py and ssmviz/lessons/scan.py.
// A pair is a map h -> a h + b. A level is {phase, a, b, joins}, joins a list of [earlier, later, to].

/** One step after the other: h_t = a_t h_{t-1} + b_t. */
export function loop(a, b) {
  let state = 0;
  return Float64Array.from(b, (b_t, t) => (state = a[t] * state + b_t));
}

/** (a, b) and then (c, d): (c a, c b + d). */
export function combine([a, b], [c, d]) {
  return [c * a, c * b + d];
}

/** Every position joins the one 1, 2, 4, ... before it: {h, levels}. */
export function hillisSteele(a, b) {
  const levels = [{ phase: "leaves", a: Float64Array.from(a), b: Float64Array.from(b), joins: [] }];
  for (let distance = 1; distance < a.length; distance *= 2) {
    const joins = [];
    for (let t = distance; t < a.length; t++) joins.push([t - distance, t, t]);
    levels.push(join(levels.at(-1), levels.at(-1), "up", joins));
  }
  return { h: levels.at(-1).b, levels };
}

/** The tree, up and down, then joined with the leaves; L is filled up to a power of two with (1, 0): {h, levels}. */
export function blelloch(a, b) {
  const L = a.length;
  let n = 1;
  while (n < L) n *= 2;
  const [filledA, filledB] = [new Float64Array(n).fill(1), new Float64Array(n)];
  filledA.set(a);
  filledB.set(b);
  const leaves = { phase: "leaves", a: filledA, b: filledB, joins: [] };
  const levels = [leaves];
  for (let half = 1; half < n; half *= 2) {
    levels.push(
      join(
        levels.at(-1),
        levels.at(-1),
        "up",
        ends(n, half).map((end) => [end - half, end, end]),
      ),
    );
  }
  levels.push(clearRoot(levels.at(-1)));
  for (let half = n / 2; half >= 1; half /= 2) levels.push(down(levels.at(-1), ends(n, half), half));
  levels.push(
    join(
      levels.at(-1),
      leaves,
      "last",
      Array.from({ length: n }, (_, t) => [t, t, t]),
    ),
  );
  return { h: levels.at(-1).b.slice(0, L), levels };
}

/** Joins in all, and levels that have to wait for one another. */
export function cost({ levels }) {
  return {
    work: levels.reduce((sum, level) => sum + level.joins.length, 0),
    depth: levels.filter((level) => level.joins.length).length,
  };
}

/** The same two counts without the numbers, for any L: {work, depth}. */
export function costOf(method, L) {
  const doublings = Math.ceil(Math.log2(L));
  if (method === "loop") return { work: L, depth: L };
  if (method === "blelloch") return { work: 3 * 2 ** doublings - 2, depth: 2 * doublings + 1 };
  return { work: L * doublings - (2 ** doublings - 1), depth: doublings };
}

/** h_t = P_t sum b_s / P_s in single (or double) precision: right on paper only. */
export function byRunningProducts(a, b, single = true) {
  const round = single ? Math.fround : (value) => value;
  let [P, sum] = [1, 0];
  return Float64Array.from(b, (b_t, t) => {
    P = round(P * round(a[t]));
    sum = round(sum + round(round(b_t) / P));
    return round(P * sum);
  });
}

/** The first step whose state is inf or nan, or null. */
export function firstNotFinite(h) {
  const t = h.findIndex((value) => !Number.isFinite(value));
  return t < 0 ? null : t;
}

function join(before, later, phase, joins) {
  const [a, b] = [before.a.slice(), before.b.slice()];
  for (const [i, j, to] of joins) [a[to], b[to]] = combine([before.a[i], before.b[i]], [later.a[j], later.b[j]]);
  return { phase, a, b, joins };
}

function clearRoot(level) {
  const [a, b] = [level.a.slice(), level.b.slice()];
  a[a.length - 1] = 1;
  b[b.length - 1] = 0;
  return { phase: "root", a, b, joins: [] };
}

function down(level, nodes, half) {
  const joins = nodes.map((end) => [end, end - half, end]);
  const next = join(level, level, "down", joins);
  for (const end of nodes) [next.a[end - half], next.b[end - half]] = [level.a[end], level.b[end]];
  return next;
}

function ends(n, half) {
  return Array.from({ length: n / (2 * half) }, (_, i) => (i + 1) * 2 * half - 1);
}
