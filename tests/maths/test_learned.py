"""The browser reads the same gate out of a frame as Python does."""

import pytest

from ssmviz.lessons import selection
from ssmviz.runs.recording import read_recording

GATE = """async (m, bytes, classes) => {
  const { readFrame } = await import("/assets/live/frame.js");
  return m.gateIn(readFrame(Uint8Array.from(bytes)), classes);
}"""


def test_the_learned_gate_is_the_same(js):
    view = read_recording(selection.RECORDING)
    run, here = view.summary().runs[0], selection.learned()
    packed = view.frame(run.id, view.newest_frame(run.id).step)
    there = js("../lessons/learned.js", GATE, list(packed), run.settings.task.vocab - 2)
    assert (there["step"], there["layer"], tuple(there["kinds"])) == (here.step, here.layer, here.kinds)
    assert there["ratio"] == pytest.approx(here.ratio, rel=1e-5)
    assert there["sharpest"] == pytest.approx(here.sharpest, rel=1e-5)
    assert there["delta"] == pytest.approx(here.delta, rel=1e-5)
