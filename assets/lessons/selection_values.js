// What the pictures of the selection lesson show, computed from its values.

import { searchConstant, kernel, outcome, recall, states } from "../maths/gate.js";
import { memo } from "./memo.js";
import { byKind, CLASSES, classOf, kindOf, LETTERS, parse, questionDelta, shuffled } from "../maths/strips.js";

export const LETTER = 0.5; // Delta of a letter in links, and in the learned gate once it is stretched
export const RESET = 5; // Delta that clears the state
export const OLDEST = 4; // ages that are drawn
const SHOWN = 40; // strips whose letters are drawn over the kernel
const FINE = 64; // letters of nearly one age are drawn once: steps an age of 1

/** `stage.derived`: story, strip, gate, outcome, answers, columns, states, search, learned, seen, moved ... */
export function derive(stage) {
  const d = stage.derived;
  const scored = memo((strip, N) => outcome(strip, { ...d.gate, delta: d.learned }, N).token);
  stage
    .derive("story", ({ story }) => stage.extra.stories[story])
    .derive("strip", ({ swap }) => swapped(d.story.strip, swap))
    .derive("strips", () => parse(d.strip))
    .derive("gate", ({ delta, B, C }) => ({
      delta,
      write: B ? Array.from(d.strip, (token) => Number(kindOf(token) === "letter")) : undefined,
      numbered: C,
    }))
    .derive("outcome", ({ N }) => outcome(d.story.strip, d.gate, N))
    .derive("answers", ({ N }) => recall(d.strip, d.gate, N, d.outcome.C))
    .derive("wait", ({ delta }) => questionDelta(d.strips, delta))
    .derive("columns", ({ delta }) => [...delta, ...Array(d.strips.m).fill(d.wait)])
    .derive("states", ({ N }) => states(d.strip, d.gate, N))
    .derive("search", ({ N }) => searchConstant(d.story.strip, N, d.gate))
    .derive("learned", ({ story }) => {
      if (!["letters", "um"].includes(story)) return undefined;
      return byKind(d.strip, { letters: LETTER, rest: Math.min(RESET, LETTER / stage.extra.learned.ratio) });
    })
    .derive("learnedScore", ({ N, B, C }) => scored(d.story.strip, N, B, C, stage.extra.learned.ratio))
    .derive("seen", () => agesOf(d.story.strip, d.gate, d.outcome.C))
    .derive("surgery", ({ swap }) => (swap < 0 ? Array.from(d.story.strip).findIndex((token) => classOf(token) >= 0) : swap))
    .derive("moved", ({ N }) => movedBy(d, N, d.surgery));
}

function swapped(strip, at) {
  const token = strip[at];
  if (!token || classOf(token) < 0) return strip;
  const other = LETTERS[(classOf(token) + 1) % CLASSES];
  return strip.slice(0, at) + (kindOf(token) === "letter" ? other : other.toLowerCase()) + strip.slice(at + 1);
}

/** Ages at which letters are read, on strips that C was not fitted on: those asked for, and the others. */
function agesOf(strip, { delta, write }, C) {
  const { L, m, n, source, channel, asked } = shuffled(strip);
  const wait = questionDelta(parse(strip), delta);
  const found = { asked: { x: [], y: [] }, other: { x: [], y: [] } };
  const drawn = new Set();
  for (let s = n - SHOWN; s < n; s++)
    for (let t = L - 1, clock = 0; t >= 0; clock += delta[source[s * L + t]], t--) {
      const from = source[s * L + t];
      if (channel[s * L + t] < 0 || write?.[from] === 0) continue;
      for (let j = 0; j < m; j++) {
        const age = clock + (j + 1) * wait;
        const who = asked[s * m + j] === t ? "asked" : "other";
        const key = `${who} ${Math.round(FINE * age)}`;
        if (age > OLDEST || drawn.has(key)) continue;
        drawn.add(key);
        found[who].x.push(age);
        found[who].y.push(kernel(C[j], delta[from], age));
      }
    }
  return found;
}

/** How much x, Delta, A_bar, B_bar and h differ once the token at `at` is swapped: a share of the largest difference. */
function movedBy(d, N, at) {
  const columns = d.columns.length;
  const before = states(d.story.strip, d.gate, N);
  const after = states(swapped(d.story.strip, at), d.gate, N);
  const h = Float64Array.from({ length: columns }, (_, t) => {
    let sum = 0;
    for (let i = t * CLASSES * N; i < (t + 1) * CLASSES * N; i++) sum += (after[i] - before[i]) ** 2;
    return Math.sqrt(sum);
  });
  const most = Math.max(...h) || 1;
  const none = new Float64Array(columns); // another letter of the same kind: the gate does the same
  return [none.map((_, t) => Number(t === at)), none, none, none, h.map((v) => v / most)];
}

/** Widths by Delta; what lasts no time keeps a hair. */
export function clockWidths(columns) {
  const total = columns.reduce((a, b) => a + Math.min(b, 1), 0) || 1;
  return columns.map((d) => Math.min(d, 1) + 0.004 * total);
}
