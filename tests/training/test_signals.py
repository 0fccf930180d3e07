"""Training on signals: real errors, tests at other steps, and the bits of a resumed run."""

import numpy as np
import pytest
import torch

from ssmviz import frames
from ssmviz.models import build
from ssmviz.runs.driver import probe_tokens
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings
from ssmviz.tasks import TASKS
from ssmviz.tasks.mass_spring import poles
from ssmviz.tasks.resampled import FOLLOWS, STAYS
from ssmviz.traces import Checkpoint, Evaluation, Finished, Frame, Probe, Rung, Started, Step
from ssmviz.training import evaluation
from ssmviz.training.loop import train

ADAMW = {"optimiser": "adamw", "batch": 16}


def mass_spring(*, steps=600, seed=0, **model):
    linear = {"layer": "s4d", "block": "linear", "n_layers": 1, "d_model": 1, "N": 1, "skip": False}
    return TrainSettings(
        task=TaskSettings(name="mass_spring", L=64, n_data=1),
        model=ModelSettings(**linear | {"dt_min": 0.1, "dt_max": 0.1, "learn_dt": False} | model),
        optim=OptimSettings(**ADAMW, lr=0.05, steps=steps),
        eval_every=50,
        eval_batch=16,
        checkpoint_every=steps // 2,
        device="cpu",
        seed=seed,
    )


def small(name, *, steps=12, **model):
    sizes = {"digits": {"L": 64}, "resampled": {"L": 32, "vocab": 4}, "mass_spring": {"L": 32, "n_data": 2}}[name]
    return TrainSettings(
        task=TaskSettings(name=name, **sizes),
        model=ModelSettings(**{"layer": "s4d", "block": "plain", "n_layers": 1, "d_model": 8, "N": 4} | model),
        optim=OptimSettings(**ADAMW, steps=steps),
        eval_every=5,
        eval_batch=20,
        checkpoint_every=6,
        device="cpu",
    )


def last(events, kind):
    return [e for e in events if isinstance(e, kind)][-1]


@pytest.fixture(scope="module")
def identified():
    """All events of a training that finds one mass on its spring, and its last frame."""
    settings = mass_spring()
    run, events, frame = train(settings), [], None
    for event in run:
        events.append(event)
        if isinstance(event, Checkpoint) and event.step == settings.optim.steps:
            frame = run.send(Probe(probe_tokens(settings, None)))
    return events, frame


def test_the_learned_pole_is_the_true_one(identified):
    (learned,) = identified[1].A[0][0]
    (true,) = poles(mass_spring().task)
    assert abs(complex(learned.real, abs(learned.imag)) - true) < 1e-3


def test_a_linear_network_has_as_many_numbers_as_its_system():
    assert next(train(mass_spring())).parameters == 2 + 2  # pole and residue, each complex
    assert next(train(mass_spring(skip=True))).parameters == 2 + 2 + 1
    assert next(train(mass_spring(learn_dt=True))).parameters == 2 + 2 + 1


def test_who_has_found_the_system_predicts_any_length(identified):
    events, _ = identified
    assert last(events, Evaluation).error < 0.01
    rungs = [e for e in events if isinstance(e, Rung)]
    assert [rung.length for rung in rungs] == [32, 64, 128, 256, 512]
    assert all(rung.error < 0.01 and rung.token_accuracy is None for rung in rungs)
    assert isinstance(events[-1], Finished)


def test_an_error_is_relative_to_what_is_wanted():
    settings = mass_spring()
    test_set = evaluation.TestSet(settings, torch.device("cpu"))
    network = build(settings.task, settings.model, seed=0)
    with torch.no_grad():
        network.layers[0].mixer.C.zero_()
    score = test_set.score(network)
    assert score.error == pytest.approx(1)
    assert (score.token_accuracy, score.sequence_accuracy, score.position_accuracy) == (None, None, ())
    assert score.loss == pytest.approx(test_set.targets.square().mean().item())


@pytest.mark.parametrize("name", ["mass_spring", "digits", "resampled"])
@pytest.mark.parametrize("layer", ["s4d", "s6"])
def test_resuming_on_signals_is_bit_identical(curve, name, layer):
    settings = small(name, layer=layer)
    whole = list(train(settings))
    saved = next(e for e in whole if isinstance(e, Checkpoint))
    rest = list(train(settings, saved.data))
    assert curve(rest) == [e for e in curve(whole) if e.step > saved.step]
    assert [e for e in rest if isinstance(e, Rung)] == [e for e in whole if isinstance(e, Rung)]


