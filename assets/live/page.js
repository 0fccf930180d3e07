// Puts the page together: which pieces there are, and where they stand.

import { Answers } from "./answers.js";
import { Band } from "./band.js";
import { Curve } from "./curves.js";
import { el, setText } from "../canvas/dom.js";
import { DeltaBars, DeltaHeat, KeptBars } from "./gates.js";
import { History } from "./history.js";
import { Ladder, RungTable } from "./ladder.js";
import { Phase } from "./phase.js";
import { PositionBars } from "./positions.js";
import { Probe } from "./probe.js";
import { Read, Written } from "./projections.js";
import { Readout } from "./readout.js";
import { Scores } from "./scores.js";
import { Selectors } from "./selectors.js";
import { ChannelStates, StateHeat } from "./state.js";
import { Transport } from "./transport.js";

const TWIN_VIEWS = [Band, DeltaBars, DeltaHeat, KeptBars, Written, Read, StateHeat, ChannelStates, Phase]; // top to bottom

/** Experiments of the same kind can take turns on one page. */
export function pageKind(store) {
  return store.runs.map(({ record }) => `${record.label} ${record.settings?.model?.layer ?? ""}`).join();
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
  const [scores, probe, answers, selectors] = [Scores, Probe, Answers, Selectors].map((Panel) => new Panel(lab));
  const readouts = indices.map((i) => new Readout(lab, i));
  const curves = [
    new Curve(lab, { name: "loss", title: "Loss", field: "loss", log: true }),
    new Curve(lab, { name: "tokens-right", title: "Tokens right", field: "token_accuracy", chance: true }),
    new Curve(lab, { name: "sequences-right", title: "Sequences right", field: "sequence_accuracy" }),
    new PositionBars(lab),
  ];
  const twins = indices.map((i) => TWIN_VIEWS.map((TwinView) => new TwinView(lab, i)));
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
      el("div", { class: "curves" }, ...curves.map((view) => view.element)),
    ),
    probe.element,
    el("div", { class: "under" }, answers.element, selectors.element),
    el("div", { class: "twins" }, ...twins.map((views, i) => twin(lab, i, readouts[i], views))),
    after,
    words.spoken,
  );
  const views = [...curves, ...twins.flat(), ladder];
  const panels = [transport, history, scores, probe, answers, selectors, ...readouts, rungs];
  /** Before the page serves another experiment of its kind. */
  const forget = () => {
    setText(words.alert, "");
    words.remarks.replaceChildren();
    for (const piece of [...views, ...panels]) piece.forget?.();
  };
  return { words, history, after, ladder, views, panels, forget };
}

function twin(lab, i, readout, views) {
  const { label } = lab.store.runs[i].record;
  const heading = el("h3", {}, el("span", { class: "swatch" }), label);
  return el(
    "section",
    { class: "twin", "data-run": i, "aria-label": label },
    heading,
    readout.element,
    ...views.map((view) => view.element),
  );
}
