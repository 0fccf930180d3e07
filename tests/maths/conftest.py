"""Runs the browser's mathematics: `js("linalg.js", "(m, a) => m.expm(a)", [[0, 1], [-1, 0]])`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Route

ASSETS = Path(__file__).parents[2] / "assets"
ORIGIN = "http://ssmviz.test"
JSON = """function plain(value) {
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return Array.from(value, plain);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}"""


@pytest.fixture(scope="session")
def js(browser: Browser) -> Iterator[Callable[..., Any]]:
    """Calls `expression`, a function of the module and the arguments (numbers, lists, arrays), in a real browser.

    Typed arrays come back as lists, objects as dicts.
    """
    page = browser.new_page()

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/":
            route.fulfill(body="<!doctype html><title>maths</title>", content_type="text/html")
        else:
            route.fulfill(body=(ASSETS / path.removeprefix("/assets/")).read_text(), content_type="text/javascript")

    page.route("**/*", answer)
    page.goto(ORIGIN + "/")

    def call(module: str, expression: str, *arguments: Any) -> Any:
        script = f"""async (arguments_) => {{
          {JSON}
          const module = await import("/assets/maths/{module}");
          return plain(await ({expression})(module, ...arguments_));
        }}"""
        return page.evaluate(script, [_plain(argument) for argument in arguments])

    yield call
    page.close()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
