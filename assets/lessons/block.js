// The Mamba block: every tensor of a small trained network, for tokens that can be edited and parts that can be switched off.

import { Bars } from "../canvas/bars.js";
import { Matrix } from "../canvas/matrix.js";
import { tokenColour } from "../canvas/tokens.js";
import { count, number, percent } from "../canvas/words.js";
import { network, parameterCounts, readParameters, softmaxRow } from "../maths/block.js";
import { Diagram, nameOf, NODES } from "./diagram.js";
import { letterStrip, numbersOf, rightAnswer, show } from "./letters.js";
import { Origins } from "./origins.js";
import { Shares } from "./shares.js";

const PACE = 0.28; // s a token
const SATURATED = 0.98; // quantile where colours end, so that one loud channel does not hide the others

// what happened on the way to each tensor
const STORY = {
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
const PLAIN = { delta: "magnitude", A_bar: "magnitude", h: "magnitude" };

class Chances extends Bars {
  overlay() {}
  point() {}
  key() {
    return false;
  }
}

export function build(stage) {
  const { vocabulary } = stage.extra;
  const parameters = readParameters(stage.extra);
  const [D, N] = [parameters["layers.0.mixer.A_log"].rows, parameters["layers.0.mixer.A_log"].columns];
  const parts = ({ conv, gate, skip, rank, shift }) => ({ conv, gate, skip, rank, shift });
  const say = (values, text) => {
    const { logits } = network(parameters, numbersOf(text, vocabulary), parts(values));
    const chances = softmaxRow(logits, text.length - 1);
    const best = chances.indexOf(Math.max(...chances));
    return { said: vocabulary[best], chance: chances[best], chances };
  };

  stage.derive("block", (values) => network(parameters, numbersOf(values.tokens, vocabulary), parts(values)).blocks[0]);
  stage.derive("answer", (values) => say(values, values.tokens));
  stage.derive("pictures", () => pictures(stage.derived.block, D, N));
  // 50 sequences take longer than a redraw may: counted again only when a slider is let go
  let [shares, counted] = [0, ""];
  const othersRight = () => {
    const now = JSON.stringify(parts(stage.values));
    if (now !== counted && !stage.holding) {
      const { others } = stage.extra;
      shares = others.filter((text) => say(stage.values, text).said === rightAnswer(text)).length / others.length;
      counted = now;
    }
    return shares;
  };

  const { strip, palette } = letterStrip(stage, {
    name: "tokens",
    vocabulary,
    answers: () => [{ words: "says", said: stage.derived.answer.said }],
  });
  const shape = (id, { values }) => {
    const { rows } = stage.derived.pictures[id];
    const states = id === "h" || id === "A_bar" ? `, ${N}` : "";
    return `(${values.tokens.length}, ${rows}${states})`;
  };
  const diagram = new Diagram(stage, {
    name: "diagram",
    title: "One block, every tensor. Press one to enlarge it",
    pictures: () => stage.derived.pictures,
    shape,
  });
  const zoom = new Matrix(stage, {
    name: "tensor",
    title: "Enlarged",
    height: 216,
    tokens: true,
    numbers: false,
    get colours() {
      return PLAIN[stage.values?.node] ?? "signed";
    },
    most: () => stage.derived.pictures[stage.values.node].most,
    values: () => stage.derived.pictures[stage.values.node],
    columnLabel: (t) => show(stage.values.tokens[t] ?? ""),
    rowLabel: (r) => r + 1,
    note: ({ values: { node } }) => `${nameOf(node, stage.values)} ${shape(node, stage)}: ${STORY[node]}`,
  });
  const chances = new Chances(stage, {
    name: "answer",
    title: "The answer after the last ▶",
    height: 216,
    values: () => stage.derived.answer.chances,
    low: 0,
    high: 1,
    colour: (i) => (vocabulary[i] === ">" ? stage.theme.faint : tokenColour(i)),
    hatched: (i) => vocabulary[i] !== stage.derived.answer.said,
    label: (i) => show(vocabulary[i]),
    note: () => `${show(rightAnswer(stage.values.tokens)) || "nothing"} is asked for`,
  });
  const origins = new Origins(stage, { name: "origins", title: "Where it comes from: two blocks, folded into one", control: "morph" });
  const sizes = new Shares(stage, {
    name: "parameters",
    title: "Parameters of one block",
    parts: ({ values, theme }) => {
      const { symbol } = theme;
      const colours = { conv1d: symbol.x, x_proj: symbol.B, dt_proj: symbol.delta, A_log: symbol.A };
      return Object.entries(parameterCounts(values.d_model, values.N, values)).map(([name, value]) => ({ name, value, colour: colours[name] }));
    },
    note: ({ values }) => `${count(total(values))}: d_model ${values.d_model}, N ${values.N}, dt_rank ${values.dt_rank || Math.ceil(values.d_model / 16)}`,
  });

  stage.element.addEventListener("pointerdown", ({ target }) => target.tagName === "CANVAS" && stage.play(false));
  return {
    rows: [[strip], [palette], [diagram], { views: [zoom, chances], shares: [2.4, 1] }, { views: [origins, sizes], shares: [1.5, 1] }],
    animate: { length: () => stage.values.tokens.length * PACE, loop: true },
    before: (_, changes) => {
      if (stage.playing && changes.has("clock")) stage.cursor = Math.min(stage.values.tokens.length - 1, Math.floor(stage.clock / PACE));
      if (stage.cursor >= stage.values.tokens.length) stage.cursor = stage.values.tokens.length - 1;
    },
    readouts: () => {
      const { said, chance } = stage.derived.answer;
      const wanted = rightAnswer(stage.values.tokens);
      const t = Math.floor(stage.cursor ?? stage.values.tokens.length - 1);
      const { delta, A_bar } = stage.derived.block;
      const verdict = !wanted ? "" : said === wanted ? ", right" : `, wrong (${wanted})`;
      return [
        ["it says", `${show(said)} ${percent(chance)}${verdict}`, "y"],
        [`right on ${stage.extra.others.length} other rows`, percent(othersRight())],
        ["token", `${t + 1}: ${show(stage.values.tokens[t])}`],
        ["mean Δ of this token", number(mean(delta.data.subarray(t * D, (t + 1) * D))), "delta"],
        ["kept of the state", percent(mean(A_bar.data.subarray(t * D * N, (t + 1) * D * N))), "A"],
        ["parameters of a block", count(total(stage.values))],
      ];
    },
    say: () => sentence(stage, othersRight()),
  };
}

/** Channels down, tokens across; h and A_bar summed up over their states; and where the colours end. */
function pictures(block, D, N) {
  const all = {};
  for (const id of Object.keys(NODES)) {
    const { data, rows: L, columns } = block[id];
    const wide = columns === D * N;
    const rows = wide ? D : columns;
    const out = new Float64Array(rows * L);
    for (let t = 0; t < L; t++)
      for (let r = 0; r < rows; r++) {
        if (!wide) out[r * L + t] = data[t * columns + r];
        else {
          const states = data.subarray((t * D + r) * N, (t * D + r + 1) * N);
          out[r * L + t] = id === "h" ? Math.sqrt(mean(states.map((v) => v * v))) : mean(states);
        }
      }
    const sizes = out.map(Math.abs).sort();
    const most = id === "A_bar" ? 1 : sizes[Math.floor(SATURATED * (sizes.length - 1))] || sizes.at(-1) || 1;
    all[id] = { data: out, rows, columns: L, most, colours: PLAIN[id] ?? "signed" };
  }
  return all;
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const total = (values) => Object.values(parameterCounts(values.d_model, values.N, values)).reduce((a, b) => a + b, 0);

function sentence({ values, derived }, share) {
  const { said, chance } = derived.answer;
  const wanted = rightAnswer(values.tokens);
  const off = [
    !values.conv && "the convolution",
    !values.gate && "the gate",
    !values.skip && "D",
    values.rank === 0 && "the input's say in Δ",
  ].filter(Boolean);
  const moved = values.shift ? ` with ${number(values.shift)} added to the bias of Δ` : "";
  const begin = off.length ? `Without ${off.join(" and ")}${moved}` : `With the whole block${moved}`;
  const verdict = wanted ? (said === wanted ? "right" : `wrong, ${wanted} is asked for`) : "nothing is asked for";
  return `${begin}, the network says ${show(said)} (${percent(chance)}): ${verdict}. Of 50 other rows it gets ${percent(share)} right.`;
}
