"""What a stepper does when its device refuses to capture; the captures themselves need a GPU, see tests/gpu."""

from collections import defaultdict

import pytest
import torch

from ssmviz.models import build
from ssmviz.traces import Finished, Note, Step
from ssmviz.training.graphed import WARM_STEPS, GraphedStepper
from ssmviz.training.loop import Training
from ssmviz.training.optimiser import Optimiser
from ssmviz.training.stepper import EagerStepper


class Refused(GraphedStepper):
    """On a CPU, with a capture that fails."""

    def __init__(self, network, optimiser, clip, error):
        EagerStepper.__init__(self, network, optimiser, clip)
        self._captured, self._warm, self._captures, self._flat = {}, defaultdict(int), True, None
        self.error, self.attempts = error, 0

    def _aside(self, tokens, targets):
        self.update(tokens, targets)

    def _capture(self, tokens, targets):
        self.attempts += 1
        raise self.error


def training_with(settings, error):
    training = Training(settings)
    training.stepper = Refused(training.network, training.optimiser, settings.optim.clip, error)
    return training


def test_a_refused_capture_goes_on_eagerly_with_a_note_and_the_same_curve(make_settings):
    usual = [e.loss for e in Training(make_settings()).events() if isinstance(e, Step)]
    training = training_with(make_settings(), RuntimeError("operation not permitted when stream is capturing\nmore"))
    events = list(training.events())
    assert isinstance(events[-1], Finished)
    notes = [e for e in events if isinstance(e, Note)]
    assert [n.step for n in notes] == [WARM_STEPS + 1]
    assert "not permitted" in notes[0].text
    assert [e.loss for e in events if isinstance(e, Step)] == usual
    assert training.stepper.attempts == 1


def test_memory_that_runs_out_in_a_capture_still_ends_the_run(make_settings):
    settings = make_settings()
    network = build(settings.task, settings.model, seed=0)
    stepper = Refused(network, Optimiser(network, settings.optim), 1.0, torch.cuda.OutOfMemoryError("full"))
    tokens, targets = torch.zeros(2, 18, dtype=torch.int64), torch.zeros(2, 2, dtype=torch.int64)
    for _ in range(WARM_STEPS):
        stepper.step(tokens, targets, 1.0)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        stepper.step(tokens, targets, 1.0)
