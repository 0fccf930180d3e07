// The widgets of a lesson, made from the specification that Python holds (ssmviz/lessons/controls.py).

import { choice, choose, el, setText, uniqueName } from "../canvas/dom.js";
import { number } from "../canvas/words.js";

const FINE = 400; // positions of a logarithmic slider
const BY_TEACHER = "Set by your teacher";

/** Elements of the controls that are neither hidden nor under "More", of those under it, and a word about locked ones. */
export function buildControls(stage) {
  const made = stage.controls.filter(({ hidden }) => !hidden).map((spec) => ({ spec, ...KINDS[spec.kind](stage, spec) }));
  for (const { spec, element } of made) if (spec.locked) lock(element);
  const notice = stage.locked.length ? el("span", { class: "by-teacher" }, `🔒 ${BY_TEACHER.toLowerCase()}`) : null;
  return {
    notice,
    first: made.filter(({ spec }) => !spec.more).map(({ element }) => element),
    more: made.filter(({ spec }) => spec.more).map(({ element }) => element),
    show: () => {
      for (const { spec, show } of made) show(stage.values[spec.name]);
    },
  };
}

/** Shows a value that cannot be changed, and says who has set it. */
function lock(element) {
  for (const input of element.matches("input") ? [element] : element.querySelectorAll("input")) input.disabled = true;
  element.classList.add("locked");
  element.title = BY_TEACHER;
}

const KINDS = {
  number: (stage, spec) => {
    const { name, low, high, step, log, unit, default: start } = spec;
    const whole = Number.isInteger(start) && Number.isInteger(step);
    const toValue = log ? (at) => Number((low * (high / low) ** (at / FINE)).toPrecision(3)) : Number;
    const toPlace = log ? (value) => (FINE * Math.log(value / low)) / Math.log(high / low) : Number;
    const id = uniqueName(name);
    const output = el("output", { for: id });
    const input = el("input", {
      id,
      type: "range",
      min: log ? 0 : low,
      max: log ? FINE : high,
      step: log ? 1 : step,
      "data-control": name,
      oninput: () => {
        const value = toValue(input.value);
        stage.set({ [name]: whole ? Math.round(value) : value });
      },
      onchange: () => stage.commit(),
    });
    const label = el("label", { class: "slider" }, words(spec), input, output);
    const show = (value) => {
      const at = String(toPlace(value));
      if (input.value !== at) input.value = at;
      setText(output, number(value) + (unit ? `\u202f${unit}` : ""));
      input.setAttribute("aria-valuetext", output.textContent);
    };
    return { element: label, show };
  },
  choice: (stage, spec) => {
    const set = choice(spec.label, uniqueName(spec.name), spec.options, stage.values[spec.name], (value) => {
      stage.set({ [spec.name]: value });
      stage.commit();
    });
    set.dataset.control = spec.name;
    return { element: set, show: (value) => choose(set, value) };
  },
  switch: (stage, spec) => {
    const input = el("input", {
      type: "checkbox",
      role: "switch",
      "data-control": spec.name,
      onchange: () => {
        stage.set({ [spec.name]: input.checked });
        stage.commit();
      },
    });
    const label = el("label", { class: "switch" }, input, el("i", { "aria-hidden": true }), words(spec));
    return { element: label, show: (value) => (input.checked = value) };
  },
  numbers: () => ({ element: el("span", { hidden: true }), show() {} }),
  text: () => ({ element: el("span", { hidden: true }), show() {} }),
};

function words({ label, symbol }) {
  return el("span", { class: symbol ? `words symbol-${symbol}` : "words" }, label);
}
