// You are the gate, as ssmviz/systems/gate.py: selective copying with nothing learned but one read-out, in closed form.

import { CLASSES, NOTHING, parse, questionDelta, shuffled, STRIPS } from "./strips.js";

const RIDGE = 1e-12; // keeps C finite where states cannot be told apart
const SILENT = 1e-9; // below it nothing was written, and nothing is answered

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

/** What a letter adds to its channel's states: N numbers a token, B_bar. */
function writes({ delta, write }, N) {
  const B_bar = (d, n) => -Math.expm1(-n * d) / n;
  return delta.map((d, t) => Float64Array.from({ length: N }, (_, i) => B_bar(d, i + 1) * (write?.[t] ?? 1)));
}

/** h at the questions, state by state: (N, n, m, CLASSES). A letter's trace depends on its age alone. */
export function askedStates(strips, { delta, write }, N) {
  const { n: count, L, m, source, channel } = strips;
  const wait = questionDelta(strips, delta);
  const rows = count * m * CLASSES;
  const h = new Float64Array(N * rows);
  const written = writes({ delta, write }, N);
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

/** Which rows h at the end of the strips has: a class of a strip that something writes to is a row. */
function rowsOf(strips) {
  if (strips.rows) return strips.rows;
  const { n, L, m, channel, asked } = strips;
  const [of, begin, target] = [new Int32Array(n * L).fill(NOTHING), new Int32Array(n + 1), new Int32Array(n * m)];
  let count = 0;
  for (let s = 0; s < n; s++) {
    const row = {};
    for (let t = s * L; t < (s + 1) * L; t++) if (channel[t] !== NOTHING) of[t] = row[channel[t]] ??= count++;
    for (let j = s * m; j < (s + 1) * m; j++) target[j] = of[s * L + asked[j]];
    begin[s + 1] = count;
  }
  return (strips.rows = { of, begin, target, count });
}

/** h after the last token, a column for each state: (N, rows). */
function endStates(strips, { delta, write }, N) {
  const { n, L, source } = strips;
  const { of, count } = rowsOf(strips);
  const h = Array.from({ length: N }, () => new Float64Array(count));
  const written = writes({ delta, write }, N);
  for (let s = 0; s < n; s++)
    for (let t = (s + 1) * L - 1, age = 0; t >= s * L; t--) {
      if (of[t] !== NOTHING) {
        const [left, w] = [Math.exp(-age), written[source[t]]];
        for (let i = 0, power = left; i < N; i++, power *= left) h[i][of[t]] += power * w[i];
      }
      age += delta[source[t]];
    }
  return h;
}

/**
 * C, m rows of N: least squares to y = 1 for the class that is asked for and 0 for the others, on the first strips.
 *
 * At question j the states are h D^j with D = exp(-n wait). With h = Q R the problem is that of the small R D^j against
 * Q' times what is wanted. Numbered questions have a C each, the others share one.
 */
function readOut(h, strips, wait, numbered) {
  const { m } = strips;
  const { begin, target } = rowsOf(strips);
  const { Q, R } = orthogonal(h.map((column) => column.slice(0, begin[STRIPS])));
  const N = h.length;
  const block = (j) => {
    const columns = Array.from({ length: N }, (_, n) => Array.from(R, (row) => row[n] * Math.exp(-(n + 1) * (j + 1) * wait)));
    const wanted = Q.map((q) => {
      let sum = 0;
      for (let s = 0; s < STRIPS; s++) sum += q[target[s * m + j]];
      return sum;
    });
    return [...columns, wanted];
  };
  const blocks = Array.from({ length: m }, (_, j) => block(j));
  if (numbered) return blocks.map((one) => leastSquares([one], N));
  return Array(m).fill(leastSquares(blocks, N));
}

/** Ridge regression of the last column of stacked blocks on the others. */
function leastSquares(blocks, N) {
  const columns = Array.from({ length: N + 1 }, (_, n) => {
    const ridge = Float64Array.from({ length: N }, (_, i) => (i === n ? Math.sqrt(RIDGE) : 0));
    return Float64Array.from([...blocks.flatMap((block) => Array.from(block[n])), ...ridge]);
  });
  const { R } = orthogonal(columns);
  const C = new Float64Array(N);
  for (let i = N - 1; i >= 0; i--) {
    let rest = R[i][N];
    for (let j = i + 1; j < N; j++) rest -= R[i][j] * C[j];
    C[i] = rest / R[i][i];
  }
  return C;
}

/** Columns = Q R by modified Gram & Schmidt; the columns are used up. */
function orthogonal(columns) {
  const R = columns.map(() => new Float64Array(columns.length));
  columns.forEach((q, i) => {
    const size = Math.sqrt(dot(q, q));
    R[i][i] = size;
    if (size) for (let r = 0; r < q.length; r++) q[r] /= size;
    for (let j = i + 1; j < columns.length; j++) {
      const other = columns[j];
      const along = (R[i][j] = dot(q, other));
      for (let r = 0; r < q.length; r++) other[r] -= along * q[r];
    }
  });
  return { Q: columns, R };
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
  const { m } = strips;
  const wait = questionDelta(strips, gate.delta);
  const h = endStates(strips, gate, N);
  const C = readOut(h, strips, wait, gate.numbered);
  const right = new Uint8Array(STRIPS);
  for (let j = 0; j < m; j++) {
    const y = new Float64Array(h[0].length);
    h.forEach((column, n) => {
      const c = C[j][n] * Math.exp(-(n + 1) * (j + 1) * wait);
      for (let r = 0; r < y.length; r++) y[r] += c * column[r];
    });
    for (let s = 0; s < STRIPS; s++) right[s] += isLoudest(y, strips, STRIPS + s, j);
  }
  const tokens = right.reduce((a, b) => a + b, 0);
  const whole = right.reduce((a, b) => a + (b === m), 0);
  return { C, token: tokens / STRIPS / m, sequence: whole / STRIPS };
}

/** Whether the class asked for has the largest y of its strip; classes that nothing writes to have y = 0. */
function isLoudest(y, strips, s, j) {
  const { begin, target } = rowsOf(strips);
  const own = y[target[s * strips.m + j]];
  let loudest = begin[s + 1] - begin[s] < CLASSES ? 0 : -Infinity;
  for (let r = begin[s]; r < begin[s + 1]; r++) loudest = Math.max(loudest, y[r]);
  return own === loudest && Math.abs(own) >= SILENT;
}

/** What this very strip's questions answer: classes (m). */
export function recall(strip, gate, N, C) {
  return answers(askedStates(parse(strip), gate, N), C);
}

/** Constant Deltas that are tried for the best one. */
export const CONSTANTS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const searches = new Map();

/** The constant Delta that recalls most: { delta, token }; each strip, N and gate is searched once. */
export function bestConstant(strip, N, gate) {
  for (;;) {
    const { done, best } = searchConstant(strip, N, gate);
    if (done) return best;
  }
}

/** The same, one constant more at each call: { done, best } so far. */
export function searchConstant(strip, N, { write, numbered } = {}) {
  const key = `${strip} ${N} ${write} ${numbered}`;
  const search = searches.get(key) ?? { tried: 0, best: { token: -1 } };
  searches.set(key, search);
  const delta = CONSTANTS[search.tried];
  if (delta !== undefined) {
    const { token } = outcome(strip, { delta: Array(strip.length).fill(delta), write, numbered }, N);
    if (token > search.best.token) search.best = { delta, token };
    search.tried += 1;
  }
  return { done: search.tried >= CONSTANTS.length, best: search.best };
}

/** What a letter that lasted `delta` adds to y when it is `age` old. */
export function kernel(C, delta, age) {
  let sum = 0;
  for (let n = 1; n <= C.length; n++) sum += C[n - 1] * Math.exp(-n * age) * (-Math.expm1(-n * delta) / n);
  return sum;
}
