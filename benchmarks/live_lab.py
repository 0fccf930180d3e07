"""How the lab feels while two runs train on the same machine: a real Chromium in front of the real app.

    python -m benchmarks.live_lab [--out FILE]

Both twins of the default preset train; meanwhile each control is timed inside the page, from its event to the
redraw, and a widget of Streamlit's from the click to what the server answers. Then 500 frames a run are scrubbed.
Memory is that of the app's own process. Browser (software rendering) and trainings share the cores, as they do on a
laptop. How long the presets take from the click is `benchmarks/presets_cpu.py confirm`.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from benchmarks.browser import memory, row, start
from ssmviz.frames import pack
from ssmviz.models import build
from ssmviz.presets import PRESETS
from ssmviz.runs.store import Store
from ssmviz.tasks import TASKS, rng_for
from ssmviz.traces import Frame
from tests.browser.chromium import FLAGS, find

LOAD = os.getloadavg()[0]
READING = 12.0  # seconds a person looks at the page before the first click; the fork server loads meanwhile
FRAMES = 500
ROUNDS = 25
COLD = 5  # visitors
PRESET = "selective_copying"
STEPS = 5000  # so many that both still train when the last control has been timed

# Milliseconds from an event on `selector` to the painted frame after `attribute` changed.
LATENCY = """(root, [selector, key, attribute]) => new Promise((done, fail) => {
  setTimeout(() => fail(`no new ${attribute} after ${selector} ${key}`), 10000);
  const target = root.querySelector(selector), before = root.dataset[attribute], began = performance.now();
  const seen = new MutationObserver(() => {
    if (root.dataset[attribute] === before) return;
    seen.disconnect();
    requestAnimationFrame(() => done(performance.now() - began));
  });
  seen.observe(root, { attributes: true });
  if (key) target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }));
  else target.click();
})"""
# From the choice of a task to the painted frame after the first picture of its recording.
TASK = """(root, input) => new Promise((done, fail) => {
  setTimeout(() => fail(`no picture of ${input.value}`), 10000);
  const began = performance.now();
  const look = () => {
    const { experiment, frames, state } = root.dataset;
    const plays = experiment === input.value && Number(frames) > 0 && state === "replay";
    if (plays) requestAnimationFrame(() => done(performance.now() - began));
    else requestAnimationFrame(look);
  };
  input.click();
  look();
})"""
# From a click on a number's + or - to the paint after the number, and after the server's answer: whether the group
# agrees with the run that is shown.
NUMBER = """(button) => new Promise((done, fail) => {
  setTimeout(() => fail("no answer to a number"), 10000);
  const field = button.closest("[data-testid=stNumberInput]").querySelector("input");
  const offered = () => [...document.querySelectorAll("button")].find(
    ({ innerText, disabled }) => innerText.includes("As in the run below") && !disabled) !== undefined;
  const [value, offer, began] = [field.value, offered(), performance.now()];
  let shown;
  const look = () => {
    if (field.value !== value) shown ??= performance.now() - began;
    const answered = shown !== undefined && offered() !== offer;
    if (answered) requestAnimationFrame(() => done([shown, performance.now() - began]));
    else requestAnimationFrame(look);
  };
  button.click();
  look();
})"""
SCRUB = """async (root, count) => {
  const slider = root.querySelector("[data-role=scrubber]"), took = [];
  const low = Number(slider.min), high = Number(slider.max);
  for (let i = 0; i < count; i++) {
    const draws = root.dataset.draws, began = performance.now();
    slider.value = Math.round(low + ((high - low) * i) / (count - 1));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    for (let wait = 0; wait < 60 && root.dataset.draws === draws; wait++) await new Promise(requestAnimationFrame);
    took.push(performance.now() - began);
  }
  return took;
}"""


CONTROLS = {  # name: (selector, key, attribute that changes)
    "token cursor (key)": (".view-delta canvas", "ArrowRight", "cursor"),
    "next channel": ("[data-action=next-channel]", "", "channel"),
    "one frame back": ("[data-action=back]", "", "step"),
}


def main() -> None:
    """Print the table, and write it where asked."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--out", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        history = with_history(Path(folder))
        app, url = start(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(60_000)
            lines = [*training(page, url), *scrubbing(page, f"{url}/lab?run={history}"), "", memory(app.pid)]
            browser.close()
        finally:
            app.send_signal(signal.SIGTERM)
            app.wait(10)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load before {LOAD:.1f}"
    text = "\n".join(["# The lab while two runs train", "", f"`python -m benchmarks.live_lab`; {machine}.", "", *lines])
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


def training(page: Page, url: str) -> list[str]:
    """Open the page cold, train, use every control."""
    lab = page.locator(".ssmviz-lab")
    began = time.perf_counter()
    page.goto(f"{url}/lab?lab_steps={STEPS}")
    until(page, lab, "Number(lab.dataset.frames) > 0 && Number(lab.dataset.draws) > 0")
    cold = [time.perf_counter() - began, *(moving(page.context.browser, url) for _ in range(COLD))]
    page.wait_for_timeout(1000 * READING)
    recorded = lab.get_attribute("data-experiment")
    began = time.perf_counter()
    page.get_by_test_id("stBaseButton-primary").click()
    page.wait_for_url("**run=*")
    until(page, lab, f"lab.dataset.experiment !== '{recorded}' && Number(lab.dataset.frames) >= 2")
    first = time.perf_counter() - began
    lines = [
        f"A moving picture in a browser that knows nothing of the page: {cold[0]:.2f} s on a server just started, then "
        f"{np.median(cold[1:]):.2f} s (median of {COLD}). Both twins after the click on Train: {first:.2f} s.",
        "",
    ]
    lines += ["| control, while both train | events | p50 ms | p95 ms |", "|--|--|--|--|"]
    until(page, lab, "Number(lab.dataset.frames) >= 60")
    lines += [row(name, [lab.evaluate(LATENCY, what) for _ in range(ROUNDS)]) for name, what in CONTROLS.items()]
    page.locator("[data-action=live]").click()
    lines.append(row("insert noise (until both models have answered)", [probe(page, lab) for _ in range(ROUNDS)]))
    lines.append(row("pause, until the page says so", [toggle(lab, "pause"), *(again(page, lab) for _ in range(4))]))
    lines.append(row("one step, until it is drawn", [lab.evaluate(LATENCY, STEP) for _ in range(ROUNDS)]))
    toggle(lab, "resume")
    numbers = np.array(number(page))
    lines.append(row("a number under More (Streamlit's), until it stands there", numbers[:, 0]))
    lines.append(row("a number under More, until the server has answered", numbers[:, 1]))
    running = lab.evaluate(TRAINS)
    lines.append(row("another task, until its recording plays", [task(page, lab) for _ in range(16)]))
    return [*lines, "", f"At the last number under More {running} runs were training."]


def moving(browser: Browser | None, url: str) -> float:
    """Seconds until the recording plays for a new visitor."""
    if browser is None:
        raise TypeError("a page without a browser")
    with browser.new_context(viewport={"width": 1280, "height": 900}) as visitor:
        page = visitor.new_page()
        began = time.perf_counter()
        page.goto(f"{url}/lab")
        until(page, page.locator(".ssmviz-lab"), "lab.dataset.state === 'replay' && Number(lab.dataset.draws) > 0")
        return time.perf_counter() - began


STEP = ("[data-action=step]", "", "step")


def toggle(lab: Locator, action: str) -> float:
    """Pause or resume, until the state says so."""
    return float(lab.evaluate(LATENCY, (f"[data-action={action}]", "", "state")))


def again(page: Page, lab: Locator) -> float:
    """Resume, and pause once more."""
    toggle(lab, "resume")
    page.wait_for_timeout(500)
    return toggle(lab, "pause")


def probe(page: Page, lab: Locator) -> float:
    """Insert noise and take it away again by turns."""
    version = int(lab.get_attribute("data-probe") or 0)
    tool = "reset-probe" if version % 2 else "insert-noise"
    took = float(lab.evaluate(LATENCY, (f"[data-tool={tool}]", "", "probe")))
    page.wait_for_timeout(100)
    return took


TRAINS = """async (root) => {
  const { runs } = await (await fetch(`/api/experiments/${root.dataset.experiment}`)).json();
  return runs.filter(({ state }) => state === "running").length;
}"""


def number(page: Page) -> list[list[float]]:
    """One step of a number up and down by turns."""
    page.get_by_role("button", name="More", exact=True).click()
    length = page.get_by_test_id("stNumberInput").filter(has_text="Length")
    took = []
    for i in range(ROUNDS):
        button = length.get_by_test_id("stNumberInputStepDown" if i % 2 else "stNumberInputStepUp")
        took.append(button.evaluate(NUMBER))
        page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    return took


def task(page: Page, lab: Locator) -> float:
    """Choose another task, until its recording plays."""
    other = "copying" if lab.get_attribute("data-experiment") != "copying" else "selective_copying"
    chosen = page.locator(f".tasks input[value={other}]")
    took = float(lab.evaluate(TASK, chosen.element_handle()))
    page.wait_for_timeout(700)
    return took


def scrubbing(page: Page, url: str) -> list[str]:
    """Through a whole history."""
    lab = page.locator(".ssmviz-lab")
    page.goto(url)
    until(page, lab, f"Number(lab.dataset.frames) >= {2 * FRAMES}")
    page.wait_for_timeout(1000)
    return ["", "| history | events | p50 ms | p95 ms |", "|--|--|--|--|", row("scrub", lab.evaluate(SCRUB, FRAMES))]


def until(page: Page, lab: Locator, condition: str) -> None:
    """Wait for the component."""
    lab.wait_for()
    page.wait_for_function(f"lab => {condition}", arg=lab.element_handle())


def with_history(home: Path) -> str:
    """A store with a finished experiment of FRAMES frames a run (untrained networks, one for each frame's seed)."""
    store = Store(home, fixed=True)
    runs = PRESETS[PRESET].runs
    experiment = store.create_experiment(key="history", title="history", runs=runs)
    for run in store.runs_of(experiment.id):
        attempt = store.claim(run.id)
        db = store.rundb(run.id, attempt)
        db.begin_attempt(None, {"device": "cpu", "backend": "none: untrained", "parameters": 0, "notes": []})
        settings = run.settings
        batch = TASKS[settings.task.name].sample(settings.task, rng_for(0, "probe"), 1)
        for i in range(FRAMES):
            network = build(settings.task, settings.model, seed=i % 8)
            frame = Frame(2 * i, network.trace(batch.tokens[0], batch.targets[0]), network.A())
            db.put_frame(frame.step, pack(frame, settings.task.name))
        store.move(run.id, "done", attempt=attempt)
    store.close()
    return experiment.id


if __name__ == "__main__":
    main()
