"""The app under exactly the headers that the proxy of deploy/ sends: nothing that a page does is forbidden by them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserType, Page, Route

from ssmviz.serve import DEPLOY
from tests.browser.conftest import SMALL, App, Lab, Lesson

pytestmark = pytest.mark.browser

CADDY = (DEPLOY / "Caddyfile").read_text()
HEADERS = dict(re.findall(r'^\t\t([A-Z][A-Za-z-]+) (?:"(.*)"|\S.*)$', CADDY, re.MULTILINE))
POLICY = HEADERS["Content-Security-Policy"]


@pytest.fixture
def guarded(browser_type: BrowserType, browser_type_launch_args: dict[str, Any]) -> Iterator[tuple[Page, list[str]]]:
    """A tab in which every document has the policy, and what the browser refuses in it.

    A document that a test hands to Chromium counts as one of the wide world, which may not speak to this machine:
    that check of the browser is switched off.
    """
    args = [*browser_type_launch_args["args"], "--disable-features=LocalNetworkAccessChecks"]
    browser = browser_type.launch(**browser_type_launch_args | {"args": args})
    page = browser.new_context(reduced_motion="reduce").new_page()
    page.route("**/*", _with_policy)
    refused: list[str] = []
    page.on("console", lambda m: refused.append(m.text) if "Content Security Policy" in m.text else None)
    yield page, refused
    browser.close()


def _with_policy(route: Route) -> None:
    if route.request.resource_type != "document":
        route.continue_()
        return
    response = route.fetch()
    route.fulfill(response=response, headers=response.headers | {"content-security-policy": POLICY})


def test_a_lesson_is_drawn_and_a_training_is_followed_under_the_policy(guarded: tuple[Page, list[str]], app: App):
    page, refused = guarded
    Lesson(page, app).open("selection")
    lab = Lab(page, app).open(**SMALL).train()
    lab.wait("newest", 60)
    page.goto(f"{app.url}/weights")
    page.get_by_role("heading", name="What does a Mamba do").wait_for()
    assert refused == []


def test_a_script_that_is_not_of_this_server_does_not_run(guarded: tuple[Page, list[str]], app: App):
    page, refused = guarded
    page.goto(f"{app.url}/glossary")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.owned = 1\" id=bait>x</b>')")
    page.evaluate("document.getElementById('bait').click()")
    page.evaluate("document.head.append(Object.assign(document.createElement('script'), {text: 'window.owned = 2'}))")
    assert page.evaluate("window.owned") is None
    assert len(refused) >= 2
