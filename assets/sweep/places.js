// What is known of a sweep, gathered by place: the runs of a place differ in their seed alone.

import { ENDED } from "../canvas/words.js";

const ENDED_BADLY = new Set(["failed", "oom", "timeout", "unreadable", "deleted"]);
const AT_WORK = new Set(["starting", "running"]);
const WAITS = new Set(["waiting", "queued"]);

export const STATE_WORDS = {
  waiting: "waits",
  queued: "waits",
  starting: "starts",
  running: "trains",
  ...ENDED,
  deleted: "deleted",
};

/** Rows of places: {row, column, runs, hole}, hole being why nothing is trained there. */
export function placesOf(board) {
  const places = board.rows.words.map((_, row) => board.columns.words.map((_c, column) => ({ row, column, runs: [], hole: "" })));
  for (const cell of board.cells) places[cell.row][cell.column].runs.push(cell);
  for (const { row, column, why } of board.holes) places[row][column].hole = why;
  return places;
}

/** What stands in a place: how many of its runs wait, work, have ended well, badly, or by hand. */
export function tally(place) {
  const count = (test) => place.runs.filter(({ state }) => test(state)).length;
  return {
    waiting: count((s) => WAITS.has(s)),
    working: count((s) => AT_WORK.has(s)),
    done: count((s) => s === "done"),
    diverged: count((s) => s === "diverged"),
    bad: count((s) => ENDED_BADLY.has(s)),
    stopped: count((s) => s === "cancelled" || s === "interrupted"),
  };
}

/** Share of all steps of a place that were done. */
export function progress(place) {
  const sum = (field) => place.runs.reduce((total, run) => total + run[field], 0);
  return place.runs.length ? sum("step") / sum("steps") : 0;
}

/** {mean, low, high, count, final} over the seeds that are done; where none is, over what trains; undefined without any. */
export function score(place, measure) {
  const known = place.runs.filter((run) => Number.isFinite(run[measure]) && run.state !== "diverged");
  const done = known.filter(({ state }) => state === "done");
  const values = (done.length ? done : known).map((run) => run[measure]);
  if (!values.length) return undefined;
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, low: Math.min(...values), high: Math.max(...values), count: values.length, final: done.length > 0 };
}

/** The run that a place opens: the first seed that began. */
export function firstRun(place) {
  return place?.runs.find(({ experiment }) => experiment);
}

/** A place in words: "Layer S4D, States N 8". */
export function placeWords(board, { row, column }) {
  return `${board.rows.label} ${board.rows.words[row]}, ${board.columns.label} ${board.columns.words[column]}`;
}

/** Counts over the whole sweep. */
export function totals(board) {
  const count = (test) => board.cells.filter(({ state }) => test(state)).length;
  const working = count((s) => AT_WORK.has(s));
  return { working, ended: board.cells.length - working - count((s) => WAITS.has(s)), all: board.cells.length };
}
