// The Mamba block with every tensor on the way kept; the same as ssmviz/systems/block.py.
// A tensor is { data, rows, columns }: row t is token t. h and A_bar are (L, D N): channel d's states side by side.

const EPS = 1e-5; // of the RMSNorm

export const tensor = (rows, columns) => ({ data: new Float64Array(rows * columns), rows, columns });
export const sigmoid = (x) => 1 / (1 + Math.exp(-x));
export const silu = (x) => x * sigmoid(x);
export const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Weights as Python sends them, { shapes, weights }: name -> { data, rows, columns }, vectors being one row. */
export function readParameters({ shapes, weights }) {
  const read = ([name, shape]) => {
    const columns = shape[shape.length - 1];
    return [name, { data: Float64Array.from(weights[name]), rows: weights[name].length / columns, columns }];
  };
  return Object.fromEntries(Object.entries(shapes).map(read));
}

/** X W^T: (L, in) and (out, in) -> (L, out). */
export function linear(X, W) {
  const out = tensor(X.rows, W.rows);
  for (let t = 0; t < X.rows; t++)
    for (let i = 0; i < W.rows; i++) {
      let sum = 0;
      for (let k = 0; k < W.columns; k++) sum += X.data[t * X.columns + k] * W.data[i * W.columns + k];
      out.data[t * W.rows + i] = sum;
    }
  return out;
}

/** Entry by entry, of tensors of the same shape. */
export function map(f, ...tensors) {
  const [{ rows, columns }] = tensors;
  const out = tensor(rows, columns);
  for (let i = 0; i < out.data.length; i++) out.data[i] = f(...tensors.map(({ data }) => data[i]));
  return out;
}

/** Columns [from, to). */
export function columns(X, from, to) {
  const out = tensor(X.rows, to - from);
  for (let t = 0; t < X.rows; t++)
    out.data.set(X.data.subarray(t * X.columns + from, t * X.columns + to), t * (to - from));
  return out;
}

/** x / sqrt(mean x^2 + eps) * gain, row by row. */
export function rmsNorm(X, gain) {
  const out = tensor(X.rows, X.columns);
  for (let t = 0; t < X.rows; t++) {
    let sum = 0;
    for (let i = 0; i < X.columns; i++) sum += X.data[t * X.columns + i] ** 2;
    const scale = 1 / Math.sqrt(sum / X.columns + EPS);
    for (let i = 0; i < X.columns; i++) out.data[t * X.columns + i] = X.data[t * X.columns + i] * scale * gain.data[i];
  }
  return out;
}

/** c_t = bias + sum_k taps[k] x_(t - (d_conv - 1) + k) in each channel: zeros before the first token. */
export function causalConv(X, taps, bias) {
  const [K, D] = [taps.columns, X.columns];
  const out = tensor(X.rows, D);
  for (let t = 0; t < X.rows; t++)
    for (let d = 0; d < D; d++) {
      let sum = bias.data[d];
      for (let k = Math.max(0, K - 1 - t); k < K; k++) sum += taps.data[d * K + k] * X.data[(t - K + 1 + k) * D + d];
      out.data[t * D + d] = sum;
    }
  return out;
}

/** Columns of W, those of largest norm first. */
export function strongestFirst(W) {
  const norms = Array.from({ length: W.columns }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < W.rows; i++) sum += W.data[i * W.columns + j] ** 2;
    return sum;
  });
  return norms.map((_, j) => j).sort((a, b) => norms[b] - norms[a] || a - b);
}

/** Delta = softplus(dt W^T + bias + shift), from the `rank` strongest columns of W (all where undefined). */
export function stepSizes(dt, W, bias, { rank, shift = 0 }) {
  const used = strongestFirst(W).slice(0, rank ?? W.columns);
  const out = tensor(dt.rows, W.rows);
  for (let t = 0; t < dt.rows; t++)
    for (let d = 0; d < W.rows; d++) {
      let raw = bias.data[d] + shift;
      for (const r of used) raw += dt.data[t * dt.columns + r] * W.data[d * W.columns + r];
      out.data[t * W.rows + d] = softplus(raw);
    }
  return out;
}

