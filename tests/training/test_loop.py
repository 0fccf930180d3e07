"""`train` is deterministic, resumable bit for bit, and answers at any time without moving."""

import math

import numpy as np
import pytest
from safetensors.torch import load as load_tensors

from ssmviz.traces import (
    Advance,
    Checkpoint,
    Diverged,
    Evaluation,
    Finished,
    Frame,
    Probe,
    Rung,
    Save,
    Started,
    Step,
)
from ssmviz.training.loop import train

LAYERS = ["s6", "s4d"]


def names(events):
    return [type(e).__name__ for e in events]


def last_checkpoint(events):
    return [e for e in events if isinstance(e, Checkpoint)][-1]


@pytest.mark.parametrize("layer", LAYERS)
def test_events_come_in_the_order_of_the_contract(make_settings, layer):
    got = names(train(make_settings(layer=layer, optim={"steps": 12})))
    body = []
    for step in range(1, 13):
        body.append("Step")
        if step % 5 == 0 or step == 12:
            body.append("Evaluation")
        if step == 6:
            body.append("Checkpoint")
    assert got == ["Started", *body, "Checkpoint", *["Rung"] * 4, "Finished"]


@pytest.mark.parametrize("layer", LAYERS)
def test_the_same_settings_give_the_same_curve(make_settings, curve, layer):
    first, second = (curve(train(make_settings(layer=layer))) for _ in range(2))
    assert first == second
    assert first != curve(train(make_settings(layer=layer, seed=1)))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("optim", [{"optimiser": "muon"}, {"optimiser": "adamw", "weight_decay": 0.1}])
def test_resuming_is_bit_identical(make_settings, curve, layer, optim):
    settings = make_settings(
        layer=layer, optim=optim | {"steps": 30, "curriculum": True}, eval_every=10, checkpoint_every=15
    )
    whole = list(train(settings))
    saved = next(e for e in whole if isinstance(e, Checkpoint))
    assert saved.step == 15
    rest = list(train(settings, saved.data))
    assert rest[0].step == 15
    assert curve(rest) == [e for e in curve(whole) if e.step > 15]
    assert [e for e in rest if isinstance(e, Rung)] == [e for e in whole if isinstance(e, Rung)]
    ours, theirs = (load_tensors(last_checkpoint(events).data) for events in (rest, whole))
    assert ours.keys() == theirs.keys()
    assert all((ours[name] == theirs[name]).all() for name in ours)


def test_a_save_between_a_step_and_its_evaluation_loses_nothing(make_settings, curve):
    settings = make_settings()
    whole = curve(train(settings))
    for step in range(1, 13):
        run = train(settings)
        while getattr(next(run), "step", 0) != step:
            pass
        saved = run.send(Save())
        run.close()
        rest = curve(train(settings, saved.data))
        assert rest == whole[len(whole) - len(rest) :]
        assert len(rest) == len([e for e in whole if e.step > step or (e.step == step and isinstance(e, Evaluation))])


def test_a_finished_run_resumes_into_its_ladder(make_settings):
    settings = make_settings()
    whole = list(train(settings))
    again = list(train(settings, last_checkpoint(whole).data))
    assert names(again) == ["Started", "Checkpoint", *["Rung"] * 4, "Finished"]
    assert again[2:6] == whole[-5:-1]


@pytest.mark.parametrize("layer", LAYERS)
def test_probes_and_saves_work_between_any_two_events_and_change_nothing(make_settings, curve, layer):
    settings = make_settings(layer=layer, optim={"steps": 7})
    quiet = list(train(settings))
    tokens = (0, 4, 4, 3, *[4] * 12, 5, 5)
    run, heard = train(settings), []
    event = next(run)
    while True:
        heard.append(event)
        frame, saved = run.send(Probe(tokens)), run.send(Save())
        assert isinstance(frame, Frame)
        assert isinstance(saved, Checkpoint)
        assert frame.step == saved.step == (event.step if not isinstance(event, Started) else 0)
        try:
            event = run.send(Advance())
        except StopIteration:
            break
    assert curve(heard) == curve(quiet)
    assert names(heard) == names(quiet)


