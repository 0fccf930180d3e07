// You are the gate, as ssmviz/systems/gate.py: selective copying with nothing learned but one read-out, in closed form.
// A strip is a text: "A".."H" letters to recall, "a".."h" junk, "." noise, "|" a boundary between documents.

export const CLASSES = 8;
export const LETTERS = "ABCDEFGH";
export const JUNK = "abcdefgh";
export const NOTHING = -1;
const STRIPS = 512; // to fit C on, and as many others to score it on
const RIDGE = 1e-12;
const SILENT = 1e-9;

/** "letter", "junk", "noise" or "boundary". */
export function kindOf(token) {
  return LETTERS.includes(token) ? "letter" : JUNK.includes(token) ? "junk" : token === "|" ? "boundary" : "noise";
}

/** The class that a token writes to. */
export function classOf(token) {
  const at = (LETTERS + JUNK).indexOf(token);
  return at < 0 ? NOTHING : at % CLASSES;
}

/** Places of the letters that are asked for: those after the last boundary. */
export function askedIn(strip) {
  return Array.from(strip, (token, t) => t).filter((t) => t > strip.lastIndexOf("|") && LETTERS.includes(strip[t]));
}

/** One strip: n = 1 of what `shuffled` gives. */
export function parse(strip) {
  const L = strip.length;
  const asked = askedIn(strip);
  const source = Int16Array.from({ length: L }, (_, t) => t);
  return { n: 1, L, m: asked.length, source, channel: Int16Array.from(strip, classOf), asked: Int16Array.from(asked) };
}

const drawn = new Map();

/** The same tokens at random places inside their documents, letters of random classes; source, channel (n, L), asked (n, m). */
export function shuffled(strip, n = 2 * STRIPS, seed = 1) {
  const key = `${strip} ${n} ${seed}`;
  if (!drawn.has(key)) drawn.set(key, shuffle(strip, n, lehmer(seed)));
  return drawn.get(key);
}

/** Park & Miller's minimal standard: whole numbers below 2^31 - 1. */
function lehmer(seed) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647);
}

function shuffle(strip, n, draw) {
  const L = strip.length;
  const kinds = Array.from(strip, kindOf);
  const places = Array.from({ length: n }, () => shufflePlaces(kinds, draw));
  const classes = places.map((row) => row.map((s) => (["letter", "junk"].includes(kinds[s]) ? draw() % CLASSES : NOTHING)));
  const last = strip.lastIndexOf("|");
  const asked = places.map((row) => row.map((s, t) => t).filter((t) => row[t] > last && kinds[row[t]] === "letter"));
  return {
    n,
    L,
    m: asked[0].length,
    source: Int16Array.from(places.flat()),
    channel: Int16Array.from(classes.flat()),
    asked: Int16Array.from(asked.flat()),
  };
}

/** Documents shuffled each in itself (Fisher & Yates), tokens of a kind in their old order. */
function shufflePlaces(kinds, draw) {
  const places = kinds.map((_, t) => t);
  let begin = 0;
  for (let end = 0; end <= kinds.length; end++) {
    if (end < kinds.length && kinds[end] !== "boundary") continue;
    for (let i = end - 1; i > begin; i--) {
      const j = begin + (draw() % (i - begin + 1));
      [places[i], places[j]] = [places[j], places[i]];
    }
    for (const kind of new Set(kinds.slice(begin, end))) {
      const where = [];
      for (let t = begin; t < end; t++) if (kinds[places[t]] === kind) where.push(t);
      const sources = where.map((t) => places[t]).sort((a, b) => a - b);
      where.forEach((t, i) => (places[t] = sources[i]));
    }
    begin = end + 1;
  }
  return places;
}

/** Delta of a question: the mean of the letters that are asked for. */
export function questionDelta(strips, delta) {
  let sum = 0;
  for (let j = 0; j < strips.m; j++) sum += delta[strips.source[strips.asked[j]]];
  return sum / strips.m;
}

/** h of one strip after every token and every question: (L + m, CLASSES, N), by the recurrence. */
export function states(strip, { delta, write }, N) {
  const strips = parse(strip);
  const { L, m } = strips;
  const wait = questionDelta(strips, delta);
  const size = CLASSES * N;
  const h = new Float64Array((L + m) * size);
  for (let t = 0; t < L + m; t++)
    for (let n = 1; n <= N; n++) {
      const kept = Math.exp(-n * (t < L ? delta[t] : wait));
      for (let k = 0; k < CLASSES; k++) {
        const at = t * size + k * N + n - 1;
        const x = t < L && strips.channel[t] === k ? (write?.[t] ?? 1) : 0;
        h[at] = kept * (t ? h[at - size] : 0) + ((1 - kept) / n) * x;
      }
    }
  return h;
}

/** h at the questions, state by state: (N, n, m, CLASSES). A letter's trace depends on its age alone. */
export function askedStates(strips, { delta, write }, N) {
  const { n: count, L, m, source, channel } = strips;
  const wait = questionDelta(strips, delta);
  const rows = count * m * CLASSES;
  const h = new Float64Array(N * rows);
  const written = delta.map((d, t) =>
    Float64Array.from({ length: N }, (_, i) => (-Math.expm1(-(i + 1) * d) / (i + 1)) * (write?.[t] ?? 1)),
  );
  const waited = Float64Array.from({ length: m }, (_, j) => Math.exp(-(j + 1) * wait));
  for (let s = 0; s < count; s++)
    for (let t = L - 1, age = 0; t >= 0; t--) {
      const from = source[s * L + t];
      const k = channel[s * L + t];
      if (k !== NOTHING) {
        const left = Math.exp(-age);
        const w = written[from];
        for (let j = 0; j < m; j++) {
          const e = left * waited[j];
          let at = (s * m + j) * CLASSES + k;
          for (let i = 0, power = e; i < N; i++, power *= e, at += rows) h[at] += power * w[i];
        }
      }
      age += delta[from];
    }
  return { h, rows, count, m, N };
}

