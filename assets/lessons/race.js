// Time a token takes, measured in this browser: a plot that fills as it runs, once it is seen and whenever it is asked for.

import { button, el, relabel } from "../canvas/dom.js";
import { Plot } from "../canvas/plot.js";
import { count, number } from "../canvas/words.js";
import { growth, race } from "../maths/stopwatch.js";

const LENGTHS = [64, 256, 1024, 4096, 16384, 65536];
const LATE = -4; // the growth is that of the longest four

export function stopwatch(stage) {
  let times = [];
  const of = (key, from = 0) => times.slice(from).map((one) => one[key]);
  const all = () => [...of("s6"), ...of("attention")];
  const curve = (name, key, colour) => ({ name, colour, x: of("L"), y: of(key) });
  const power = (key) => `L^${growth(of("L", LATE), of(key, LATE)).toFixed(2)}`;
  const words = ({ L, s6, attention }) => `${L} tokens: attention ${number(attention)}, S6 ${number(s6)} µs`;
  const speed = new Plot(stage, {
    name: "speed",
    title: "Time a token takes, measured in this browser",
    height: 200,
    x: { label: "tokens before it", log: true, range: [LENGTHS[0], LENGTHS.at(-1)], ticks: LENGTHS, words: count },
    y: {
      label: "µs",
      log: true,
      range: () => (times.length ? [Math.min(...all()) / 2, 2 * Math.max(...all())] : [1, 1e4]),
    },
    series: ({ theme }) =>
      times.length
        ? [curve("one layer of attention", "attention", theme.runs[1]), curve("two blocks of S6", "s6", theme.runs[0])]
        : [],
    note: () => {
      if (times.length < LENGTHS.length) return times.length ? "measuring" : "nothing measured yet";
      return `width 64, best of 5; grows like ${power("attention")} and ${power("s6")}`;
    },
    describe: () => times.map(words).join("; ") || "Nothing measured yet",
  });
  const run = async () => {
    if (measure.dataset.busy) return;
    measure.dataset.busy = true;
    times = [];
    relabel(measure, "pause", "Measuring …");
    await race(LENGTHS, (one) => {
      times.push(one);
      stage.touch("values");
    });
    relabel(measure, "restart", "Measure again");
    delete measure.dataset.busy;
    stage.element.dataset.raced = times.length;
  };
  const measure = button("play", "Measure here", run, { "data-action": "measure" });
  const seen = new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting) return;
    seen.disconnect();
    run();
  });
  seen.observe(speed.element);
  return [speed, el("div", { class: "deck" }, measure)];
}
