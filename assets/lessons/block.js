// The Mamba block: every tensor of a small trained network, tokens that can be edited, parts that can be switched off.

import { Bars } from "../canvas/bars.js";
import { Matrix } from "../canvas/matrix.js";
import { tokenColour } from "../canvas/tokens.js";
import { count, number, percent } from "../canvas/words.js";
import { parameterCounts } from "../maths/block.js";
import { Diagram } from "./diagram.js";
import { letterStrip, rightAnswer, show, TRIGGER } from "./letters.js";
import { nameOf } from "./nodes.js";
import { Origins } from "./origins.js";
import { Shares } from "./shares.js";
import { coloursOf, compute, mean, STORY } from "./tensors.js";
import { walk } from "./walk.js";

export function build(stage) {
  const { vocabulary, others } = stage.extra;
  const { D, N, othersRight } = compute(stage);
  const last = () => stage.values.tokens.length - 1;
  const { strip, palette } = letterStrip(stage, {
    name: "tokens",
    vocabulary,
    answers: () => [{ words: "says", said: stage.derived.answer.said }],
  });
  const shape = (id, { values, derived }) => {
    const states = id === "h" || id === "A_bar" ? `, ${N}` : "";
    return `(${values.tokens.length}, ${derived.pictures[id].rows}${states})`;
  };
  const diagram = new Diagram(stage, {
    name: "diagram",
    title: "One block, every tensor. Press one to enlarge it",
    pictures: () => stage.derived.pictures,
    shape,
  });
  const origins = new Origins(stage, {
    name: "origins",
    title: "Where it comes from: two blocks, folded into one",
    control: "morph",
  });

  return {
    rows: [
      [strip],
      [palette],
      [diagram],
      { views: [enlarged(stage, shape), chances(stage)], shares: [2.4, 1] },
      { views: [origins, parameters(stage)], shares: [1.5, 1] },
    ],
    ...walk(stage),
    readouts: ({ derived, values, cursor }) => {
      const t = Math.floor(cursor ?? last());
      const { delta, A_bar } = derived.block;
      const ofToken = ({ data }, size) => mean(data.subarray(t * size, (t + 1) * size));
      return [
        ["it says", `${show(derived.answer.said)} ${percent(derived.answer.chance)}${verdict(stage)}`, "y"],
        [`right on ${others.length} other rows`, percent(othersRight())],
        ["token", `${t + 1}: ${show(values.tokens[t])}`],
        ["mean Δ of this token", number(ofToken(delta, D)), "delta"],
        ["kept of the state", percent(ofToken(A_bar, D * N)), "A"],
        ["parameters of a block", count(total(values))],
      ];
    },
    say: () => `${sentence(stage)} Of ${others.length} other rows it gets ${percent(othersRight())} right.`,
  };
}

/** The chosen tensor, aligned with the tokens. */
function enlarged(stage, shape) {
  const picture = () => stage.derived.pictures[stage.values.node];
  return new Matrix(stage, {
    name: "tensor",
    title: "Enlarged",
    height: 216,
    tokens: true,
    numbers: false,
    get colours() {
      return coloursOf(stage.values?.node);
    },
    most: () => picture().most,
    values: picture,
    columnLabel: (t) => show(stage.values.tokens[t] ?? ""),
    rowLabel: (r) => r + 1,
    note: ({ values }) => `${nameOf(values.node, values)} ${shape(values.node, stage)}: ${STORY[values.node]}`,
  });
}

/** Bars that are no tokens: the cursor leaves them alone. */
class Chances extends Bars {
  overlay() {}
  point() {}
  key() {
    return false;
  }
}

function chances(stage) {
  const { vocabulary } = stage.extra;
  return new Chances(stage, {
    name: "answer",
    title: "The answer after the last ▶",
    height: 216,
    values: () => stage.derived.answer.chances,
    low: 0,
    high: 1,
    colour: (i) => (vocabulary[i] === TRIGGER ? stage.theme.faint : tokenColour(i)),
    hatched: (i) => vocabulary[i] !== stage.derived.answer.said,
    label: (i) => show(vocabulary[i]),
    note: () => `${show(rightAnswer(stage.values.tokens)) || "nothing"} is asked for`,
  });
}

const counts = (values) => parameterCounts(values.d_model, values.N, values);
const total = (values) => Object.values(counts(values)).reduce((a, b) => a + b, 0);

function parameters(stage) {
  const colours = ({ symbol: { x, B, delta, A } }) => ({ conv1d: x, x_proj: B, dt_proj: delta, A_log: A });
  return new Shares(stage, {
    name: "parameters",
    title: "Parameters of one block",
    parts: ({ values, theme }) =>
      Object.entries(counts(values)).map(([name, value]) => ({ name, value, colour: colours(theme)[name] })),
    note: ({ values }) => {
      const { d_model, N, dt_rank } = values;
      return `${count(total(values))}: d_model ${d_model}, N ${N}, dt_rank ${dt_rank || Math.ceil(d_model / 16)}`;
    },
  });
}

/** ", right", or what would be. */
function verdict({ values, derived }) {
  const wanted = rightAnswer(values.tokens);
  if (!wanted) return "";
  return derived.answer.said === wanted ? ", right" : `, wrong (${wanted})`;
}

function sentence(stage) {
  const { values, derived } = stage;
  const off = [
    !values.conv && "the convolution",
    !values.gate && "the gate",
    !values.skip && "D",
    values.rank === 0 && "the input's say in Δ",
  ].filter(Boolean);
  const begin = off.length ? `Without ${off.join(" and ")}` : "With the whole block";
  const moved = values.shift ? `, with ${number(values.shift)} added to the bias of Δ` : "";
  const { said, chance } = derived.answer;
  return `${begin}${moved}, the network says ${show(said)} (${percent(chance)})${verdict(stage)}.`;
}