/** Classes to recall, (n, m). */
export function targetsOf({ n, L, m, channel, asked }) {
  return Int16Array.from({ length: n * m }, (_, i) => channel[Math.floor(i / m) * L + asked[i]]);
}

/**
 * C, m rows of N: least squares to y = 1 for the class that is asked for and 0 for the others, on the first strips.
 * Numbered questions have a C each, the others share one.
 */
export function readOut(states, targets, strips, numbered = false) {
  const { m } = states;
  if (!numbered) return Array(m).fill(fit(states, targets, strips, (j) => j >= 0));
  return Array.from({ length: m }, (_, question) => fit(states, targets, strips, (j) => j === question));
}

function fit({ h, rows, m, N }, targets, strips, chosen) {
  const taken = [];
  for (let i = 0; i < strips * m; i++) if (chosen(i % m)) taken.push(i);
  const high = taken.length * CLASSES;
  const columns = Array.from({ length: N + 1 }, () => new Float64Array(high + N));
  taken.forEach((i, at) => {
    for (let n = 0; n < N; n++)
      for (let k = 0; k < CLASSES; k++) columns[n][at * CLASSES + k] = h[n * rows + i * CLASSES + k];
    columns[N][at * CLASSES + targets[i]] = 1;
  });
  for (let n = 0; n < N; n++) columns[n][high + n] = Math.sqrt(RIDGE);
  return leastSquares(columns);
}

/** Coefficients of all columns but the last that come nearest to it: modified Gram & Schmidt, the last one taken along. */
function leastSquares(columns) {
  const N = columns.length - 1;
  const R = Array.from({ length: N }, () => new Float64Array(N + 1));
  for (let i = 0; i < N; i++) {
    const q = columns[i];
    const size = Math.sqrt(dot(q, q));
    for (let r = 0; r < q.length; r++) q[r] /= size;
    R[i][i] = size;
    for (let j = i + 1; j <= N; j++) {
      const other = columns[j];
      const along = (R[i][j] = dot(q, other));
      for (let r = 0; r < q.length; r++) other[r] -= along * q[r];
    }
  }
  const C = new Float64Array(N);
  for (let i = N - 1; i >= 0; i--) {
    let rest = R[i][N];
    for (let j = i + 1; j < N; j++) rest -= R[i][j] * C[j];
    C[i] = rest / R[i][i];
  }
  return C;
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** y (n, m, CLASSES) = C h. */
export function outputs({ h, rows, m, N }, C) {
  const y = new Float64Array(rows);
  for (let n = 0; n < N; n++)
    for (let r = 0; r < rows; r++) y[r] += C[Math.floor(r / CLASSES) % m][n] * h[n * rows + r];
  return y;
}

/** The class that each question finds loudest, `NOTHING` where all are silent: (n, m). */
export function answers(states, C) {
  const y = outputs(states, C);
  return Int16Array.from({ length: states.count * states.m }, (_, i) => {
    let [best, size] = [0, 0];
    for (let k = 0; k < CLASSES; k++) {
      if (y[i * CLASSES + k] > y[i * CLASSES + best]) best = k;
      size = Math.max(size, Math.abs(y[i * CLASSES + k]));
    }
    return size < SILENT ? NOTHING : best;
  });
}

/** Fits C on shuffled strips, scores it on others: { C, token, sequence }. gate: { delta, write, numbered }. */
export function outcome(strip, gate, N) {
  const strips = shuffled(strip);
  const found = askedStates(strips, gate, N);
  const targets = targetsOf(strips);
  const C = readOut(found, targets, STRIPS, gate.numbered);
  const said = answers(found, C);
  let [tokens, whole] = [0, 0];
  for (let s = STRIPS; s < 2 * STRIPS; s++) {
    let right = 0;
    for (let j = 0; j < strips.m; j++) right += said[s * strips.m + j] === targets[s * strips.m + j];
    tokens += right;
    whole += right === strips.m;
  }
  return { C, token: tokens / STRIPS / strips.m, sequence: whole / STRIPS };
}

/** What this very strip's questions answer: classes (m). */
export function recall(strip, gate, N, C) {
  return answers(askedStates(parse(strip), gate, N), C);
}

/** Constant Deltas that are tried for the best one. */
export const CONSTANTS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const best = new Map();

/** The constant Delta that recalls most: { delta, token }; each strip and N is searched once. */
export function bestConstant(strip, N, { write, numbered } = {}) {
  const key = `${strip} ${N} ${write} ${numbered}`;
  if (!best.has(key)) {
    const tried = CONSTANTS.map((d) => ({ delta: d, token: outcome(strip, { delta: Array(strip.length).fill(d), write, numbered }, N).token }));
    best.set(key, tried.reduce((a, b) => (b.token > a.token ? b : a)));
  }
  return best.get(key);
}

/** Delta that depends on the token alone, as S6's does; junk is treated as noise is. */
export function byKind(strip, { letters, rest, boundary = rest }) {
  return Array.from(strip, (token) => ({ letter: letters, boundary })[kindOf(token)] ?? rest);
}

/** What a letter that lasted `delta` adds to y when it is `age` old. */
export function kernel(C, delta, age) {
  let sum = 0;
  for (let n = 1; n <= C.length; n++) sum += C[n - 1] * Math.exp(-n * age) * (-Math.expm1(-n * delta) / n);
  return sum;
}
