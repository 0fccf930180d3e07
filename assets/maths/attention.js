// Attention beside selective scans; the same as ssmviz/systems/attention.py. Tensors as in block.js.

import { columns, embed, linear, map, rmsNorm, tensor } from "./block.js";

const ROTARY_BASE = 10_000;

/** alpha (L, L) = softmax(q k^T / sqrt(d)), causal: row i is what token i takes from tokens j <= i. */
export function softmaxWeights(q, k) {
  const [L, d] = [q.rows, q.columns];
  const out = tensor(L, L);
  for (let i = 0; i < L; i++) {
    const row = out.data.subarray(i * L, i * L + i + 1);
    let [most, sum] = [-Infinity, 0];
    for (let j = 0; j <= i; j++) {
      let score = 0;
      for (let n = 0; n < d; n++) score += q.data[i * d + n] * k.data[j * d + n];
      row[j] = score / Math.sqrt(d);
      most = Math.max(most, row[j]);
    }
    for (let j = 0; j <= i; j++) sum += row[j] = Math.exp(row[j] - most);
    for (let j = 0; j <= i; j++) row[j] /= sum;
  }
  return out;
}

/** Rotary positions: pair (v_i, v_(i + d/2)) of token t turns by t base^(-2i/d). */
export function rotate(v) {
  const [L, d] = [v.rows, v.columns];
  const out = tensor(L, d);
  for (let t = 0; t < L; t++)
    for (let i = 0; i < d / 2; i++) {
      const angle = t * ROTARY_BASE ** ((-2 * i) / d);
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const [a, b] = [v.data[t * d + i], v.data[t * d + d / 2 + i]];
      out.data[t * d + i] = a * cos - b * sin;
      out.data[t * d + d / 2 + i] = b * cos + a * sin;
    }
  return out;
}

/** alpha v. */
export function weigh(alpha, v) {
  const out = tensor(alpha.rows, v.columns);
  for (let i = 0; i < alpha.rows; i++)
    for (let j = 0; j <= i; j++) {
      const a = alpha.data[i * alpha.columns + j];
      for (let n = 0; n < v.columns; n++) out.data[i * v.columns + n] += a * v.data[j * v.columns + n];
    }
  return out;
}

/** logits (L, vocab) of an attention-only Transformer, one head a layer, and { q, k, v, alpha, y } of every layer. */
export function transformer(parameters, tokens) {
  const layers = [];
  let u = embed(parameters["embedding.weight"], tokens);
  const d = u.columns;
  while (parameters[`layers.${layers.length}.norm.weight`]) {
    const name = `layers.${layers.length}.`;
    const qkv = linear(rmsNorm(u, parameters[`${name}norm.weight`]), parameters[`${name}mixer.qkv.weight`]);
    const [q, k, v] = [rotate(columns(qkv, 0, d)), rotate(columns(qkv, d, 2 * d)), columns(qkv, 2 * d, 3 * d)];
    const alpha = softmaxWeights(q, k);
    const y = weigh(alpha, v);
    layers.push({ q, k, v, alpha, y });
    u = map((a, b) => a + b, u, linear(y, parameters[`${name}mixer.out_proj.weight`]));
  }
  return { logits: linear(rmsNorm(u, parameters["norm_f.weight"]), parameters["lm_head.weight"]), layers };
}

/** alpha (L, L) of channel d: alpha_ij = C_i (prod_(k=j+1..i) A_bar_k) Delta_j B_j, so that y = alpha x + D x. */
export function hiddenAttention({ delta, A_bar, B, C }, d) {
  const [L, D, N] = [delta.rows, delta.columns, B.columns];
  const out = tensor(L, L);
  const carried = new Float64Array(N);
  for (let j = 0; j < L; j++) {
    for (let n = 0; n < N; n++) carried[n] = delta.data[j * D + d] * B.data[j * N + n];
    for (let i = j; i < L; i++) {
      let sum = 0;
      for (let n = 0; n < N; n++) {
        if (i > j) carried[n] *= A_bar.data[(i * D + d) * N + n];
        sum += carried[n] * C.data[i * N + n];
      }
      out.data[i * L + j] = sum;
    }
  }
  return out;
}

/** Mean over all channels of |alpha|, (L, L). */
export function meanHiddenAttention(block) {
  const D = block.delta.columns;
  const out = tensor(block.delta.rows, block.delta.rows);
  for (let d = 0; d < D; d++) {
    const { data } = hiddenAttention(block, d);
    for (let i = 0; i < data.length; i++) out.data[i] += Math.abs(data[i]) / D;
  }
  return out;
}

/** Largest |alpha x + D x - y| over all tokens of channel d. */
export function mismatch(alpha, { silu: x, y }, D_skip, d) {
  let most = 0;
  for (let i = 0; i < alpha.rows; i++) {
    let sum = D_skip.data[d] * x.data[i * x.columns + d];
    for (let j = 0; j <= i; j++) sum += alpha.data[i * alpha.columns + j] * x.data[j * x.columns + d];
    most = Math.max(most, Math.abs(sum - y.data[i * y.columns + d]));
  }
  return most;
}

/** Keys and values of L tokens: 2 width numbers a layer and token. */
export const cacheBytes = (L, { layers, width, bytesEach = 2 }) => 2 * layers * width * bytesEach * L;

/** The state h and the newest d_conv - 1 inputs of the convolution, whatever the number of tokens. */
export const stateBytes = ({ layers, width, N = 16, expand = 2, d_conv = 4, bytesEach = 4 }) =>
  layers * expand * width * (N + d_conv - 1) * bytesEach;

/** Multiplications and additions of q k^T and alpha v in one causal layer: 2 d each for every pair j <= i. */
export const attentionOperations = (L, d) => 4 * d * ((L * (L + 1)) / 2);

/** Of a selective scan, exponentials counted as one: 7 for every token, channel and state, 3 more for every channel. */
export const scanOperations = (L, D, N) => L * D * (7 * N + 3);
