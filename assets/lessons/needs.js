// Which changes a picture answers to. What nobody asked for is not drawn: a clock ticks sixty times a second.

/** The picture answers to these kinds of change alone (values cursor clock, and what a lesson's `before` adds). */
export function only(view, ...kinds) {
  view.needs = new Set([...kinds, "all"]);
  return view;
}
