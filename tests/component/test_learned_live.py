"""The selection lesson beside a live training: the gate that is being learned is drawn over the painted one."""

import json

import pytest
from playwright.sync_api import expect

from ssmviz.lessons import selection
from ssmviz.lessons.controls import specification, values
from tests.component.harness import Harness
from tests.component.made_up import message

pytestmark = pytest.mark.browser

BESIDE = """async (data) => {
  const host = document.createElement("div");
  document.body.prepend(host);
  const { default: mount } = await import("/assets/lessons/stage.js");
  window.addEventListener("ssmviz:frame", ({ detail }) => { window.lastRun = detail.run; });
  mount({ data, parentElement: host.attachShadow({ mode: "open" }), setTriggerValue() {} });
}"""


def test_the_learned_gate_follows_the_training(live: Harness) -> None:
    now = values(selection.CONTROLS, {}, page="selection")[0] | {"learned": True}
    extra = json.dumps(selection.for_pictures(selection.learned()))
    data = {"lesson": "selection", "controls": specification(selection.CONTROLS), "values": json.dumps(now)}
    live.page.evaluate(BESIDE, data | {"extra": extra})
    legend, note = live.page.locator(".view-delta .keys"), live.page.locator(".view-learned .note")
    expect(legend).to_have_text("learned (recorded run, stretched)")
    ratios = set()
    for step in (60, 70):
        live.say(message(0, step, live.twins.frame("s6", step)))
        expect(note).to_contain_text(f"training now, step {step}, layer")
        ratios.add(note.inner_text().split("lasts ")[1].split(" ×")[0])
    expect(legend).to_have_text("learned (training now, stretched)")
    assert len(ratios) == 2
    live.say(message(1, 80, live.twins.frame("s4d", 80)))  # it has no gate
    live.page.wait_for_function("window.lastRun === 1")
    expect(note).to_contain_text("step 70")
