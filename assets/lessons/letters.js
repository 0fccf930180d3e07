// A row of tokens that is edited by placing letters: pressed, or typed at the cursor. Lessons on trained networks share it.

import { choice, choose, el, uniqueName } from "../canvas/dom.js";
import { verdict } from "../canvas/draw.js";
import { Tokens } from "../canvas/tokens.js";

export const TRIGGER = ">";
export const show = (text) => text.replaceAll(TRIGGER, "▶");

/** Token numbers of a text. */
export const numbersOf = (text, vocabulary) => Array.from(text, (c) => vocabulary.indexOf(c));

/** What should follow the last trigger; "" where nothing is asked. The same as `right_answer` in Python. */
export function rightAnswer(text) {
  const first = text.indexOf(TRIGGER);
  const asked = text.endsWith(TRIGGER) && text.split(TRIGGER).length === 3 && first < text.length - 2;
  return asked ? text[first + 1] : "";
}

/** One cell of a strip. */
export function cell(c, vocabulary) {
  return c === TRIGGER ? { label: "▶", kind: "marker" } : { label: c, index: vocabulary.indexOf(c) };
}

/** Tokens whose empty cells the cursor leaves alone, with ticks and crosses beside the answers. */
class Strip extends Tokens {
  cell(g, theme, token, from, to, top) {
    super.cell(g, theme, { ...token, right: undefined }, from, to, top);
    if (token.right !== undefined) verdict(g, theme, token.right, from - 10, top + 11, 10);
  }

  overlay(g) {
    const all = this.strips;
    this.strips = all?.map((row) => ({
      ...row,
      tokens: row.tokens[this.stage.cursor]?.kind === "empty" ? [] : row.tokens,
    }));
    super.overlay(g);
    this.strips = all;
  }
}

/**
 * The strip, and a palette of what a press places. ▶ moves there from its first place; the last token stays ▶.
 * `answers(stage)`: [{ words, said: letter }] shown below the last token, with a tick or a cross.
 */
export function letterStrip(stage, { name, vocabulary, answers }) {
  let brush = "A";
  const put = (place, letter) => {
    const text = [...stage.values.tokens];
    const first = text.indexOf(TRIGGER);
    const fixed = place === text.length - 1 || (letter === TRIGGER && place > text.length - 3);
    if (fixed || (place === first && letter !== TRIGGER)) return;
    if (letter === TRIGGER) text[first] = text[place] === TRIGGER ? "A" : text[place];
    text[place] = letter;
    stage.set({ tokens: text.join("") });
  };
  const options = [...vocabulary].map((c) => [c, show(c)]);
  const chosen = choice("Place", uniqueName("brush"), options, brush, (letter) => (brush = letter));
  const rows = answers(stage).map((_, i) => ({
    get words() {
      return answers(stage)[i].words;
    },
    tokens: ({ values }) => {
      const wanted = rightAnswer(values.tokens);
      const { said } = answers(stage)[i];
      const last = { ...cell(said, vocabulary), right: wanted ? said === wanted : undefined };
      return [...values.tokens].map((_, t) => (t === values.tokens.length - 1 ? last : { kind: "empty" }));
    },
  }));
  const strip = new Strip(stage, {
    name,
    title: "Tokens: choose a letter, then press a place",
    strips: [{ words: "reads", tokens: ({ values }) => [...values.tokens].map((c) => cell(c, vocabulary)) }, ...rows],
    press: (place, row) => put(place, brush),
    key: (event) => {
      const letter = event.key === "." ? TRIGGER : event.key.toUpperCase();
      if (!vocabulary.includes(letter) || letter.length !== 1 || stage.cursor === null) return false;
      brush = letter;
      choose(chosen, letter);
      put(Math.floor(stage.cursor), letter);
      return true;
    },
  });
  return { strip, palette: el("div", { class: "palette" }, chosen) };
}
