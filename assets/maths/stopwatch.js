// How long one token takes here, in this browser: a step of S6, and attention of one query over a cache of L keys and values.

const WIDTH = 64; // of the model; S6 has twice as many channels
const STATES = 16;
const LEAST = 4; // ms of work behind every sample
const SAMPLES = 5; // the fastest counts: whatever else the machine does only slows it down
const WARM = 40; // ms until the browser has compiled both

/** One S6 step of `channels` channels with `states` states each. */
export function s6Step(h, A, x, delta, B, C, y) {
  const [D, N] = [x.length, B.length];
  for (let d = 0; d < D; d++) {
    let sum = 0;
    for (let n = 0; n < N; n++) {
      const i = d * N + n;
      h[i] = Math.exp(delta[d] * A[i]) * h[i] + delta[d] * B[n] * x[d];
      sum += C[n] * h[i];
    }
    y[d] = sum;
  }
}

/** One query over the first L rows of keys and values, all of width q.length. */
export function attentionStep(q, keys, values, L, scores, y) {
  const d = q.length;
  let most = -Infinity;
  for (let j = 0; j < L; j++) {
    let score = 0;
    for (let n = 0; n < d; n++) score += q[n] * keys[j * d + n];
    scores[j] = score / Math.sqrt(d);
    if (scores[j] > most) most = scores[j];
  }
  let sum = 0;
  for (let j = 0; j < L; j++) sum += scores[j] = Math.exp(scores[j] - most);
  y.fill(0);
  for (let j = 0; j < L; j++) {
    const weight = scores[j] / sum;
    for (let n = 0; n < d; n++) y[n] += weight * values[j * d + n];
  }
}

/** b of the best fit time = a L^b, by least squares in logarithms. */
export function growth(lengths, times) {
  const [x, y] = [lengths, times].map((values) => values.map(Math.log));
  const [mx, my] = [x, y].map((values) => values.reduce((a, b) => a + b, 0) / values.length);
  const [above, below] = [x.map((v, i) => (v - mx) * (y[i] - my)), x.map((v) => (v - mx) ** 2)];
  return above.reduce((a, b) => a + b, 0) / below.reduce((a, b) => a + b, 0);
}

/** Microseconds a step, the mean over at least `least` ms. */
function microseconds(step, clock, least = LEAST) {
  let [times, passed] = [0, 0];
  const start = clock();
  do {
    step();
    times += 1;
    passed = clock() - start;
  } while (passed < least);
  return (1000 * passed) / times;
}

const fastest = (step, clock) => Math.min(...Array.from({ length: SAMPLES }, () => microseconds(step, clock)));

/**
 * Calls found({ L, s6, attention }) for each length, microseconds a token of two S6 blocks and of one layer of attention,
 * both of width 64, float32, one thread. Between two lengths the page goes on.
 */
export async function race(
  lengths,
  found,
  clock = () => performance.now(),
  rest = () => new Promise((go) => setTimeout(go)),
) {
  const longest = Math.max(...lengths);
  const random = (n) => Float32Array.from({ length: n }, () => Math.random() - 0.5);
  const [D, N] = [2 * WIDTH, STATES];
  const [x, delta, B, C, h, y] = [random(D), random(D).map(Math.abs), random(N), random(N), random(D * N), random(D)];
  const A = Float32Array.from({ length: D * N }, (_, i) => -1 - (i % N));
  const [q, keys, values] = [random(WIDTH), random(longest * WIDTH), random(longest * WIDTH)];
  const [scores, out] = [new Float32Array(longest), new Float32Array(WIDTH)];
  const twice = () => {
    s6Step(h, A, x, delta, B, C, y);
    s6Step(h, A, x, delta, B, C, y);
  };
  const look = (L) => () => attentionStep(q, keys, values, L, scores, out);
  await rest();
  for (const step of [twice, look(lengths[0])]) microseconds(step, clock, WARM);
  for (const L of lengths) {
    await rest();
    found({ L, s6: fastest(twice, clock), attention: fastest(look(L), clock) });
  }
}
