"""The captured step is the eager step, and one can look at the training between two replays."""

import pytest
import torch

from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings
from ssmviz.traces import Checkpoint, Diverged, Evaluation, Finished, Frame, Probe, Save, Started, Step
from ssmviz.training.batches import batch
from ssmviz.training.graphed import GraphedStepper
from ssmviz.training.loop import Training, train

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]

STEPS = 24


def settings(layer="s6", **optim):
    return TrainSettings(
        task=TaskSettings(L=64, vocab=10, n_data=4),
        model=ModelSettings(layer=layer, d_model=32, N=8, bc_scale=4.0),
        optim=OptimSettings(**{"steps": STEPS, "batch": 16, **optim}),
        eval_every=8,
        checkpoint_every=8,
        eval_batch=32,
        device="cuda",
    )


def losses(training, count=STEPS):
    found = []
    for k in range(count):
        tokens, targets = batch(training.settings, k, training.place.device)
        found.append(training.stepper.step(tokens, targets, 1.0 - k / STEPS).item())
    return found


class WithoutGraphs(GraphedStepper):
    """The same update, launched kernel by kernel."""

    def step(self, tokens, targets, factor):
        self.optimiser.set_rate(factor)
        self.update(tokens, targets)
        return self.loss


def eager(training):
    training.stepper = WithoutGraphs(training.network, training.optimiser, training.settings.optim.clip)
    return training


@pytest.mark.parametrize("layer", ["s6", "s4d"])
@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_replays_follow_the_eager_curve(layer, optimiser):
    chosen = settings(layer, optimiser=optimiser)
    training = Training(chosen)
    assert isinstance(training.stepper, GraphedStepper)
    assert losses(training) == pytest.approx(losses(eager(Training(chosen))), rel=1e-3)


def test_every_length_of_a_curriculum_has_its_own_graph():
    chosen = settings(curriculum=True, steps=80)
    training = Training(chosen)
    graphed = losses(training, 60)
    assert len(training.stepper._captured) > 3
    assert graphed == pytest.approx(losses(eager(Training(chosen)), 60), rel=1e-2)


def curve(events):
    return [e.loss for e in events if isinstance(e, Evaluation)]


def test_looking_and_saving_between_replays_moves_nothing():
    chosen = settings()
    probe = Probe(tuple([0] * 8))
    training, seen = train(chosen), []
    event = next(training)
    while not isinstance(event, Finished):
        seen.append(event)
        if isinstance(event, Step):
            assert isinstance(training.send(probe), Frame)
            assert isinstance(training.send(Save()), Checkpoint)
        event = next(training)
    assert curve(seen) == pytest.approx(curve(train(chosen)), rel=1e-5)


def test_a_checkpoint_goes_on_as_if_nothing_had_happened():
    chosen = settings()
    whole = list(train(chosen))
    saved = next(e for e in whole if isinstance(e, Checkpoint))
    assert saved.step == 8
    rest = list(train(chosen, saved.data))
    assert isinstance(rest[0], Started)
    assert rest[0].step == 8
    assert curve(rest) == pytest.approx(curve(whole)[1:], rel=1e-4)


def test_the_loss_is_not_read_at_every_step():
    assert {e.loss for e in train(settings()) if isinstance(e, Step)} == {None}


def test_a_captured_step_that_diverges_is_named():
    chosen = settings(lr=1e9, lr_muon=1e9, steps=200)
    last = list(train(chosen))[-1]
    assert isinstance(last, Diverged)
    found = losses_until_bad(chosen)
    assert last.step == found


def losses_until_bad(chosen):
    eager_run = eager(Training(chosen))
    for event in eager_run.events():
        if isinstance(event, Diverged):
            return event.step
    return None


def test_the_frame_shows_the_parameters_of_now():
    training = Training(settings())
    losses(training, 6)
    probe = Probe(tuple([0] * 8))
    before = training.frame(probe).trace.logits
    tokens, targets = batch(training.settings, 6, training.place.device)
    training.stepper.step(tokens, targets, 1.0)
    assert not (training.frame(probe).trace.logits == before).all()
