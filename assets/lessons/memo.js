// Keeps what was computed last, for values that most changes leave alone.

/** `compute`, which is asked again only when one of its arguments is another one (by identity). */
export function memo(compute) {
  let [before, kept] = [null, undefined];
  return (...given) => {
    if (!before || given.some((value, i) => value !== before[i])) [before, kept] = [given, compute(...given)];
    return kept;
  };
}
