// What happens now, in words computed from the data.

import { fine } from "./scores.js";
import { count, duration, ENDED, percent } from "../canvas/words.js";

/** Both twins stand still because somebody asked for it. */
export function isPaused(store) {
  const { paused, hold_at: hold } = store.record.control ?? {};
  if (!store.active) return false;
  return (
    Boolean(paused) ||
    (hold !== null && hold !== undefined && store.runs.every((run) => !run.active || run.record.step >= hold))
  );
}

/** "Training on this machine · step 412 of 1000 · 12.3 s · cpu, numba". */
export function statusLine(lab) {
  const { store } = lab;
  if (!store.record) return lab.words || "Loading";
  const { runs } = store;
  const step = Math.max(...runs.map((run) => run.record.step));
  const steps = Math.max(...runs.map((run) => run.record.steps));
  const seconds = Math.max(...runs.map((run) => run.record.evaluations.seconds.at(-1) ?? 0));
  return [
    opening(lab, runs),
    `step ${count(step)} of ${count(steps)}`,
    seconds ? duration(seconds) : "",
    machine(runs),
    lab.words,
  ]
    .filter(Boolean)
    .join(" · ");
}

function opening(lab, runs) {
  const { store } = lab;
  if (store.record.recorded) return lab.view.playing ? "Recorded run, replaying" : "Recorded run";
  if (store.active) return isPaused(store) ? "Paused" : under(runs);
  const words = runs.map((run) => ENDED[run.record.state] ?? run.record.state);
  if (words.every((word) => word === words[0])) return capital(words[0]);
  return runs.map((run, i) => `${run.record.label} ${words[i]}`).join(", ");
}

/** What the runs that are not over do. */
function under(runs) {
  const states = new Set(runs.map((run) => run.record.state));
  if (states.has("running")) {
    const over = runs.filter((run) => ENDED[run.record.state]);
    return `Training on this machine${over.map((run) => ` · ${run.record.label} ${ENDED[run.record.state]}`).join("")}`;
  }
  if (states.has("starting")) return "Starting";
  const reason = runs.map((run) => run.record.waits).find(Boolean);
  return reason ? `Waiting, ${reason}` : "Waiting";
}

function machine(runs) {
  const devices = [...new Set(runs.map((run) => run.record.device).filter(Boolean))].map((d) =>
    d === "cpu" ? "CPU" : d,
  );
  const scans = runs.filter((run) => run.record.backend).map((run) => `${run.record.label} ${run.record.backend}`);
  return [devices.join(", "), scans.length ? `scan: ${scans.join(", ")}` : ""].filter(Boolean).join(" · ");
}

function capital(word) {
  return word[0].toUpperCase() + word.slice(1);
}

/** What a run has to say beyond its numbers: why it ended, which fallbacks it took. */
export function remarks(store) {
  return store.runs.flatMap(({ record }) => {
    const said = [...(record.notes ?? [])];
    if (record.error)
      said.unshift(record.state === "diverged" ? `diverged at step ${record.step}: ${record.error}` : record.error);
    return said.map((words) => `${record.label}: ${words}`);
  });
}

/** For screen readers: where we are and how well both do. */
export function spoken(lab) {
  const { store, view } = lab;
  if (!store.record) return statusLine(lab);
  const scores = store.runs.map((run) => {
    const at = run.scores(view.step);
    return `${run.record.label}: ${at ? scoreWords(store, at) : "not tested yet"}`;
  });
  const chance = store.regresses ? "" : ` Chance: ${percent(store.record.chance)}${store.signal ? "" : " of tokens"}.`;
  return `${statusLine(lab)}. Shown: step ${view.step}. ${scores.join(". ")}.${chance}`;
}

function scoreWords(store, { token_accuracy: tokens, sequence_accuracy: sequences, error }) {
  if (store.regresses) return `error ${fine(error ?? NaN)}`;
  return store.signal
    ? `${percent(tokens)} right`
    : `${percent(tokens)} of tokens, ${percent(sequences)} of sequences right`;
}
