// Complex numbers as pairs [re, im]. Nothing is changed in place; every function takes and gives pairs.

export const ZERO = [0, 0];
export const ONE = [1, 0];
export const I = [0, 1];

/** A real number as a pair. */
export const real = (value) => [value, 0];

export const add = ([a, b], [c, d]) => [a + c, b + d];
export const sub = ([a, b], [c, d]) => [a - c, b - d];
export const mul = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
export const scale = ([a, b], factor) => [a * factor, b * factor];
export const conj = ([a, b]) => [a, -b];

/** z / w, scaled as Smith 1962 so that no square overflows; [NaN, NaN] for w = 0. */
export function div([a, b], [c, d]) {
  if (Math.abs(c) >= Math.abs(d)) {
    const r = d / c;
    const den = c + d * r;
    return [(a + b * r) / den, (b - a * r) / den];
  }
  const r = c / d;
  const den = c * r + d;
  return [(a * r + b) / den, (b * r - a) / den];
}

export const abs = ([a, b]) => Math.hypot(a, b);

/** The angle in (-pi, pi]. */
export const arg = ([a, b]) => Math.atan2(b, a);

/** r e^(i angle). */
export const polar = (r, angle) => [r * Math.cos(angle), r * Math.sin(angle)];

export const exp = ([a, b]) => polar(Math.exp(a), b);

/** e^z - 1, without cancellation near 0. */
export function expm1([a, b]) {
  const half = Math.sin(b / 2);
  return [Math.expm1(a) * Math.cos(b) - 2 * half * half, Math.exp(a) * Math.sin(b)];
}

/** The root with a real part of at least 0. */
export function sqrt([a, b]) {
  const r = Math.hypot(a, b);
  if (r === 0) return [0, 0];
  const high = Math.sqrt((r + Math.abs(a)) / 2);
  const low = Math.abs(b) / (2 * high);
  const sign = b < 0 ? -1 : 1;
  return a >= 0 ? [high, sign * low] : [low, sign * high];
}

/** z^n for a whole n >= 0, by squaring. */
export function power(z, n) {
  let result = ONE;
  for (let base = z, left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2) result = mul(result, base);
    base = mul(base, base);
  }
  return result;
}

const SERIES_BELOW = 1; // where (phi1(v) - 1) / v would cancel, the Taylor series is used
const SERIES_TERMS = 20;

/** (e^v - 1) / v, and 1 at v = 0: the integral of e^(s v) over s from 0 to 1. */
export const phi1 = (v) => (v[0] === 0 && v[1] === 0 ? ONE : div(expm1(v), v));

/** (e^v - 1 - v) / v^2, and 1/2 at v = 0. */
export function phi2(v) {
  if (abs(v) >= SERIES_BELOW) return div(sub(phi1(v), ONE), v);
  let sum = ZERO;
  let term = [0.5, 0];
  for (let k = 0; k < SERIES_TERMS; k++) {
    sum = add(sum, term);
    term = scale(mul(term, v), 1 / (k + 3));
  }
  return sum;
}
