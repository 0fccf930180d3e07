"""How the lessons feel: a real Chromium (software rendering) in front of the real app.

    python -m benchmarks.lessons [--out FILE] [NAME ...]

opens: a new visitor, until the page's pictures are drawn and move (warm server). redraw: one change of a control,
computed and painted in the browser, the dearest control of each lesson. CPU: of the page's main thread for such a
change, with style, layout and raster; other load hardly moves it. answer: from letting go to Streamlit's answer.
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

from benchmarks.browser import memory, start
from ssmviz.widgets.pages import LESSONS
from tests.browser.chromium import FLAGS, find

LOAD = os.getloadavg()[0]
VISITORS = 5
PAGES = {"home": ""} | {name: name for name in LESSONS}

# Milliseconds of work for each change of a control: values, mathematics, canvases.
CHANGES = 40
REDRAW = """async ([root, name, changes]) => {
  const stage = root.parentNode.ssmvizStage, start = stage.values;
  const spec = stage.controls.find((control) => control.name === name);
  stage.play?.(false);
  const other = {
    number: ({ low, high }, i) => low + ((high - low) * (i % 17)) / 17,
    choice: ({ options }, i) => options[i % options.length][0],
    switch: (_, i) => i % 2 === 0,
    numbers: ({ name, low, high }, i) =>
      start[name].map((v, j) => (j === i % start[name].length ? low + ((high - low) * (i % 7)) / 7 : v)),
    text: ({ name }) => start[name],
  };
  const took = [];
  for (let i = 0; i < changes; i++) {
    await new Promise(requestAnimationFrame);
    let value = other[spec.kind](spec, i);
    if (Number.isInteger(spec.step) && Number.isInteger(spec.default)) value = Math.round(value);
    const began = performance.now();
    stage.set({ [name]: value });
    stage.draw();
    took.push(performance.now() - began);
  }
  stage.set(start);
  stage.draw();
  return took;
}"""
# Milliseconds from a commit until the server's values are back.
ANSWER = """async (root) => {
  const stage = root.parentNode.ssmvizStage, took = [];
  const { name } = stage.controls.find(({ kind }) => kind === "number") ?? stage.controls[0];
  const spec = stage.controls.find((control) => control.name === name);
  for (let i = 0; i < 12; i++) {
    const { kind, low, high, options } = spec;
    const value = kind === "number" ? (i % 2 ? low : high) : (options?.[(i + 1) % options.length][0] ?? i % 2 === 0);
    if (JSON.stringify(stage.values[name]) === JSON.stringify(value)) continue;
    const began = performance.now();
    stage.set({ [name]: value });
    stage.commit();
    while (stage.heard !== stage.serial && performance.now() - began < 5000) await new Promise(requestAnimationFrame);
    took.push(performance.now() - began);
  }
  stage.reset();
  return took;
}"""


def main() -> None:
    """Print the table, and write it where asked."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", choices=[*PAGES, []], metavar="NAME")
    arguments.add_argument("--out", type=Path)
    given = arguments.parse_args()
    lines = [
        "| page | opens, s | worst | redraw p50, ms | p95 | CPU, ms | control | answer p50, ms | p95 |",
        "|--|--|--|--|--|--|--|--|--|",
    ]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app, url = start(Path(folder))
        try:
            browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
            lines += [one(browser, url, name) for name in given.names or PAGES]
            lines += ["", memory(app.pid)]
            browser.close()
        finally:
            app.send_signal(signal.SIGTERM)
            app.wait(10)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load before {LOAD:.1f}"
    text = "\n".join(["# The lessons in a browser", "", f"`python -m benchmarks.lessons`; {machine}.", "", *lines])
    print(text)
    if given.out:
        given.out.write_text(text + "\n")


def one(browser: Browser, url: str, name: str) -> str:
    """The row of a page."""
    cold = [opens(browser, f"{url}/{PAGES[name]}") for _ in range(VISITORS + 1)][1:]
    page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page.goto(f"{url}/{PAGES[name]}")
    root = drawn(page)
    page.wait_for_timeout(1500)
    redraw = redraws(page, root)
    answer = root.evaluate(ANSWER)
    page.close()
    worst = max(redraw, key=lambda control: np.percentile(redraw[control][0], 95))
    took, cpu = redraw[worst]
    p50, p95 = np.percentile(took, [50, 95])
    a50, a95 = np.percentile(answer, [50, 95])
    cells = [
        name,
        f"{np.median(cold):.2f}",
        f"{max(cold):.2f}",
        f"{p50:.1f}",
        f"{p95:.1f}",
        f"{cpu:.1f}",
        worst,
        f"{a50:.0f}",
        f"{a95:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def redraws(page: Page, root: Locator) -> dict[str, tuple[list[float], float]]:
    """For every control: milliseconds of each change, and of the main thread's CPU for one."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(1000 * metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    found = {}
    for name in root.evaluate("root => root.parentNode.ssmvizStage.controls.map(({ name }) => name)"):
        before = busy()
        took = page.evaluate(REDRAW, [root.element_handle(), name, CHANGES])
        found[name] = took, (busy() - before) / CHANGES
    return found


def opens(browser: Browser, url: str) -> float:
    """Seconds until the pictures are drawn, and drawn again: they move."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as visitor:
        page = visitor.new_page()
        began = time.perf_counter()
        page.goto(url)
        drawn(page, times=2)
        return time.perf_counter() - began


def drawn(page: Page, times: int = 1) -> Locator:
    """The component, once it has drawn as often."""
    root = page.locator(".ssmviz-lesson").first
    root.wait_for()
    page.wait_for_function(f"root => Number(root.dataset.draws) >= {times}", arg=root.element_handle())
    return root


if __name__ == "__main__":
    main()
