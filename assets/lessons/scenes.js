// A lesson with more to look at than fits on a screen: rows of views of which one scene's are shown.

/**
 * `scenes`: { name: rows }, chosen by the control `control`. Gives `rows` and `before` for what a lesson's build returns.
 */
export function scenes(stage, control, scenes) {
  const all = Object.entries(scenes);
  let shown;
  return {
    rows: all.flatMap(([, rows]) => rows),
    before(_, changes) {
      const chosen = stage.values[control];
      if (chosen === shown) return;
      shown = chosen;
      for (const [name, rows] of all)
        for (const row of rows) (row.views ?? row)[0].element.parentElement.hidden = name !== chosen;
      stage.sight.measure();
      changes.add("all");
    },
  };
}
