// Inside a published Mamba: Delta of every layer, and of the chosen one Delta, state and hidden attention. All numbers
// come from Python; a layer or a channel that is chosen here is asked for there.

import { Bars } from "../canvas/bars.js";
import { Matrix } from "../canvas/matrix.js";
import { Tokens, tokenColour } from "../canvas/tokens.js";
import { number, percent } from "../canvas/words.js";

export function build(stage) {
  const rows = [
    [strip(stage)],
    [layers(stage)],
    [channels(stage, "delta", "step of each channel: press one", ["d", "Δ"])],
    [channels(stage, "size", "state of each channel", ["h", "h"])],
    { views: [reads(stage), likeliest(stage)], shares: [2, 1] },
  ];
  return {
    rows,
    readouts: ({ extra }) => {
      const t = lookedAt(stage);
      const [next, chance] = extra.top[t][0];
      return [
        ["token", `${t + 1} of ${extra.tokens.length}: id ${extra.tokens[t]}`],
        ["likeliest next", `${next}, ${percent(chance)}`, "y"],
        ["layer", `${extra.layer} of ${extra.deltas.length}`],
        ["its mean Δ of this token", number(extra.deltas[extra.layer - 1][t]), "delta"],
        ["reads most from", mostRead(extra.attention[t]), "h"],
      ];
    },
    say: ({ extra }) => {
      const said = extra.tokens.slice(extra.prompt);
      const words = said.length ? `goes on with ${said.join(" ")}` : "is not asked to go on";
      return `The model reads ${extra.tokens.slice(0, extra.prompt).join(" ")} and ${words}. ${ofChannel(extra)}.`;
    },
  };
}

/** The token that is looked at: at first the last of the prompt. */
const lookedAt = ({ cursor, extra }) => Math.min(Math.floor(cursor ?? extra.prompt - 1), extra.tokens.length - 1);

const ofChannel = ({ layer, channel }) =>
  channel ? `Layer ${layer}, channel ${channel}` : `Layer ${layer}, all channels`;

function mostRead(row) {
  const sizes = row.map(Math.abs);
  const most = Math.max(...sizes);
  return most > 0 ? `token ${sizes.indexOf(most) + 1}` : "none";
}

/** The prompt, what the model adds, and below each token the likeliest next one. */
function strip(stage) {
  const cell = (id) => ({ label: String(id), index: id });
  const only = (shown) => ({ extra }) => extra.tokens.map((id, t) => (shown(t, extra) ? cell(id) : { kind: "empty" }));
  return new Tokens(stage, {
    name: "tokens",
    title: "Tokens",
    strips: [
      { words: "prompt", tokens: only((t, { prompt }) => t < prompt) },
      { words: "added", tokens: only((t, { prompt }) => t >= prompt) },
      { words: "next", tokens: ({ extra }) => extra.top.map(([[id]]) => cell(id)) },
    ],
    note: () => "next: the likeliest token after each",
  });
}

/** Asks Python for another layer or channel. */
function choose(stage, change) {
  stage.set(change);
  stage.commit();
}

function step({ key }) {
  return { ArrowUp: -1, ArrowDown: 1 }[key];
}

function layers(stage) {
  const count = () => stage.extra.deltas.length;
  return new Matrix(stage, {
    name: "layers",
    title: "mean step of each layer: press one",
    symbol: ["d", "Δ"],
    height: 96,
    tokens: true,
    numbers: false,
    colours: "magnitude",
    values: ({ extra }) => extra.deltas,
    rowLabel: (r) => r + 1,
    press: (r) => choose(stage, { layer: r + 1 }),
    key: (event) => {
      const by = step(event);
      if (by) choose(stage, { layer: Math.max(1, Math.min(count(), stage.extra.layer + by)) });
      return Boolean(by);
    },
    mark: ({ extra }) => [{ r: extra.layer - 1, c: 0, columns: extra.tokens.length, colour: stage.theme.primary }],
    note: ({ extra }) => `layer ${extra.layer} is shown below`,
  });
}

/** A row per channel of the layer; pressing the chosen one again goes back to all of them. */
function channels(stage, name, title, symbol) {
  const place = (extra) => extra.channels.indexOf(extra.channel);
  return new Matrix(stage, {
    name,
    title,
    symbol,
    height: 150,
    tokens: true,
    numbers: false,
    colours: "magnitude",
    log: true,
    decades: 3,
    values: ({ extra }) => extra[name],
    rowLabel: (r) => stage.extra.channels[r],
    press: (r) => {
      const channel = stage.extra.channels[r];
      choose(stage, { channel: channel === stage.extra.channel ? 0 : channel });
    },
    key: (event) => {
      const by = step(event);
      const { extra } = stage;
      if (by) choose(stage, { channel: extra.channels[Math.min(extra.channels.length - 1, place(extra) + by)] ?? 0 });
      return Boolean(by);
    },
    mark: ({ extra }) => {
      const r = place(extra);
      return r < 0 ? [] : [{ r, c: 0, columns: extra.tokens.length, colour: stage.theme.primary }];
    },
    note: ({ extra }) => {
      const shown = extra.channels.length < extra.D ? `${extra.channels.length} of ${extra.D} channels` : "";
      return [`layer ${extra.layer}`, name === "size" && "RMS over N", shown].filter(Boolean).join(", ");
    },
  });
}

function reads(stage) {
  const label = (t) => stage.extra.tokens[t] ?? "";
  const picture = new Matrix(stage, {
    name: "attention",
    title: "Hidden attention: what rows read from columns",
    height: 320,
    cells: "fill",
    numbers: false,
    get colours() {
      return stage.extra?.channel ? "signed" : "magnitude";
    },
    values: ({ extra }) => extra.attention,
    rowLabel: label,
    columnLabel: label,
    down: "who reads",
    hover: (cell) => cell && stage.setCursor(cell[0]),
    key: (event) => stage.cursorKey(event, stage.extra.tokens.length),
    mark: ({ extra }) => [{ r: lookedAt(stage), c: 0, columns: extra.tokens.length }],
    note: ({ extra }) => (extra.channel ? `${ofChannel(extra)}, signs and all` : `${ofChannel(extra)}, mean |α|`),
  });
  return picture;
}

/** Bars that are no tokens: the cursor leaves them alone. */
class Chances extends Bars {
  overlay() {}
  point() {}
  key() {
    return false;
  }
}

function likeliest(stage) {
  const row = () => stage.extra.top[lookedAt(stage)];
  return new Chances(stage, {
    name: "next",
    title: "Likeliest next tokens",
    height: 320,
    follows: ["cursor"],
    values: () => row().map(([, chance]) => chance),
    low: 0,
    high: 1,
    ticks: [0, 0.25, 0.5, 0.75, 1],
    colour: (i) => tokenColour(row()[i][0]),
    label: (i) => row()[i][0],
    note: () => `after token ${lookedAt(stage) + 1}`,
  });
}
