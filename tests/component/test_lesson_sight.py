"""Which pictures a lesson draws: those in sight at once, the others when they come into sight or when there is time."""

import pytest
from playwright.sync_api import Page

from tests.component.test_lesson_kit import Kit

COUNT = """() => {
  const stage = document.getElementById("host").shadowRoot.ssmvizStage;
  window.painted = {};
  for (const view of stage.views) {
    const paint = view.paint.bind(view);
    view.paint = (...given) => {
      window.painted[view.name] = (window.painted[view.name] ?? 0) + 1;
      paint(...given);
    };
  }
}"""
DRAG = """async (count) => {
  const stage = document.getElementById("host").shadowRoot.ssmvizStage;
  stage.hold(true);
  for (let i = 0; i < count; i++) {
    stage.set({ rate: 0.5 + 0.1 * i });
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
  }
  const painted = { ...window.painted };
  stage.hold(false);
  return painted;
}"""


@pytest.fixture
def low(still: Page):
    """A window in which the first row of pictures is seen, and the last is not."""
    still.set_viewport_size({"width": 1200, "height": 300})
    kit = Kit(still)
    kit.page.wait_for_function(  # all pictures have their words: everything is drawn
        """() => [...document.getElementById("host").shadowRoot.querySelectorAll("canvas")]
          .every((canvas) => canvas.hasAttribute("aria-label"))"""
    )
    kit.page.evaluate(COUNT)
    yield kit
    assert kit.errors == []


def test_a_drag_paints_what_is_in_sight_once_an_event_and_nothing_else(low):
    painted = low.page.evaluate(DRAG, 6)
    assert {"wave", "plane"} <= painted.keys()
    assert not {"heat", "matrix"} & painted.keys()
    assert set(painted.values()) == {6}


def test_what_is_out_of_sight_follows_when_the_values_rest(low):
    low.page.evaluate(DRAG, 3)
    low.page.wait_for_function("window.painted.matrix >= 1")


def test_what_comes_into_sight_is_drawn_while_something_is_held(low):
    low.page.evaluate(DRAG, 3)
    low.page.evaluate(
        """() => {
          const stage = document.getElementById("host").shadowRoot.ssmvizStage;
          stage.hold(true);
          stage.set({ rate: 1 });
          window.scrollTo(0, document.body.scrollHeight);
        }"""
    )
    low.page.wait_for_function("window.painted.matrix >= 1")


def test_the_cursor_repaints_a_changed_picture_once_and_then_copies_it(low):
    low.page.evaluate(DRAG, 1)
    low.page.evaluate(
        """async () => {
          const stage = document.getElementById("host").shadowRoot.ssmvizStage;
          window.painted = {};
          for (const at of [1, 2, 3]) {
            stage.setCursor(at);
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    assert low.page.evaluate("window.painted.wave") == 1
