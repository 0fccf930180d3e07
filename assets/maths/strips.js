// Strips of tokens for the gate, as ssmviz/systems/gate.py draws them.
// A strip is a text: "A".."H" letters to recall, "a".."h" junk, "." noise, "|" a boundary between documents.

export const CLASSES = 8;
export const LETTERS = "ABCDEFGH";
export const JUNK = "abcdefgh";
export const NOTHING = -1;
export const STRIPS = 512; // to fit C on, and as many others to score it on

/** "letter", "junk", "noise" or "boundary". */
export function kindOf(token) {
  return LETTERS.includes(token) ? "letter" : JUNK.includes(token) ? "junk" : token === "|" ? "boundary" : "noise";
}

/** The class that a token writes to. */
export function classOf(token) {
  const at = (LETTERS + JUNK).indexOf(token);
  return at < 0 ? NOTHING : at % CLASSES;
}

/** Places of the letters that are asked for: those after the last boundary. */
export function askedIn(strip) {
  return Array.from(strip, (token, t) => t).filter((t) => t > strip.lastIndexOf("|") && LETTERS.includes(strip[t]));
}

/** One strip: n = 1 of what `shuffled` gives. */
export function parse(strip) {
  const L = strip.length;
  const asked = askedIn(strip);
  const source = Int16Array.from({ length: L }, (_, t) => t);
  return { n: 1, L, m: asked.length, source, channel: Int16Array.from(strip, classOf), asked: Int16Array.from(asked) };
}

const drawn = new Map();

/** The same tokens at random places inside their documents, letters of random classes; source, channel (n, L), asked (n, m). */
export function shuffled(strip, n = 2 * STRIPS, seed = 1) {
  const key = `${strip} ${n} ${seed}`;
  if (!drawn.has(key)) drawn.set(key, shuffle(strip, n, lehmer(seed)));
  return drawn.get(key);
}

/** Park & Miller's minimal standard: whole numbers below 2^31 - 1. */
function lehmer(seed) {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647);
}

function shuffle(strip, n, draw) {
  const L = strip.length;
  const kinds = Array.from(strip, kindOf);
  const m = askedIn(strip).length;
  const last = strip.lastIndexOf("|");
  const [source, channel, asked] = [new Int16Array(n * L), new Int16Array(n * L), new Int16Array(n * m)];
  for (let s = 0; s < n; s++) source.set(shufflePlaces(kinds, draw), s * L);
  for (let s = 0; s < n; s++)
    for (let t = 0, j = 0; t < L; t++) {
      const from = source[s * L + t];
      const writes = kinds[from] === "letter" || kinds[from] === "junk";
      channel[s * L + t] = writes ? draw() % CLASSES : NOTHING;
      if (from > last && kinds[from] === "letter") asked[s * m + j++] = t;
    }
  return { n, L, m, source, channel, asked };
}

/** Documents shuffled each in itself (Fisher & Yates), tokens of a kind in their old order. */
function shufflePlaces(kinds, draw) {
  const drawn = [...kinds];
  let begin = 0;
  for (let end = 0; end <= kinds.length; end++) {
    if (end < kinds.length && kinds[end] !== "boundary") continue;
    for (let i = end - 1; i > begin; i--) {
      const j = begin + (draw() % (i - begin + 1));
      [drawn[i], drawn[j]] = [drawn[j], drawn[i]];
    }
    begin = end + 1;
  }
  const next = {};
  return drawn.map((kind) => (next[kind] = kinds.indexOf(kind, (next[kind] ?? -1) + 1)));
}

/** Delta of a question: the mean of the letters that are asked for. */
export function questionDelta(strips, delta) {
  let sum = 0;
  for (let j = 0; j < strips.m; j++) sum += delta[strips.source[strips.asked[j]]];
  return sum / strips.m;
}

/** Classes to recall, (n, m). */
export function targetsOf({ n, L, m, channel, asked }) {
  return Int16Array.from({ length: n * m }, (_, i) => channel[Math.floor(i / m) * L + asked[i]]);
}

/** Delta that depends on the token alone, as S6's does; junk is treated as noise is. */
export function byKind(strip, { letters, rest, boundary = rest }) {
  return Array.from(strip, (token) => ({ letter: letters, boundary })[kindOf(token)] ?? rest);
}
