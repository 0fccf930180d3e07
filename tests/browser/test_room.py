"""A class in real browsers: a presenter and two students, each with cookies of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ssmviz.classroom.config import KEY_VARIABLE, VARIABLE, Classroom
from ssmviz.classroom.people import COOKIE, Anonymous, read_key
from ssmviz.classroom.room import Room
from tests.browser.conftest import LONG, PATIENCE, App, Lab

pytestmark = pytest.mark.browser

KEY = "a-presenters-key"
RIGHT = "the same, up to rounding"
WRONG = "the kernel is an approximation"


class Class:
    """A server for a class, and the browsers of its people."""

    def __init__(self, browser: Browser, app: App) -> None:
        self.browser, self.app = browser, app
        self.errors: list[str] = []
        self.people = Anonymous(Classroom(presenter_key=KEY), read_key(app.home))
        self.room = Room(app.home)

    def person(self, *, presents: bool = False) -> Page:
        context = self.browser.new_context(reduced_motion="reduce")
        cookie = self.people.presenter_cookie({}, KEY) if presents else self.people.new_cookie()
        context.add_cookies([{"name": COOKIE, "value": str(cookie), "url": self.app.url}])
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def joined(self) -> Page:
        """A student who has opened the address of the QR code."""
        page = self.person()
        page.goto(f"{self.app.url}/join?code={self.room.state().code}")
        expect(page.get_by_text("You are in.")).to_be_visible()
        return page


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    home: Path = tmp_path_factory.mktemp("class")
    config = home / "classroom.toml"
    config.write_text('title = "Sequence models"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(config))
        patch.setenv(KEY_VARIABLE, KEY)
        app = App(home)
    yield app
    app.stop()


@pytest.fixture
def classroom(browser: Browser, server: App) -> Iterator[Class]:
    expect.set_options(timeout=1000 * PATIENCE)
    classroom = Class(browser, server)
    yield classroom
    classroom.room.close()
    for context in browser.contexts:
        context.close()
    assert classroom.errors == []


def vote(page: Page, answer: str) -> None:
    page.get_by_role("radio", name=answer).click()


def counts(page: Page, wanted: str) -> None:
    expect(page.locator(".room-votes")).to_have_attribute("data-counts", wanted)


@pytest.mark.slow
def test_a_class_joins_follows_votes_and_sees_the_run_that_is_shown(classroom):
    teacher = classroom.person(presents=True)
    teacher.goto(f"{classroom.app.url}/present")
    teacher.get_by_role("button", name="Open the room").click()
    expect(teacher.get_by_role("img")).to_be_visible()  # the QR code
    code = classroom.room.state().code
    expect(teacher.get_by_text(code).last).to_be_visible()

    typing = classroom.person()
    typing.goto(f"{classroom.app.url}/join")
    field = typing.get_by_label("letters and digits")
    field.fill("AAAAAA")
    field.press("Enter")
    expect(typing.get_by_text("not the code of the room")).to_be_visible()
    field.fill(code.lower())
    field.press("Enter")
    expect(typing.get_by_text("You are in.")).to_be_visible()
    scanning = classroom.joined()
    scanning.get_by_text("follow always").click()
    expect(teacher.locator(".room-bar .words")).to_have_text("2 of 2 here")

    teacher.goto(f"{classroom.app.url}/two_views?two_views_shift=3&lock=two_views_shift")
    teacher.get_by_role("button", name="Send the class here").click()
    expect(scanning).to_have_url(re.compile(r"two_views\?.*shift=3"))  # without a click
    expect(typing.locator(".room-bar")).to_contain_text("In class: Two views")
    typing.get_by_role("button", name="Follow").click()
    expect(typing).to_have_url(re.compile(r"two_views\?.*shift=3"))
    shift = typing.locator("[data-control=shift]")
    expect(shift).to_be_disabled()
    expect(shift).to_have_value("3")

    teacher.get_by_role("button", name="Ask the class").click()
    vote(typing, RIGHT)
    vote(scanning, WRONG)
    counts(teacher, "1,0,1")
    vote(scanning, RIGHT)  # changed: still one vote
    counts(teacher, "2,0,0")
    expect(typing.get_by_text("Your vote counts.")).to_be_visible()
    expect(typing.locator(".room-votes")).to_be_hidden()
    teacher.get_by_role("button", name="Show it to all").click()
    expect(typing.locator(".room-votes")).to_be_visible()
    counts(typing, "2,0,0")
    expect(typing.get_by_role("radio", name=WRONG)).to_be_disabled()

    lab = Lab(teacher, classroom.app).open(**LONG).train()
    teacher.get_by_role("button", name="Show this run").click()
    for student in (typing, scanning):
        theirs = student.locator(".ssmviz-lab").first
        expect(theirs).to_have_attribute("data-experiment", lab.run_id)
        expect(theirs).to_have_attribute("data-state", "live")
        expect(theirs.locator("[data-action=stop]")).to_be_hidden()
    lab.act("stop")

    teacher.goto(f"{classroom.app.url}/present")
    teacher.get_by_role("button", name="Close the room").click()
    teacher.get_by_role("button", name="Close it").click()
    expect(typing.locator(".room-bar")).to_have_count(0)
    expect(typing.locator(".ssmviz-lab[data-view=room_shown]")).to_have_count(0)


def test_a_locked_control_keeps_the_address_s_value_and_a_hidden_one_is_gone(lesson):
    lesson.open("two_views", "?two_views_shift=3&lock=all&hide=two_views_selective,nothing")
    expect(lesson.page.get_by_text("there is no control nothing on this page")).to_be_visible()
    expect(lesson.root.get_by_text("set by your teacher")).to_be_visible()
    expect(lesson.root.locator("[data-control=selective]")).to_have_count(0)
    expect(lesson.root.locator("[data-control=shift]")).to_be_disabled()
    lesson.root.locator("[data-action=reset]").click()
    expect(lesson.root.locator("[data-control=shift]")).to_have_value("3")


def test_a_page_can_be_shown_large_without_its_menu_and_back(lesson):
    page = lesson.open("two_views", "?show=present").page
    expect(page.get_by_role("heading", level=1)).to_have_css("font-size", "44px")
    expect(page.locator("header")).to_be_hidden()
    page.get_by_role("button", name="Leave large type").click()
    expect(page.get_by_role("heading", level=1)).to_have_css("font-size", "32px")
