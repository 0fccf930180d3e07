"""A trainer with the contract of `ssmviz.training.loop.train` that learns nothing and costs nothing."""

from __future__ import annotations

import json
import math
import os
import signal
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
from tests.chaos import faults

STEP_SECONDS = 0.002
SLOW_STEP_SECONDS = 0.02


def loss_at(settings, step):
    """Follows from seed and step alone, like a deterministic training."""
    return 2.0 / step + math.sin(1000 * settings.seed + step) ** 2


def frame(step, probe):
    tokens = np.array(probe.tokens)
    L, D, N = len(tokens), 4, 2
    flat, cube = np.ones((L, D)), np.full((L, D, N), 0.5)
    layer = LayerTrace(x=flat, delta=flat, A_bar=cube, B_bar=cube, C=np.ones((L, N)), h=cube, y=flat)
    trace = NetworkTrace(tokens, np.full(L, -100), np.eye(L, 10), (layer,))
    return Frame(step, trace, (-np.ones((D, N)),))


def train(settings, checkpoint=None):
    """Events in the order of the contract. The seed says what goes wrong, see `BEHAVIOURS`."""
    before_step = BEHAVIOURS.get(settings.seed, nothing)
    seconds = SLOW_STEP_SECONDS if settings.seed == SLOW else STEP_SECONDS
    steps = settings.optim.steps
    step = json.loads(checkpoint)["step"] if checkpoint else 0

    def save():
        return Checkpoint(step, json.dumps({"step": step}).encode())

    def events():
        nonlocal step
        yield Started(step, "cpu", "fake", 1, ("a note",))
        while step < steps:
            bad = before_step(step + 1, checkpoint)
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


def nothing(step, checkpoint):
    """All is well."""


def diverge(step, checkpoint):
    """Not a number at step 30."""
    return Diverged(step, "the loss was nan") if step == 30 else None


def run_out_of_memory(step, checkpoint):
    """As Python and torch say it."""
    if step == 10:
        raise MemoryError


def lose_the_device(step, checkpoint):
    """In the first attempt."""
    if step == 30 and (checkpoint is None or json.loads(checkpoint)["step"] < 20):
        raise RuntimeError("CUDA error: unspecified launch failure")


def fail(step, checkpoint):
    """A mistake that nobody foresaw."""
    if step == 5:
        raise ValueError("this cannot be trained")


def hang(step, checkpoint):
    """No sign of life any more."""
    if step == 5:
        time.sleep(60)


def die(step, checkpoint):
    """Like kill -9, soon after every start."""
    if step % 20 == 5:
        os.kill(os.getpid(), signal.SIGKILL)


def allocate(step, checkpoint):
    """A real MemoryError."""
    if step == 10:
        faults.allocate_more_than_allowed()


def oversize(step, checkpoint):
    """Killed by the kernel, which counts it."""
    if step == 10:
        faults.be_killed_by_the_kernel()


def exhaust_gpu(step, checkpoint):
    """By the name that torch gives it."""
    if step == 10:
        raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 20.00 GiB.")


def fill_disk(step, checkpoint):
    """From some step on no file grows; much later there is room again."""
    if step in (30, 95):
        faults.fill_the_disk(full=step == 30)


def stop_signals(step, checkpoint):
    """Frozen by the kernel: it does not even read its signals."""
    if step == 5:
        os.kill(os.getpid(), signal.SIGSTOP)


DIVERGES, NO_MEMORY, LOSES_DEVICE, FAILS, HANGS, DIES, SLOW, ALLOCATES, OVERSIZED, NO_GPU_MEMORY, FILLS_DISK, FROZEN = (
    range(101, 113)
)
BEHAVIOURS = {
    DIVERGES: diverge,
    NO_MEMORY: run_out_of_memory,
    LOSES_DEVICE: lose_the_device,
    FAILS: fail,
    HANGS: hang,
    DIES: die,
    ALLOCATES: allocate,
    OVERSIZED: oversize,
    NO_GPU_MEMORY: exhaust_gpu,
    FILLS_DISK: fill_disk,
    FROZEN: stop_signals,
}