def test_what_is_not_to_be_learned_stays():
    settings = small("digits", learn_poles=False, learn_dt=False, s4d_init="random")
    before = build(settings.task, settings.model, seed=settings.seed).layers[0].mixer
    run = train(settings)
    for event in run:
        if isinstance(event, Checkpoint) and event.step == settings.optim.steps:
            after = run.send(Probe(probe_tokens(settings, None)))
            break
    np.testing.assert_array_equal(after.A[0], before.A().detach().numpy())
    assert after.trace.layers[0].delta[0] == pytest.approx(before.log_dt.exp().detach().numpy())


def test_a_random_start_differs_in_nothing_but_the_poles():
    legs, random = (
        build(s.task, s.model, seed=3).state_dict()
        for s in (small("digits", s4d_init="legs"), small("digits", s4d_init="random"))
    )
    assert {name for name in legs if not torch.equal(legs[name], random[name])} == {
        "layers.0.mixer.log_A_real",
        "layers.0.mixer.A_imag",
    }


def test_tones_are_tested_at_other_steps_and_the_network_is_as_before():
    settings = small("resampled")
    network = build(settings.task, settings.model, seed=0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    rungs = list(evaluation.ladder(settings, network, torch.device("cpu"), step=12))
    assert {rung.label for rung in rungs} == {FOLLOWS, STAYS}
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("layer", ["s4d", "s6"])
def test_half_the_step_with_half_of_delta_is_the_same_system(layer):
    settings = small("resampled", layer=layer, b_discretisation="zoh").model
    network = build(TaskSettings(name="resampled", L=32, vocab=4), settings, seed=0).double()
    signal = torch.randn(2, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    held = signal.repeat_interleave(2, dim=1)  # the same function of time, seen twice as often
    with torch.no_grad(), network.paced(0.5):
        finer = network(held)[:, 1::2]
    torch.testing.assert_close(finer, network(signal).detach(), atol=1e-9, rtol=1e-9)


def test_a_probe_is_a_test_signal_and_may_be_drawn():
    settings = small("mass_spring")
    own = np.array(probe_tokens(settings, None), np.float32)
    assert own.shape == (32,)
    drawn = np.array(probe_tokens(settings, (128,) * 31 + (255,)))
    np.testing.assert_allclose(drawn, [0] * 31 + [TASKS["mass_spring"].span], rtol=1e-6)


def test_a_frame_of_a_drawn_force_wants_what_it_would_do():
    settings = small("mass_spring")
    run = train(settings)
    assert isinstance(next(run), Started)
    force = (0.0,) * 8 + (5.0,) * 24
    frame = run.send(Probe(force))
    assert isinstance(frame, Frame)
    np.testing.assert_allclose(frame.trace.targets, TASKS["mass_spring"].answer(settings.task, np.array(force)))


def test_a_drawn_picture_wants_nothing():
    run = train(small("digits"))
    next(run)
    frame = run.send(Probe((0.5,) * 64))
    assert (frame.trace.targets < 0).all()


@pytest.mark.parametrize("bad", [(), (float("nan"),) * 32, ((0.0, 1.0),) * 4])
def test_a_probe_that_is_no_signal_is_refused(bad):
    run = train(small("mass_spring"))
    next(run)
    with pytest.raises(ValueError, match="finite real numbers"):
        run.send(Probe(bad))


@pytest.mark.parametrize("name", ["mass_spring", "digits", "resampled"])
def test_frames_of_signals_carry_curves_and_complex_poles(name):
    settings = small(name)
    run = train(settings)
    next(run)
    frame = run.send(Probe(probe_tokens(settings, None)))
    got = frames.unpack(frames.pack(frame, name))
    L = settings.task.L
    np.testing.assert_allclose(got["signal"], frame.trace.tokens)
    if settings.task.says_signal:
        np.testing.assert_allclose(got["wanted"], frame.trace.targets, rtol=1e-6)
        np.testing.assert_allclose(got["said"], frame.trace.logits[:, 0], rtol=1e-6)
        assert not {"targets", "predicted", "confidence", "tokens"} & set(got)
    else:
        assert got["targets"].tolist()[:-1] == [-1] * (L - 1)
        assert got["predicted"].shape == got["confidence"].shape == (L,)
    np.testing.assert_allclose(got["0.A"] + 1j * got["0.A_imag"], frame.A[0])
    layer = frame.trace.layers[0]
    parts = 2 * (layer.C * layer.h).real
    np.testing.assert_allclose(got["0.gain"], np.sqrt((parts**2).mean(0)), rtol=1e-5)
    y = parts.sum(-1) + layer.x  # D starts at 1
    np.testing.assert_allclose(y, layer.y, atol=1e-5)


def test_steps_on_signals_have_a_loss():
    assert all(np.isfinite(e.loss) for e in train(small("resampled", steps=3)) if isinstance(e, Step))
