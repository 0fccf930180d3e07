// What the lesson on memory computes: the signal, the state after every sample, and all there is at one moment.

import { bestErrors, delayed, memory, online, relativeError, run, tones } from "../maths/hippo.js";
import { legendreSum } from "../maths/legendre.js";
import { memo } from "./memo.js";

export const L = 512; // samples; these five as in ssmviz/lessons/memory.py
export const POINTS = 64; // that a person draws
export const MOST = 64; // coefficients
const SECONDS = 10;
const LEVELS = [0.8, -0.6, 0.2, 1.4, -1.2];
const FADED = 3; // time constants of a fading memory that are drawn

export const length = ({ fast }) => (fast ? SECONDS / 2 : SECONDS);
export const step = (values) => length(values) / L;

export function signal(kind, drawing) {
  return Float64Array.from({ length: L }, (_, i) => {
    const r = (i + 0.5) / L;
    if (kind === "tones") return tones(r);
    if (kind === "steps") return LEVELS[Math.floor(r * LEVELS.length)];
    const at = Math.max(0, Math.min(POINTS - 1, r * POINTS - 0.5));
    const left = Math.min(POINTS - 2, Math.floor(at));
    return drawing[left] + (at - left) * (drawing[left + 1] - drawing[left]);
  });
}

/** The memory that is shown; a random one is the server's, for the N that was released last. */
export function chosen(measure, N, theta, random) {
  if (measure !== "random") return memory(measure, N, theta);
  const size = random.B.length;
  const A = random.A.map((row) => Float64Array.from(row, (a) => a / theta));
  return { ...memory("legt", size, theta), name: "random", A, B: random.B.map((b) => b / theta) };
}

export const states = (given, f, dt) => (given.name === "random" ? run : online)(given, f, dt);

/** The basis at the ages of all samples that a window or a fading memory covers; LegS's moves with time. */
export function windowBasis(given, dt) {
  if (given.scaled || given.name === "random") return null;
  const covered = Math.min(L, Math.round(reach(given) / dt));
  return given.basis(Array.from({ length: covered }, (_, j) => (j + 0.5) * dt));
}

export const reach = ({ bounded, theta }) => (bounded ? theta : FADED * theta);

/** Relative error; 0 where there is nothing to be remembered. */
const off = (f, curve) => relativeError(f, curve) || 0;

/** Everything at the clock's moment: sample k, the state, the remembered curve and its error. */
export function moment(stage) {
  const { values, derived } = stage;
  const { f, memory: given, c } = derived;
  const k = Math.max(1, Math.min(L, Math.floor((stage.clock / length(values)) * L)));
  const state = c.subarray((k - 1) * given.N, k * given.N);
  const { times, curve } = remembered(stage, given, state, k);
  const from = times.map((t) => f[Math.max(0, Math.min(L - 1, Math.floor(t / step(values))))]);
  return { k, now: k * step(values), state, times, curve, error: off(from, curve) };
}

function remembered({ values, extra, derived }, given, state, k) {
  const dt = step(values);
  if (given.name === "random") return readOut(extra, given, state, k * dt);
  const covered = given.scaled ? k : Math.min(k, derived.window[0].length);
  const times = Float64Array.from({ length: covered }, (_, j) => (k - j - 0.5) * dt);
  if (given.scaled)
    return {
      times,
      curve: legendreSum(
        state,
        given.N,
        Array.from(times, (t) => t / (k * dt)),
      ),
    };
  const curve = new Float64Array(covered);
  for (let n = 0; n < given.N; n++) for (let j = 0; j < covered; j++) curve[j] += state[n] * derived.window[n][j];
  return { times, curve };
}

/** The best linear read-out of a random state, at the ages for which the server has computed it. */
function readOut({ ages, random }, { theta }, state, now) {
  const seen = ages.filter((age) => age <= 1 && age * theta < now);
  const curve = Float64Array.from(seen, (_, i) => random.weights[i].reduce((sum, w, n) => sum + w * state[n], 0));
  return { times: Float64Array.from(seen, (age) => now - age * theta), curve };
}

const LARGEST = memory("legs", MOST);
const wholePast = memo(() =>
  LARGEST.basis(
    Array.from({ length: L }, (_, j) => (L - j - 0.5) / L),
    1,
  ),
);

/** Errors of LegS at the story's end for every N, from one run: A is lower triangular. */
export function legsErrors(f) {
  const state = online(LARGEST, f).subarray((L - 1) * MOST);
  const curve = new Float64Array(L);
  const legs = wholePast().map((row, n) => {
    for (let i = 0; i < L; i++) curve[i] += state[n] * row[i];
    return off(f, curve);
  });
  return { legs, best: bestErrors(f, MOST).map((error) => error || 0) };
}

/** LegT's coefficients c, which are the LMU's in another scale, read at one age. */
export function delayLine(c, f, N, read, theta, dt) {
  const late = (read * theta) / dt; // samples
  const said = delayed(c, N, read);
  const was = Float64Array.from(f, (_, k) => between(f, k + 0.5 - late)); // the state is that at a sample's end
  return { said, was, late: late * dt, error: off(was, said) };
}

/** f between its samples; 0 before them, the last one after them. */
function between(f, at) {
  if (at < 0) return 0;
  const left = Math.floor(at);
  return left >= L - 1 ? f[L - 1] : f[left] + (at - left) * (f[left + 1] - f[left]);
}

/** What is shown, as the points of a drawing. */
export function points({ values, derived }) {
  if (values.signal === "drawn") return [...values.drawing];
  return Array.from(
    { length: POINTS },
    (_, i) => Math.round(100 * derived.f[Math.floor(((i + 0.5) / POINTS) * L)]) / 100,
  );
}

/** The measure at `now` over time, and what fills the axis: 1 / theta, for LegS half of the story's first second. */
export function weights({ values, derived }, now) {
  const given = derived.memory;
  if (given.name === "random") return { at: [], weight: [], peak: 1 };
  const oldest = given.scaled ? now : Math.min(now, given.bounded ? given.theta : now);
  const at = Array.from({ length: 61 }, (_, i) => now - oldest * (1 - i / 60));
  const weight = given.density(
    at.map((t) => now - t - 1e-9),
    now,
  );
  return { at, weight, peak: given.scaled ? 4 / length(values) : 1 / given.theta };
}

/** The first basis functions by age; of a random system, the first states after an impulse. */
export function curves({ derived }, shown) {
  const given = derived.memory;
  const count = Math.min(shown, given.N);
  if (given.name === "random") {
    const answer = run(
      given,
      Float64Array.from({ length: 100 }, (_, k) => (k ? 0 : 100 / given.theta)),
      given.theta / 100,
    );
    return Array.from({ length: count }, (_, n) =>
      Float64Array.from({ length: 100 }, (_, k) => answer[k * given.N + n]),
    );
  }
  const oldest = given.scaled ? 1 : reach(given);
  return given
    .basis(
      Array.from({ length: 101 }, (_, i) => (i / 100) * oldest),
      1,
    )
    .slice(0, count);
}
