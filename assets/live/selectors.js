// Which layer, which channel, which stretch of the sequence the views below show.

import { allow, button, choice, choose, el, isAllowed, setText, uniqueName } from "../canvas/dom.js";
import { headOf } from "./weights.js";

const NEAREST = 8; // tokens of the narrowest stretch

export class Selectors {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["frame", "channel", "axes", "size", "all"]);
    this.layers = 0;
    this.layerBox = el("div");
    this.channelWords = el("output", { class: "channel" });
    const step = (name, words, by) =>
      button(name, words, () => lab.view.setChannel(lab.view.channel + by), {
        small: true,
        "data-action": words.toLowerCase().replace(" ", "-"),
      });
    const zoom = (name, words, act) => {
      const node = button(name, words, () => isAllowed(node) && act(), {
        small: true,
        "data-action": words.toLowerCase().replaceAll(" ", "-"),
      });
      return node;
    };
    const unit = `${lab.store.position}s`;
    this.near = zoom("plus", `Fewer ${unit}`, () => this.zoom(0.5));
    this.far = zoom("minus", `More ${unit}`, () => this.zoom(2));
    this.whole = zoom("whole", "Whole sequence", () => lab.view.setZoom(null));
    this.zoomWords = el("output", { class: "zoom" });
    this.best = button("star", "Most selective", () => lab.view.chooseMostSelective(0), {
      "data-action": "most-selective",
    });
    this.best.title = "The channel whose Δ tells what matters from the rest best";
    this.axes = choice(
      "Path",
      uniqueName("axes"),
      [
        ["principal", "directions"],
        ["states", "states 1, 2"],
      ],
      lab.view.axes,
      (value) => lab.view.setAxes(value),
    );
    this.headBox = el("div");
    this.channelName = el("span", { class: "legend" }, "Channel");
    this.channelGroup = el(
      "div",
      { class: "group", role: "group", "aria-label": "Channel" },
      this.channelName,
      step("back", "Previous channel", -1),
      this.channelWords,
      step("forward", "Next channel", 1),
      this.best,
    );
    this.element = el(
      "div",
      { class: "selectors" },
      this.layerBox,
      this.channelGroup,
      el(
        "div",
        { class: "group", role: "group", "aria-label": "Positions shown" },
        el("span", { class: "legend" }, lab.store.signal ? "Samples" : "Tokens"),
        this.far,
        this.zoomWords,
        this.near,
        this.whole,
      ),
      this.axes,
      this.headBox,
    );
  }

  update() {
    const { lab } = this;
    const frames = lab.store.runs.map((_, i) => lab.view.frame(i)).filter(Boolean);
    const [frame] = frames;
    if (!frame) return;
    const layers = Math.max(...frames.map((f) => f.layers.length));
    if (layers !== this.layers) this.offerLayers(layers);
    const shown = frames.map((f) => f.layers[Math.min(lab.view.layer, f.layers.length - 1)] ?? {});
    this.offerChannels(frames, shown);
    this.offerHeads(shown.map(({ weights }) => weights).filter(Boolean));
    if (this.layers > 1) choose(this.layerBox.firstChild, lab.view.layer);
    choose(this.axes, lab.view.axes);
    const { from, to } = lab.view.range(0);
    setText(this.zoomWords, `${from}–${to - 1}`);
    allow(this.near, to - from <= NEAREST ? "Already the narrowest" : "");
    for (const node of [this.far, this.whole]) allow(node, to - from >= frame.L ? "All are shown" : "");
  }

  offerLayers(n) {
    this.layers = n;
    const options = Array.from({ length: n }, (_, i) => [i, String(i + 1)]);
    this.layerBox.replaceChildren(
      ...(n > 1
        ? [choice("Layer", uniqueName("layer"), options, this.lab.view.layer, (i) => this.lab.view.setLayer(i))]
        : []),
    );
  }

  /** The row of each run's memory that is shown; what has no rows offers none. */
  offerChannels(frames, shown) {
    const { view, store } = this.lab;
    const rows = frames.map(({ channels }) => channels[Math.min(view.channel, channels.length - 1)]);
    const numbers = [...new Set(rows.filter((row) => row !== undefined))];
    const named = new Set(store.runs.map(({ record }) => record.card?.rows || "channel"));
    setText(this.channelName, named.size === 1 && named.has("channel") ? "Channel" : "Row");
    setText(this.channelWords, numbers.join(" | "));
    this.channelGroup.hidden = !numbers.length;
    this.axes.hidden = !shown.some(({ h }) => h);
    // where nothing matters more than the rest, no channel is more selective
    this.best.hidden = Boolean(store.signal) || !(store.has("noise") || store.has("trigger")) || !shown[0].delta;
  }

  offerHeads(weights) {
    const heads = Math.max(0, ...weights.map((w) => w.heads));
    const mean = weights.some((w) => w.heads > 1 && !w.signed);
    const key = `${heads} ${mean}`;
    if (key !== this.heads) {
      this.heads = key;
      const options = Array.from({ length: heads }, (_, i) => [i, String(i + 1)]);
      const all = mean ? [["mean", "mean"], ...options] : options;
      this.headBox.replaceChildren(
        ...(heads > 1 ? [choice("Head", uniqueName("head"), all, 0, (i) => this.lab.view.setHead(i))] : []),
      );
    }
    if (heads > 1) choose(this.headBox.firstChild, headOf(weights.find((w) => w.heads === heads), this.lab.view.head));
  }

  /** Shows `factor` times as many tokens around the cursor. */
  zoom(factor) {
    const { lab } = this;
    const L = lab.view.frame(0).L;
    const { from, to } = lab.view.range(0);
    const wide = Math.max(NEAREST, Math.min(L, Math.round((to - from) * factor)));
    const first = Math.max(0, Math.min(L - wide, Math.round(lab.view.cursor - wide / 2)));
    lab.view.setZoom(wide >= L ? null : { from: first, to: first + wide });
  }
}
