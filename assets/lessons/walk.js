// The cursor walks from token to token; a mouse over a picture holds it where it points, a press ends the walk.

const PACE = 0.28; // s a token

/** `animate` and `before` of a scene whose tokens are the value `tokens`. */
export function walk(stage) {
  const last = () => stage.values.tokens.length - 1;
  let pointing = false;
  const onPicture = ({ target }) => target.tagName === "CANVAS";
  stage.element.addEventListener(
    "pointermove",
    (event) => (pointing = event.pointerType === "mouse" && onPicture(event)),
  );
  stage.element.addEventListener("pointerleave", () => (pointing = false));
  stage.element.addEventListener("pointerdown", (event) => onPicture(event) && stage.play(false));
  return {
    animate: { length: () => (last() + 1) * PACE, loop: true, speed: () => (pointing ? 0 : 1) },
    before: (_, changes) => {
      if (stage.cursor > last()) stage.cursor = last();
      if (!stage.playing) return;
      if (pointing) stage.clock = ((stage.cursor ?? 0) + 0.5) * PACE;
      else if (changes.has("clock")) stage.setCursor(Math.min(last(), Math.floor(stage.clock / PACE)));
    },
  };
}
