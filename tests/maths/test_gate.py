"""The browser's gate is Python's."""

import numpy as np
import pytest

from ssmviz.systems.gate import Gate, asked_states, by_kind, outcome, parse, shuffled, states

STRIPS = ("..C....A......F.H.......", "dCbhaf.gBc.eadhFb.gcHfa.", "ABDHC.GEBFA|.F.A...G..C.")
OUTCOME = "(m, strip, delta, write, numbered, N) => m.outcome(strip, { delta, write, numbered }, N)"


@pytest.mark.parametrize("strip", STRIPS)
def test_the_same_strips_are_drawn(js, strip):
    there = js("strips.js", "(m, strip) => m.shuffled(strip)", strip)
    here = shuffled(strip)
    for name in ("source", "channel", "asked"):
        assert there[name] == getattr(here, name).ravel().tolist()
    assert js("strips.js", "(m, strip) => m.targetsOf(m.shuffled(strip))", strip) == here.targets.ravel().tolist()


@pytest.mark.parametrize("strip", STRIPS)
def test_states_are_the_same(js, strip):
    rng = np.random.default_rng(1)
    gate = Gate(rng.uniform(0, 2, 24), rng.uniform(0, 1, 24))
    there = js("gate.js", "(m, s, delta, write) => m.states(s, { delta, write }, 5)", strip, gate.delta, gate.write)
    np.testing.assert_allclose(there, states(parse(strip), gate, 5).ravel(), atol=1e-12)
    asked = "(m, s, delta, write) => m.askedStates(s, { delta, write }, 5)"
    there = js("gate.js", asked, js("strips.js", "(m, s) => m.shuffled(s, 20)", strip), gate.delta, gate.write)
    here = np.moveaxis(asked_states(shuffled(strip, 20), gate, 5), 3, 0)
    np.testing.assert_allclose(there["h"], here.ravel(), atol=1e-12)


@pytest.mark.parametrize("strip", STRIPS)
@pytest.mark.parametrize("N", [1, 4, 8])
@pytest.mark.parametrize("numbered", [False, True])
def test_read_out_and_scores_are_the_same(js, strip, N, numbered):
    rng = np.random.default_rng(N)
    for delta in (rng.uniform(0.1, 1, 24), by_kind(strip, letters=0.5, rest=0, boundary=5), np.full(24, 0.5)):
        there = js("gate.js", OUTCOME, strip, delta, None, numbered, N)
        here = outcome(strip, Gate(delta, None, numbered), N)
        assert there["token"] == pytest.approx(here.token, abs=1e-9)
        assert there["sequence"] == pytest.approx(here.sequence, abs=1e-9)
        np.testing.assert_allclose(there["C"], here.C, rtol=1e-5, atol=1e-5 * np.abs(here.C).max())


@pytest.mark.parametrize("strip", STRIPS)
def test_silence_and_vanishing_steps_are_the_same(js, strip):
    for delta in (np.zeros(24), np.full(24, 0.01), by_kind(strip, letters=0.01, rest=0), np.full(24, 5)):
        there = js("gate.js", OUTCOME, strip, delta, None, False, 8)
        assert there["token"] == pytest.approx(outcome(strip, Gate(delta), 8).token, abs=0.005)


def test_an_answer_is_the_loudest_class(js):
    gate = by_kind(STRIPS[0], letters=0.5, rest=0)
    C = outcome(STRIPS[0], Gate(gate), 8).C
    assert js("gate.js", "(m, s, delta, C) => m.recall(s, { delta }, 8, C)", STRIPS[0], gate, C) == [2, 0, 5, 7]
    assert js("gate.js", "(m, s, delta, C) => m.recall(s, { delta }, 8, C)", STRIPS[0], 0 * gate, 0 * C) == [-1] * 4


def test_a_letters_share_of_the_output_is_the_kernel_at_its_age(js):
    strip, gate = "A.B", Gate(np.array([0.5, 0.2, 0.5]))
    C = np.array([1.0, -2.0, 0.5])
    y = (asked_states(parse(strip), gate, 3) @ C)[0]
    here = [js("gate.js", "(m, C, age) => m.kernel(C, 0.5, age)", C, age) for age in (0.7 + 0.5, 0.5)]
    np.testing.assert_allclose(here, y[0, :2], atol=1e-12)
