"""A network that was trained all tokens at once may be tested one token at a time: it is the same network."""

import re

import pytest

from ssmviz.settings import changed
from ssmviz.traces import Evaluation, Note
from ssmviz.training.loop import train


@pytest.mark.parametrize("layer", ["s4d", "s6", "attention"])
def test_tested_by_recurrence_a_run_has_the_same_curve(make_settings, layer):
    settings = make_settings(model={"layer": layer})
    usual, stepped = (list(train(changed(settings, {"as_recurrence": how}))) for how in (False, True))
    scores = [[e.test_loss for e in events if isinstance(e, Evaluation)] for events in (usual, stepped)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    assert [e.step for e in usual if not isinstance(e, Note)] == [e.step for e in stepped if not isinstance(e, Note)]


def test_how_far_the_two_views_are_apart_is_measured_and_said(make_settings):
    settings = make_settings(model={"layer": "s4d"}, as_recurrence=True)
    (note,) = [event for event in train(settings) if isinstance(event, Note)]
    apart = float(re.search(r"at most (\S+)$", note.text)[1])
    assert 0 < apart < 1e-4
