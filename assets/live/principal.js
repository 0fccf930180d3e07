// The directions in which a set of points spreads most.

const FRESH = 40; // iterations of the power method from nowhere
const WARM = 10; // from the directions of the frame before: the picture needs a pixel, not a digit

/**
 * The two directions of largest variance of `state(n, t)`, n < N, over t < L, and the share of the variance they hold.
 * Never forms the N x N matrix. `previous` directions are the start, and their signs are kept, so that a picture
 * does not flip from frame to frame.
 */
export function principal(N, L, state, previous) {
  const X = centred(N, L, state);
  const along = new Float64Array(L);
  const directions = [];
  let explained = 0;
  for (let i = 0; i < 2; i++) {
    const before = previous?.[i]?.length === N ? previous[i] : undefined;
    let v = before ?? Float64Array.from({ length: N }, (_, n) => (n === i ? 1 : 0.1));
    let variance = 0;
    for (let k = 0; k < (before ? WARM : FRESH); k++) [v, variance] = powerStep(X, N, L, v, along, directions);
    const sign = before ? dot(v, before) : v.reduce((a, b) => a + b, 0);
    directions.push(sign < 0 ? v.map((w) => -w) : v);
    explained += variance;
  }
  return { directions, share: explained / (dot(X, X) || 1) };
}

/** Row n of the result, X[n * L ... (n + 1) * L], is state n less its mean. */
function centred(N, L, state) {
  const X = new Float64Array(N * L);
  for (let n = 0; n < N; n++) {
    let mean = 0;
    for (let t = 0; t < L; t++) mean += (X[n * L + t] = state(n, t)) / L;
    for (let t = 0; t < L; t++) X[n * L + t] -= mean;
  }
  return X;
}

/** v <- X X' v, made orthogonal to what is found and of length 1; also returns the variance along it. */
function powerStep(X, N, L, v, along, found) {
  along.fill(0);
  for (let n = 0; n < N; n++) for (let t = 0; t < L; t++) along[t] += v[n] * X[n * L + t];
  const w = new Float64Array(N);
  for (let n = 0; n < N; n++) for (let t = 0; t < L; t++) w[n] += X[n * L + t] * along[t];
  for (const u of found) {
    const share = dot(w, u);
    for (let n = 0; n < N; n++) w[n] -= share * u[n];
  }
  const size = Math.sqrt(dot(w, w));
  return size > 0 ? [w.map((value) => value / size), size] : [v, 0];
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
