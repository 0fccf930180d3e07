"""Takes the pictures of the README again: `python docs/screenshots.py` writes docs/*.png.

Starts the app in a temporary directory, so that no run of yours is touched, and shows recordings and lessons as they
stand at their end. Needs a Chromium: $SSMVIZ_CHROMIUM, one on the PATH, or Playwright's own.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from benchmarks.browser import start  # noqa: E402
from ssmviz.lessons import gate  # noqa: E402
from tests.browser.chromium import FLAGS, find  # noqa: E402

PATIENCE = 60_000  # ms until a picture is given up
PAINTED = "~".join("0" if letter == "." else "0.5" for letter in gate.STRIP)  # Delta that lets noise pass
PICTURES = (  # file, path, light or dark, size, pixels per pixel
    ("start-light.png", f"/?gate_delta={PAINTED}", "light", 1280, 1000, 1),
    ("lesson-continuous.png", "/continuous", "dark", 1280, 1000, 1),
    ("lab-light.png", "/lab", "light", 1440, 1500, 1),
    ("lab-dark.png", "/lab", "dark", 1440, 1500, 1),
    ("lab-phone.png", "/lab", "light", 390, 1700, 2),
)


@contextmanager
def app() -> Iterator[str]:
    """Address of an app of its own."""
    with tempfile.TemporaryDirectory() as home:
        process, address = start(Path(home))
        try:
            yield address
        finally:
            process.terminate()
            process.wait(10)


def take(
    browser: Browser, address: str, name: str, path: str, scheme: str, width: int, height: int, scale: int
) -> None:
    """One picture."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        device_scale_factor=scale,
        reduced_motion="reduce",  # shows the end at once
    )
    page = context.new_page()
    page.goto(address + path)
    if path == "/lab":
        recorded(page, address)
    else:
        expect(page.locator(".ssmviz-lesson .said")).not_to_be_empty(timeout=PATIENCE)
    page.wait_for_function("() => document.fonts.status === 'loaded'")
    page.screenshot(path=ROOT / "docs" / name, animations="disabled")
    context.close()


def recorded(page: Page, address: str) -> None:
    """Until the recording stands at its last step."""
    lab = page.locator(".ssmviz-lab")
    expect(lab).to_have_attribute("data-state", "settled", timeout=PATIENCE)
    known = page.request.get(f"{address}/api/experiments/{lab.get_attribute('data-experiment')}").json()
    frames = sum(len(run["frames"]) for run in known["runs"])
    expect(lab).to_have_attribute("data-frames", str(frames), timeout=PATIENCE)
    page.wait_for_function("(lab) => lab.dataset.step === lab.dataset.newest", arg=lab.element_handle())


def main() -> None:
    """All pictures."""
    with app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        for picture in PICTURES:
            take(browser, address, *picture)
        browser.close()


if __name__ == "__main__":
    main()
