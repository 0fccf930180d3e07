// The gate of a run that trains on this page: what its newest frame paints, as `gate_in` of ssmviz/lessons/selection.py.

import { readFrame } from "../live/frame.js";

/** Calls `found(gate)` with every frame that the page's live view receives, while `signal` is not aborted. */
export function whileTraining(found, signal) {
  const hear = (event) => {
    const { record, run, bytes } = event.detail;
    const { task, runs } = record;
    event.preventDefault(); // frames go on while the live view itself is out of sight
    if (run !== 0 || task.name !== "selective_copying" || runs[0].settings.model.layer !== "s6") return;
    found({ where: "training now", ...gateIn(readFrame(bytes), task.vocab - 2) });
  };
  window.addEventListener("ssmviz:frame", hear, { signal });
}

/** Of the layer that tells letters from noise best: { step, layer, kinds, delta, sharpest, ratio }. */
export function gateIn({ step, tokens, layers, L }, classes) {
  const kinds = Array.from(tokens, (token) => ({ [classes]: "noise", [classes + 1]: "question" })[token] ?? "letter");
  const ratioOf = (row) => typical(row, kinds, "letter") / Math.max(typical(row, kinds, "noise"), 1e-30);
  const gates = layers.map(({ delta, deltaMean, K }, layer) => {
    const channels = Array.from({ length: K }, (_, k) => ratioOf(delta.subarray(k * L, (k + 1) * L)));
    return { layer, delta: Array.from(deltaMean), sharpest: Math.max(...channels), ratio: ratioOf(deltaMean) };
  });
  return { step, kinds, ...gates.reduce((best, gate) => (gate.ratio > best.ratio ? gate : best)) };
}

/** The median over the tokens of a kind. */
function typical(row, kinds, kind) {
  const of = Array.from(row).filter((_, t) => kinds[t] === kind).sort((a, b) => a - b);
  const middle = of.length >> 1;
  return of.length % 2 ? of[middle] : (of[middle - 1] + of[middle]) / 2;
}