def test_the_first_frame_is_there_before_the_first_step(make_settings):
    run = train(make_settings())
    assert isinstance(next(run), Started)
    frame = run.send(Probe((0, 4, 4, 3, *[4] * 12, 5, 5)))
    assert frame.step == 0
    assert frame.trace.targets[-2:].tolist() == [0, 3]
    assert (frame.trace.targets[:-2] == -100).all()
    assert len(frame.A) == len(frame.trace.layers) == 2
    assert all(np.isfinite(layer.h).all() for layer in frame.trace.layers)


def test_a_probe_without_a_right_answer_is_looked_at_without_targets(make_settings):
    run = train(make_settings())
    next(run)
    assert (run.send(Probe((4, 4, 4, 4, 4, 5, 5))).trace.targets == -100).all()


@pytest.mark.parametrize("tokens", [(), (0, 6), (-1, 0)])
def test_a_probe_outside_the_vocabulary_is_refused(make_settings, tokens):
    run = train(make_settings())
    next(run)
    with pytest.raises(ValueError, match=r"tokens in 0\.\.5"):
        run.send(Probe(tokens))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_an_absurd_learning_rate_ends_as_diverged_after_good_frames(make_settings, layer, optimiser):
    run = train(make_settings(layer=layer, optim={"lr": 1e9, "lr_muon": 1e9, "optimiser": optimiser, "steps": 100}))
    next(run)
    frame = run.send(Probe((0, 4, 4, 3, *[4] * 12, 5, 5)))
    assert np.isfinite(frame.trace.logits).all()
    *_, last_step, end = run
    assert isinstance(last_step, Step)
    assert isinstance(end, Diverged)
    assert end.step == last_step.step < 100
    assert "loss was" in end.reason


def test_evaluation_counts_tokens_sequences_and_positions(make_settings):
    got = [e for e in train(make_settings()) if isinstance(e, Evaluation)][-1]
    assert len(got.position_accuracy) == 2
    assert math.isclose(got.token_accuracy, sum(got.position_accuracy) / 2, abs_tol=1e-6)
    assert got.sequence_accuracy <= min(got.position_accuracy) + 1e-6
    assert got.seconds > 0
    assert got.grad_norm > 0
    assert 0 < got.lr < 5e-3


def test_the_training_loss_of_an_evaluation_is_the_mean_since_the_last(make_settings):
    events = list(train(make_settings()))
    losses = [e.loss for e in events if isinstance(e, Step)]
    first, second, third = (e.loss for e in events if isinstance(e, Evaluation))
    assert math.isclose(first, sum(losses[:5]) / 5, rel_tol=1e-6)
    assert math.isclose(second, sum(losses[5:10]) / 5, rel_tol=1e-6)
    assert math.isclose(third, sum(losses[10:]) / 2, rel_tol=1e-6)


def test_what_really_runs_is_said_at_the_start(make_settings, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    started = next(train(make_settings(device="cuda", layer="s4d")))
    assert started.device == "cpu"
    assert started.backend == "fft"
    assert started.parameters > 1000
    assert any("CUDA is not available" in note for note in started.notes)


def test_a_backend_that_cannot_run_here_is_replaced_and_the_reason_noted(make_settings):
    started = next(train(make_settings(backend="triton")))
    assert started.backend in ("numba", "torch")
    assert any("triton" in note for note in started.notes)


@pytest.mark.parametrize(
    ("task", "steps"),
    [({"name": "copying", "L": 8, "vocab": 10}, 150), ({"name": "selective_copying", "L": 8}, 250)],
)
def test_a_tiny_task_is_learned(make_settings, task, steps):
    settings = make_settings(task=task, optim={"steps": steps, "batch": 32, "lr": 1e-2}, eval_every=50, eval_batch=64)
    events = list(train(settings))
    assert isinstance(events[-1], Finished)
    assert [e for e in events if isinstance(e, Evaluation)][-1].token_accuracy > 0.95
