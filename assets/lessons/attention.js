// S6 beside attention: who reads from whom, what is kept, what it costs, what it forgets.

import { count, number, percent } from "../canvas/words.js";
import { letterStrip, rightAnswer, show } from "./letters.js";
import { bytesWords, capacity, ladder, prices, sizes } from "./prices.js";
import { stopwatch } from "./race.js";
import { carried, lastReads, matrices, read, row } from "./reading.js";
import { walk } from "./walk.js";

export function build(stage) {
  const { vocabulary, capacities } = stage.extra;
  read(stage);
  const answers = () => stage.derived.said.map((said, i) => ({ words: ["S6", "softmax"][i], said }));
  const { strip, palette } = letterStrip(stage, { name: "tokens", vocabulary, answers });
  const [speed, again] = stopwatch(stage);

  return {
    rows: [
      [strip],
      [palette],
      matrices(stage),
      [row(stage)],
      [carried(stage)],
      prices(stage),
      [capacity(stage), ladder(stage)],
      [speed],
      [again],
    ],
    ...walk(stage),
    readouts: ({ derived, values: { N, letters } }) => {
      const { length, cached, state, attention, scan } = sizes(stage);
      return [
        ["largest |α x + D x − y|", number(derived.mismatch), "y"],
        [`cache at ${count(length)} tokens`, bytesWords(cached(length))],
        ["state, at any length", bytesWords(state()), "h"],
        ["cache / state", number(cached(length) / state())],
        ["operations, attention / S6", number(attention(length) / scan(length))],
        [`of ${letters} letters, N = ${N} keeps`, percent(capacities[letters - 1][N - 1]), "h"],
      ];
    },
    say: ({ derived, values: { tokens } }) => {
      const { length, cached, state } = sizes(stage);
      const [s6, softmax] = derived.said;
      const wanted = rightAnswer(tokens);
      const both = wanted && s6 === wanted && softmax === wanted;
      const said = both ? `Both say ${show(wanted)}` : `S6 says ${show(s6)}, softmax ${show(softmax)}`;
      const ratio = number(Number((cached(length) / state()).toPrecision(2)));
      const reads = `The last token reads ${lastReads(derived.hidden)} in S6, ${lastReads(derived.softmax)} in softmax`;
      return `${said}. ${reads}. At ${count(length)} tokens the cache is ${ratio} times the state.`;
    },
  };
}
