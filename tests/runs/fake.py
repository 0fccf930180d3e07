"""Trainers with the contract of `ssmviz.training.loop.train` that learn nothing and cost nothing."""

from __future__ import annotations

import json
import random
import time

import numpy as np

from ssmviz.traces import (
    Checkpoint,
    Diverged,
    Evaluation,
    Finished,
    Frame,
    LayerTrace,
    NetworkTrace,
    Probe,
    Rung,
    Save,
    Started,
    Step,
)

STEP_SECONDS = 0.002


def loss_at(settings, step):
    """Follows from seed and step alone, like a deterministic training."""
    return 2.0 / step + random.Random(1000 * settings.seed + step).random()


def frame(step, probe):
    tokens = np.array(probe.tokens)
    L, D, N = len(tokens), 4, 2
    flat, cube = np.ones((L, D)), np.full((L, D, N), 0.5)
    layer = LayerTrace(x=flat, delta=flat, A_bar=cube, B_bar=cube, C=np.ones((L, N)), h=cube, y=flat)
    trace = NetworkTrace(tokens, np.full(L, -100), np.eye(L, 10), (layer,))
    return Frame(step, trace, (-np.ones((D, N)),))


def train(settings, checkpoint=None, *, before_step=lambda settings, step: None, seconds=STEP_SECONDS):
    """Events in the order of the contract; `before_step` may sabotage."""
    steps = settings.optim.steps
    step = json.loads(checkpoint)["step"] if checkpoint else 0

    def save():
        return Checkpoint(step, json.dumps({"step": step}).encode())

    def events():
        nonlocal step
        yield Started(step, "cpu", "fake", 1, ("a note",))
        while step < steps:
            bad = before_step(settings, step + 1)
            if bad is not None:
                yield bad
                return
            time.sleep(seconds)
            step += 1
            yield Step(step, loss_at(settings, step))
            if step % settings.eval_every == 0 or step == steps:
                score = step / steps
                yield Evaluation(step, loss_at(settings, step), 1.0, score, score, (score,), 0.1, 1.0, step * seconds)
            if step % settings.checkpoint_every == 0 and step < steps:
                yield save()
        yield save()
        yield Rung(step, 2 * settings.task.L, 0.5, 0.25, 8)
        yield Finished(step, step * seconds)

    for event in events():
        command = yield event
        while isinstance(command, Probe | Save):
            command = yield (save() if isinstance(command, Save) else frame(step, command))


def slow(settings, checkpoint=None):
    """Ten steps a second: never done before a test is."""
    return train(settings, checkpoint, seconds=0.1)


def diverge(settings, checkpoint=None):
    """Not a number at step 30."""
    return train(settings, checkpoint, before_step=lambda s, step: Diverged(step, "nan") if step == 30 else None)


def run_out_of_memory(settings, checkpoint=None):
    """As Python and torch say it."""

    def fail(settings, step):
        if step == 10:
            raise MemoryError

    return train(settings, checkpoint, before_step=fail)


def lose_the_device(settings, checkpoint=None):
    """Once, in the first attempt."""

    def fail(settings, step):
        if step == 30 and checkpoint is None:
            raise RuntimeError("CUDA error: unspecified launch failure")

    return train(settings, checkpoint, before_step=fail)


def fail(settings, checkpoint=None):
    """A mistake in the settings that nobody foresaw."""
    raise ValueError("this cannot be trained")


def hang(settings, checkpoint=None):
    """Stops answering at step 10."""

    def stay(settings, step):
        if step == 10:
            time.sleep(60)

    return train(settings, checkpoint, before_step=stay)
