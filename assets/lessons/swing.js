// What the pictures of lesson 1 show: the run of the spring, its poles, and where both stand now.

import { massSpring, mode, read, spring, states, weakestWay } from "../maths/continuous.js";
import { eigenvalues2 } from "../maths/linalg.js";

const HELD = 96; // as in ssmviz/lessons/continuous.py
export const HOLD = 0.125;
const FINE = 4; // points drawn for every held value
export const DT = HOLD / FINE;
export const SECONDS = HELD * HOLD;
export { HELD };
const KICK_ENDS = 12; // held values
const SNAP = 0.1; // so near to the axis a pair becomes two real poles

export function derive(stage) {
  stage
    .derive("system", (v) => massSpring({ ...v, C: [v.c1, v.c2] }))
    .derive("poles", () => ordered(eigenvalues2(stage.derived.system.A), stage))
    .derive("x", heldInput)
    .derive("run", () => run(stage, stage.derived.x))
    .derive("other", (v) => (v.twin && v.write ? run(stage, otherPast(stage)) : null));
}

function heldInput({ input, omega, drawing }) {
  if (input === "drawn") return drawing;
  const shapes = {
    kick: (k) => (k >= 8 && k < 12 ? 1 : 0),
    step: (k) => (k >= 8 ? 1 : 0),
    sine: (k) => Math.sin(omega * HOLD * (k + 0.5)),
  };
  return Array.from({ length: HELD }, (_, k) => shapes[input](k));
}

/** Everything over time, FINE points for every held value: t, x, the two states, C h, y, and the largest of each. */
function run(stage, held) {
  const { system } = stage.derived;
  const x = held.flatMap((value) => Array(FINE).fill(value));
  const [q, speed] = states(system, x, DT);
  x.push(held.at(-1));
  const seen = read(system.C, [q, speed]);
  const y = seen.map((value, t) => value + system.D * x[t]);
  const t = Float64Array.from(x, (_, i) => i * DT);
  return {
    t,
    x,
    held,
    q,
    speed,
    seen,
    y,
    most: { x: largest(x), q: largest(q), speed: largest(speed), y: largest(y, seen) },
  };
}

function otherPast(stage) {
  const { system, run: given, x } = stage.derived;
  const K = Math.round(stage.values.now / HOLD);
  const target = [given.q[K * FINE], given.speed[K * FINE]];
  return [...weakestWay(system, target, K, HOLD), ...x.slice(K)];
}

function largest(...rows) {
  let most = 0;
  for (const row of rows) for (const value of row) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
}

/** The next of 1, 2, 5, 10 ... above, so that axes change seldom. */
function nice(value) {
  if (!Number.isFinite(value) || value === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((m) => m * power).find((m) => m >= value * 1.02) ?? 20 * power;
}

export const symmetric = (value) => [-1.1 * nice(value), 1.1 * nice(value)];
export const timeOf = (stage) => stage.cursor ?? stage.clock;
export const indexOf = (stage) => Math.max(0, Math.min(HELD * FINE, Math.round(timeOf(stage) / DT)));

/** Where the run stands at the cursor or, without one, at the clock. */
export function nowOf(stage) {
  const { run: got, system } = stage.derived;
  const i = indexOf(stage);
  const x = got.x[i];
  const [q, speed] = [got.q[i], got.speed[i]];
  const Ah = system.A[1][0] * q + system.A[1][1] * speed;
  const [Bx, Ch, Dx] = [system.B[1] * x, got.seen[i], system.D * x];
  const most = Math.max(got.most.x, got.most.q, got.most.speed, got.most.y);
  return { x, h: [q, speed], y: got.y[i], Bx, Ah, Ch, Dx, most };
}

/** How large a swing from a kick still is, [t, size] from its end on: e^(Re t), where the poles ring. */
export function envelope(stage) {
  const { run: got, system, poles } = stage.derived;
  const [[re, im]] = poles;
  if (stage.values.input !== "kick" || !im) return null;
  const from = KICK_ENDS * FINE;
  const [h, slope] = [[got.q[from], got.speed[from]], (row) => row[0] * got.q[from] + row[1] * got.speed[from]];
  const seen = system.C[0] * h[0] + system.C[1] * h[1];
  const rate = system.C[0] * slope(system.A[0]) + system.C[1] * slope(system.A[1]);
  const size = Math.hypot(seen, (rate - re * seen) / im);
  const t = got.t.slice(from);
  return { t, size: t.map((at) => size * Math.exp(re * (at - t[0]))), start: t[0] };
}

// -- poles ------------------------------------------------------------------------------------------------------------

/** The mode that lasts longest. */
export function slowest(stage) {
  return stage.derived.poles.reduce((slow, pole) => (pole[0] > slow[0] ? pole : slow));
}

/** Poles in the order in which they were shown last, so that a handle stays under the pointer. */
function ordered(found, stage) {
  const before = stage.polesShown;
  const away = ([a, b]) =>
    Math.hypot(a[0] - before[0][0], a[1] - before[0][1]) + Math.hypot(b[0] - before[1][0], b[1] - before[1][1]);
  const turned = [found[1], found[0]];
  stage.polesShown = before && away(turned) < away(found) ? turned : found;
  return stage.polesShown;
}

/** Puts one pole at (x, y); the other is its mirror image, or stays on the axis. */
export function move(stage, which, x, y) {
  const other = stage.derived.poles[1 - which];
  const pair = Math.abs(y) > SNAP;
  const placed = pair
    ? [
        [x, y],
        [x, -y],
      ]
    : [
        [x, 0],
        [other[1] ? x : other[0], 0],
      ];
  stage.polesShown = which ? [placed[1], placed[0]] : placed;
  const { b, k } = spring(placed, stage.values.m);
  stage.set({ b: allowed(stage, "b", b), k: allowed(stage, "k", k) });
}

/** The nearest value that a control takes. */
export function allowed(stage, name, value) {
  const { low, high } = stage.controls.find((spec) => spec.name === name);
  return Number(Math.max(low, Math.min(high, value)).toFixed(2));
}