/** A_bar = exp(Delta A) and h_t = A_bar h_(t-1) + Delta B x, both (L, D N). */
export function scan(x, delta, B, A_log) {
  const [L, D, N] = [x.rows, x.columns, B.columns];
  const [A_bar, h] = [tensor(L, D * N), tensor(L, D * N)];
  for (let t = 0; t < L; t++)
    for (let d = 0; d < D; d++) {
      const step = delta.data[t * D + d];
      const written = step * x.data[t * D + d];
      for (let n = 0; n < N; n++) {
        const i = (t * D + d) * N + n;
        A_bar.data[i] = Math.exp(-step * Math.exp(A_log.data[d * N + n]));
        h.data[i] = (t ? A_bar.data[i] * h.data[i - D * N] : 0) + written * B.data[t * N + n];
      }
    }
  return { A_bar, h };
}

/** y = C h + D x in each channel; D = 0 without `skip`. */
export function readOut(h, C, x, D_skip, skip) {
  const [D, N] = [x.columns, C.columns];
  const out = tensor(x.rows, D);
  for (let i = 0; i < out.data.length; i++) {
    const t = Math.floor(i / D);
    let y = skip ? D_skip.data[i % D] * x.data[i] : 0;
    for (let n = 0; n < N; n++) y += h.data[i * N + n] * C.data[t * N + n];
    out.data[i] = y;
  }
  return out;
}

/**
 * The block on the residual stream u (L, d_model). `p(name)` gives its parameters.
 * parts: { conv, gate, skip: switches; rank: of Delta; shift: of its bias }
 */
export function mambaBlock(p, u, gain, { conv = true, gate = true, skip = true, rank, shift } = {}) {
  const norm = rmsNorm(u, gain);
  const both = linear(norm, p("in_proj.weight"));
  const D = both.columns / 2;
  const [x, z] = [columns(both, 0, D), columns(both, D, 2 * D)];
  const mixed = conv ? causalConv(x, p("conv1d.weight"), p("conv1d.bias")) : x;
  const seen = map(silu, mixed);
  const [R, N] = [p("dt_proj.weight").columns, p("A_log").columns];
  const projected = linear(seen, p("x_proj.weight"));
  const dt = columns(projected, 0, R);
  const [B, C] = [columns(projected, R, R + N), columns(projected, R + N, R + 2 * N)];
  const delta = stepSizes(dt, p("dt_proj.weight"), p("dt_proj.bias"), { rank, shift });
  const { A_bar, h } = scan(seen, delta, B, p("A_log"));
  const y = readOut(h, C, seen, p("D"), skip);
  const gated = gate ? map((a, b) => a * silu(b), y, z) : y;
  const out = linear(gated, p("out_proj.weight"));
  return {
    u,
    norm,
    x,
    z,
    conv: mixed,
    silu: seen,
    dt,
    delta,
    B,
    C,
    A_bar,
    h,
    y,
    gated,
    out,
    residual: map((a, b) => a + b, u, out),
  };
}

/** Rows of the embedding. */
export function embed(E, tokens) {
  const out = tensor(tokens.length, E.columns);
  tokens.forEach((token, t) =>
    out.data.set(E.data.subarray(token * E.columns, (token + 1) * E.columns), t * E.columns),
  );
  return out;
}

/** logits (L, vocab) of tokens, and every block. */
export function network(parameters, tokens, parts) {
  const blocks = [];
  let u = embed(parameters["embedding.weight"], tokens);
  while (parameters[`layers.${blocks.length}.norm.weight`]) {
    const layer = `layers.${blocks.length}.`;
    blocks.push(mambaBlock((name) => parameters[`${layer}mixer.${name}`], u, parameters[`${layer}norm.weight`], parts));
    u = blocks.at(-1).residual;
  }
  return { logits: linear(rmsNorm(u, parameters["norm_f.weight"]), parameters["lm_head.weight"]), blocks };
}

/** Probabilities of the next token after token t. */
export function softmaxRow(logits, t) {
  const row = logits.data.subarray(t * logits.columns, (t + 1) * logits.columns);
  const most = Math.max(...row);
  const e = Float64Array.from(row, (v) => Math.exp(v - most));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / sum);
}

/** Parameters of every part of one block; dt_rank 0 stands for ceil(d_model / 16). */
export function parameterCounts(d_model, N, { expand = 2, dt_rank = 0, d_conv = 4 } = {}) {
  const [D, R] = [expand * d_model, dt_rank || Math.ceil(d_model / 16)];
  return {
    in_proj: 2 * D * d_model,
    conv1d: D * d_conv + D,
    x_proj: (R + 2 * N) * D,
    dt_proj: D * R + D,
    A_log: D * N,
    D,
    out_proj: d_model * D,
    norm: d_model,
  };
}
