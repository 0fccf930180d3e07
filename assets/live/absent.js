// What a layer does not have: its views step aside, and one line says why.

import { el, setText } from "../canvas/dom.js";

/** Why a layer has no such array, as its card says; "" where it has. */
const REASONS = {
  delta: ({ no_delta: why }) => why,
  keep: ({ no_delta: why }) => why,
  A: ({ no_delta: why }) => why,
  B: ({ no_delta: why }) => why,
  C: ({ no_delta: why }) => why,
  heat: ({ rows, memory }) => (rows === "" ? `It keeps ${memory}, which grows with the sequence.` : ""),
  h: ({ rows, memory }) => (rows === "" ? `It keeps ${memory}, which grows with the sequence.` : ""),
  weights: ({ no_weights: why }) => why,
};

/** Whether the layer that a view shows has no such array; before the first frame its card says so. */
export function lacks({ frame, layer, card }, name) {
  return frame ? layer?.[name] === undefined : Boolean(REASONS[name](card));
}

/** Of one twin: hides the views that have nothing to show. */
export class Absent {
  constructor(views) {
    this.views = views.filter((view) => view.shows?.length);
    this.element = el("p", { class: "absent" });
  }

  /** Follows the frame; returns whether a view has come back, which must be measured. */
  arrange() {
    let back = false;
    const reasons = new Map(); // why -> what is missing
    for (const view of this.views) {
      const { absent } = view;
      back ||= view.element.hidden && !absent;
      view.element.hidden = absent;
      const name = view.shows.find((name) => lacks(view, name));
      if (name) reasons.set(why(view, name), (reasons.get(why(view, name)) ?? new Set()).add(view.subject));
    }
    setText(this.element, [...reasons].map(([words, what]) => `No ${[...what].join(", ")}: ${words}`).join(" "));
    this.element.hidden = !reasons.size;
    return back;
  }
}

function why({ card }, name) {
  return REASONS[name](card) || "the layer shown has none.";
}
