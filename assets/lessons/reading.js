// Who reads from whom: the attention hidden in S6 beside softmax attention, on the same tokens, and what both carry on.

import { Bars } from "../canvas/bars.js";
import { Matrix } from "../canvas/matrix.js";
import { hiddenAttention, meanHiddenAttention, mismatch, transformer } from "../maths/attention.js";
import { network, readParameters, softmaxRow } from "../maths/block.js";
import { Carried } from "./carried.js";
import { numbersOf, show } from "./letters.js";

const SATURATED = 4; // where the colours of what is carried end

/** Everything that follows from the tokens, as `stage.derived.*`: a dragged slider computes none of it again. */
export function read(stage) {
  const { vocabulary } = stage.extra;
  const [s6, other] = [readParameters(stage.extra.mamba), readParameters(stage.extra.transformer)];
  const keep = (name, inputs, make) => {
    let [key, value] = [];
    stage.derive(name, (values) => {
      const now = inputs.map((input) => values[input]).join();
      if (now !== key) [key, value] = [now, make(values)];
      return value;
    });
  };
  keep("runs", ["tokens"], ({ tokens }) => {
    const ids = numbersOf(tokens, vocabulary);
    return { s6: network(s6, ids), softmax: transformer(other, ids) };
  });
  keep("said", ["tokens"], ({ tokens }) =>
    [stage.derived.runs.s6, stage.derived.runs.softmax].map(({ logits }) => {
      const chances = softmaxRow(logits, tokens.length - 1);
      return vocabulary[chances.indexOf(Math.max(...chances))];
    }),
  );
  keep("hidden", ["tokens", "channel"], ({ channel }) => {
    const [block] = stage.derived.runs.s6.blocks;
    return channel ? hiddenAttention(block, channel - 1) : shares(meanHiddenAttention(block));
  });
  keep("mismatch", ["tokens"], () => {
    const [block] = stage.derived.runs.s6.blocks;
    const channels = Array.from({ length: block.delta.columns }, (_, d) => d);
    return Math.max(...channels.map((d) => mismatch(hiddenAttention(block, d), block, s6["layers.0.mixer.D"], d)));
  });
  keep("softmax", ["tokens", "layer"], ({ layer }) => stage.derived.runs.softmax.layers[Number(layer) - 1].alpha);
}

/** The token that is looked at. */
export const lookedAt = ({ cursor, values }) => Math.floor(cursor ?? values.tokens.length - 1);

const label = (stage) => (t) => show(stage.values.tokens[t] ?? "");

/** Both attention matrices: rows read, columns are read; the framed row is the token that is looked at. */
export function matrices(stage) {
  const square = (name, title, colours, note) =>
    new Matrix(stage, {
      name,
      title,
      note,
      height: 300,
      cells: "fill",
      numbers: false,
      values: () => stage.derived[name],
      get colours() {
        return colours();
      },
      rowLabel: label(stage),
      columnLabel: label(stage),
      down: "who reads",
      hover: (cell) => cell && stage.setCursor(cell[0]),
      mark: () => [{ r: lookedAt(stage), c: 0, columns: stage.values.tokens.length }],
      key: (event) => stage.cursorKey(event, stage.values.tokens.length),
    });
  const ofChannel = ({ values: { channel } }) =>
    channel ? `channel ${channel}, signs and all` : "mean |α| of all channels, every row scaled to 1";
  return [
    square("hidden", "Hidden attention of S6", () => (stage.values.channel ? "signed" : "magnitude"), ofChannel),
    square(
      "softmax",
      "Softmax attention",
      () => "magnitude",
      ({ values: { layer } }) => `layer ${layer} of 2, columns are read by rows`,
    ),
  ];
}

/** The framed row of both matrices, token by token below the strip. */
export function row(stage) {
  const of = ({ data, columns }) => {
    const t = lookedAt(stage);
    return Array.from(data.subarray(t * columns, (t + 1) * columns));
  };
  const s6 = () => ({
    name: "S6: |α|, in shares of the row",
    colour: stage.theme.runs[0],
    values: of(shares(stage.derived.hidden)),
  });
  return new Bars(stage, {
    name: "reads",
    title: "Where the framed token reads",
    height: 120,
    follows: ["cursor"],
    low: 0,
    high: 1,
    values: () => of(stage.derived.softmax),
    colour: () => stage.theme.runs[1],
    lines: () => [s6()],
    label: label(stage),
    note: () => `bars: softmax; token ${lookedAt(stage) + 1}, ${label(stage)(lookedAt(stage))}`,
  });
}

/** What both carry to the next token: keys and values of all tokens so far, or h and the inputs of the convolution. */
export function carried(stage) {
  const cache = () => {
    const parts = stage.derived.runs.softmax.layers.flatMap(({ k, v }) => [k, v]);
    const d = parts[0].columns;
    const data = (r, t) => parts[Math.floor(r / d)].data[t * d + (r % d)];
    return { rows: parts.length * d, columns: stage.values.tokens.length, most: SATURATED, data };
  };
  const state = (_, t) => {
    const [{ h, x }] = stage.derived.runs.s6.blocks;
    const at = ({ data, columns }, i) =>
      i < 0 ? new Float64Array(columns) : data.subarray(i * columns, (i + 1) * columns);
    return { data: [...at(h, t), ...at(x, t - 2), ...at(x, t - 1), ...at(x, t)], rows: x.columns, most: SATURATED };
  };
  return new Carried(stage, {
    name: "carried",
    title: "What is carried to the next token, one cell a number",
    cache,
    state,
    words: "h and the newest 3 inputs of conv",
  });
}

/** Where the last token reads most, in words: "92 % from token 6". */
export function lastReads(alpha) {
  const { data, columns } = shares(alpha);
  const last = data.subarray(data.length - columns);
  const most = Math.max(...last);
  return `${Math.round(100 * most)} % from token ${last.indexOf(most) + 1}`;
}

/** |alpha| with every row scaled to the sum 1. */
function shares({ data, rows, columns }) {
  const out = data.map(Math.abs);
  for (let i = 0; i < rows; i++) {
    const one = out.subarray(i * columns, (i + 1) * columns);
    const sum = one.reduce((a, b) => a + b, 0) || 1;
    one.forEach((v, j) => (one[j] = v / sum));
  }
  return { data: out, rows, columns };
}
