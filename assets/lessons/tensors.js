// What the lesson on the block computes: every tensor of the network on the tokens, as pictures, and what it answers.

import { network, readParameters, softmaxRow } from "../maths/block.js";
import { numbersOf, rightAnswer } from "./letters.js";
import { NODES } from "./nodes.js";

const SATURATED = 0.98; // quantile where colours end, so that one loud channel does not hide the others
const STILL = 120; // ms after which other rows are counted again: 50 of them take longer than a redraw may
const MAGNITUDES = new Set(["delta", "A_bar", "h"]);

// what happened on the way to each tensor
export const STORY = {
  u: "one row of the embedding per token: what comes in",
  norm: "u divided by its root mean square, times a learned gain",
  x: "first half of in_proj: d_model → D = 2 d_model channels",
  z: "second half of in_proj: only used as the gate",
  conv: "each channel mixes x of this token and the three before it",
  silu: "x σ(x): what S6 reads",
  dt: "a few numbers a token, from x_proj: the low rank of Δ",
  delta: "softplus(dt_proj · dt + bias): how long this token lasts in each channel",
  A_bar: "exp(Δ A), mean over the states: the share that is kept",
  B: "from x_proj: what this token writes, the same for all channels",
  C: "from x_proj: what is read, the same for all channels",
  h: "root mean square over the states of each channel: the memory",
  y: "C h + D x: what is read from the memory",
  gated: "y times SiLU(z): the gate lets it pass or not",
  out: "out_proj: D → d_model channels",
  residual: "u + out: what goes on to the head",
};

export const coloursOf = (id) => (MAGNITUDES.has(id) ? "magnitude" : "signed");
export const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const partsOf = ({ conv, gate, skip, rank, shift }) => ({ conv, gate, skip, rank, shift });

/** Derives block, pictures and answer from the values; returns { D, N, othersRight() }. */
export function compute(stage) {
  const { vocabulary, others } = stage.extra;
  const parameters = readParameters(stage.extra);
  const { rows: D, columns: N } = parameters["layers.0.mixer.A_log"];
  const run = (values, text) => network(parameters, numbersOf(text, vocabulary), partsOf(values));
  const answer = ({ logits }) => {
    const chances = softmaxRow(logits, logits.rows - 1);
    const best = chances.indexOf(Math.max(...chances));
    return { said: vocabulary[best], chance: chances[best], chances };
  };
  stage.derive("run", (values) => run(values, values.tokens));
  stage.derive("block", () => stage.derived.run.blocks[0]);
  stage.derive("answer", () => answer(stage.derived.run));
  stage.derive("pictures", () => pictures(stage.derived.block, D, N));

  const right = (text) => answer(run(stage.values, text)).said === rightAnswer(text);
  const count = () => others.filter(right).length / others.length;
  return { D, N, othersRight: whenStill(stage, () => JSON.stringify(partsOf(stage.values)), count) };
}

/** The newest `make()`, made again a moment after `key()` has changed for the last time. */
function whenStill(stage, key, make) {
  let [value, made, timer] = [undefined, undefined, undefined];
  return () => {
    const now = key();
    if (made === undefined) [value, made] = [make(), now];
    clearTimeout(timer);
    if (now !== made)
      timer = setTimeout(() => {
        [value, made] = [make(), key()];
        stage.touch("values");
      }, STILL);
    return value;
  };
}

/** Channels down, tokens across; h and A_bar summed up over their states; and where the colours end. */
function pictures(block, D, N) {
  const found = Object.keys(NODES).map((id) => {
    const data = block[id].columns === D * N ? perChannel(id, block[id], D, N) : turned(block[id]);
    const sizes = data.data.map(Math.abs).sort();
    const most = id === "A_bar" ? 1 : sizes[Math.floor(SATURATED * (sizes.length - 1))] || sizes.at(-1) || 1;
    return [id, { ...data, most, colours: coloursOf(id) }];
  });
  return Object.fromEntries(found);
}

function turned({ data, rows: L, columns: rows }) {
  const out = new Float64Array(rows * L);
  for (let t = 0; t < L; t++) for (let r = 0; r < rows; r++) out[r * L + t] = data[t * rows + r];
  return { data: out, rows, columns: L };
}

function perChannel(id, { data, rows: L }, D, N) {
  const out = new Float64Array(D * L);
  for (let t = 0; t < L; t++)
    for (let d = 0; d < D; d++) {
      const states = data.subarray((t * D + d) * N, (t * D + d + 1) * N);
      out[d * L + t] = id === "h" ? Math.sqrt(mean(states.map((v) => v * v))) : mean(states);
    }
  return { data: out, rows: D, columns: L };
}
