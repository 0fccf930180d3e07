// Puts the page together: which pieces there are, and where they stand.

import { Absent } from "./absent.js";
import { Answers } from "./answers.js";
import { Band } from "./band.js";
import { Curve } from "./curves.js";
import { Drawn } from "./drawn.js";
import { el, setText } from "../canvas/dom.js";
import { DeltaBars, DeltaHeat, KeptBars } from "./gates.js";
import { History } from "./history.js";
import { Ladder, RungTable } from "./ladder.js";
import { Phase } from "./phase.js";
import { Poles } from "./poles.js";
import { PositionBars } from "./positions.js";
import { Probe } from "./probe.js";
import { Read, Written } from "./projections.js";
import { Readout } from "./readout.js";
import { fine, Scores } from "./scores.js";
import { Selectors } from "./selectors.js";
import { Input, Output } from "./signals.js";
import { ChannelStates, StateHeat } from "./state.js";
import { Transport } from "./transport.js";
import { Tree } from "./tree.js";
import { Weights } from "./weights.js";

const MANY = 2; // runs; more of them are compared by what fits side by side
const SHORT = 12; // letters of all labels together that leave room for numbers in one line
const GATES = [DeltaBars, DeltaHeat, KeptBars, Written, Read]; // what a layer decides at each position
const TWIN_VIEWS = [Band, ...GATES, StateHeat, ChannelStates, Phase, Weights]; // top to bottom

/** Experiments of the same kind can take turns on one page. */
export function pageKind(store) {
  const { signal, regresses } = store;
  const task = signal ? [signal.reads, signal.says, signal.width ?? "", regresses].join(" ") : `tokens ${Boolean(store.record.operators)}`;
  return [task, ...store.runs.map(({ record }) => `${record.label} ${JSON.stringify(kindOf(record))}`)].join();
}

/** What the page says of a run's layer. */
function kindOf({ settings }) {
  const { layer, selective, s4d_init: poles, learn_poles: learns } = settings?.model ?? {};
  return [layer, selective, poles, learns, settings?.backend];
}

/**
 * What is shown of each run, as far as its layer has it. A layer that cannot choose decides the same everywhere: nothing
 * to see along a signal.
 */
function viewsOf(store) {
  const models = store.runs.map(({ record }) => record.settings?.model ?? {});
  const selective = models.some(({ layer }) => layer === "s6");
  if (!store.signal && store.runs.length > MANY)
    return selective ? [Band, DeltaBars, StateHeat, Weights] : [Band, StateHeat, ChannelStates, Weights];
  if (!store.signal) return TWIN_VIEWS;
  return [Input, Output, Poles, ...(selective ? GATES : []), StateHeat, ChannelStates, Phase, Weights];
}

/** How learning went. */
function curvesOf(lab) {
  const loss = new Curve(lab, { name: "loss", title: "Loss", field: "loss", log: true });
  if (lab.store.regresses)
    return [loss, new Curve(lab, { name: "error", title: "Error", field: "error", log: true, say: fine })];
  if (lab.store.signal)
    return [loss, new Curve(lab, { name: "right", title: "Right", field: "token_accuracy", chance: true })];
  return [
    loss,
    new Curve(lab, { name: "tokens-right", title: "Tokens right", field: "token_accuracy", chance: true }),
    new Curve(lab, { name: "sequences-right", title: "Sequences right", field: "sequence_accuracy" }),
    new PositionBars(lab),
  ];
}

/** Fills `lab.element` for the runs that are now in `lab.store`; returns what must be kept up to date. */
export function buildPage(lab) {
  const indices = lab.store.runs.map((_, i) => i);
  const words = {
    status: el("p", { class: "status-line" }),
    spoken: el("p", { class: "sr", role: "status" }),
    alert: el("p", { class: "refusal", role: "alert" }),
    remarks: el("ul", { class: "remarks" }),
  };
  const transport = new Transport(lab);
  const history = new History(lab);
  const { signal } = lab.store;
  const [scores, selectors] = [new Scores(lab), new Selectors(lab)];
  const probe = signal ? new Drawn(lab) : new Probe(lab);
  const answers = signal ? null : new Answers(lab);
  const tree = lab.store.record.operators ? new Tree(lab) : null;
  const readouts = indices.map((i) => new Readout(lab, i));
  const curves = curvesOf(lab);
  const wordy = lab.store.runs.reduce((sum, run) => sum + run.record.label.length, 0) > SHORT;
  const twins = lab.store.runs.map((_, i) => viewsOf(lab.store).map((TwinView) => new TwinView(lab, i)));
  const absences = twins.map((views) => new Absent(views));
  const [ladder, rungs] = [new Ladder(lab), new RungTable(lab)];
  const after = el(
    "section",
    { class: "after", hidden: true, "aria-label": "Other lengths" },
    ladder.element,
    rungs.element,
  );
  lab.element.replaceChildren(
    el("header", { class: "top" }, words.status, transport.element),
    words.alert,
    words.remarks,
    history.element,
    el(
      "div",
      { class: "overview" },
      scores.element,
      el("div", { class: `curves${signal ? " few" : ""}${wordy ? " wordy" : ""}` }, ...curves.map((view) => view.element)),
    ),
    probe.element,
    ...(tree ? [tree.element] : []),
    el("div", { class: "under" }, answers?.element, selectors.element),
    el("div", { class: "twins" }, ...twins.map((views, i) => twin(lab, i, readouts[i], views, absences[i]))),
    after,
    words.spoken,
  );
  const views = [...curves, ...(signal ? [probe.view] : []), ...twins.flat(), ladder];
  const panels = [transport, history, scores, probe, tree, answers, selectors, ...readouts, rungs].filter(Boolean);
  /** Before the page serves another experiment of its kind. */
  const forget = () => {
    setText(words.alert, "");
    words.remarks.replaceChildren();
    for (const piece of [...views, ...panels]) piece.forget?.();
  };
  /** Shows what there is to show; returns whether something that was hidden must be measured. */
  const arrange = () => {
    const untested = !ladder.lengths.length;
    const tested = after.hidden && !untested;
    after.hidden = untested;
    return absences.map((absence) => absence.arrange()).includes(true) || tested;
  };
  return { words, history, views, panels, forget, arrange };
}

function twin(lab, i, readout, views, absence) {
  const { label } = lab.store.runs[i].record;
  const heading = el("h3", {}, el("span", { class: "swatch" }), label);
  return el(
    "section",
    { class: "twin", "data-run": i, "aria-label": label },
    heading,
    readout.element,
    ...views.map((view) => view.element),
    absence.element,
  );
}
