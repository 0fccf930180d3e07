"""Training as one generator of events, driven by who looks at it; see `docs/architecture.md`, "Training"."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from ssmviz.models import build
from ssmviz.settings import TrainSettings
from ssmviz.tasks import IGNORED, TASKS
from ssmviz.traces import (
    Checkpoint,
    Command,
    Diverged,
    Evaluation,
    Event,
    Finished,
    Frame,
    Note,
    Probe,
    Save,
    Started,
    Step,
)
from ssmviz.training import batches, checkpoint, device, evaluation
from ssmviz.training.graphed import GraphedStepper
from ssmviz.training.optimiser import Optimiser
from ssmviz.training.stepper import EagerStepper, Stepper

TWO_VIEWS = "all tokens at once or one by one, on {} sequences: the answers' scores differ by at most {:.0e}"
CHECK_EVERY = 50  # steps between two looks for divergence where looking stalls the device


def train(settings: TrainSettings, checkpoint: bytes | None = None) -> Generator[Event, Command | None, None]:
    """Train one network.

    `next()` or `send(Advance())` goes on; `send(Probe(...))` makes the next event a `Frame` and `send(Save())`
    a `Checkpoint`, between any two events and also after the last, and neither changes the curve.

    Args:
        settings: of the run; on a CPU they decide every bit of the curve.
        checkpoint: bytes of a `Checkpoint` of the same run, to go on from.

    Raises:
        ValueError: a checkpoint of another run, a task too small to keep sequences for testing, a probe with
            tokens outside the vocabulary.
    """
    training = Training(settings, checkpoint)
    for event in training.events():
        command = yield event
        while isinstance(command, Probe | Save):
            reply = training.answer(command)
            command = yield reply
            if isinstance(reply, Diverged):
                return


class Training:
    """One run between two events."""

    def __init__(self, settings: TrainSettings, saved: bytes | None = None) -> None:
        torch.set_num_threads(settings.threads)
        self.settings = settings
        self.place = device.resolve(settings)
        self.network = build(settings.task, settings.model, seed=settings.seed).to(self.place.device)
        self.network.backend = self.place.backend
        self.network.set_delta_penalty(settings.optim.delta_penalty)
        self.optimiser = Optimiser(self.network, settings.optim)
        stepper = GraphedStepper if self.place.device.type == "cuda" else EagerStepper
        self.stepper: Stepper = stepper(self.network, self.optimiser, settings.optim.clip)
        self.test_set = evaluation.TestSet(settings, self.place.device)
        self.done = 0  # steps
        self.since = 0  # steps since the last evaluation
        self.seconds = 0.0
        if saved is not None:
            self._restore(saved)
        self.first = self.done  # step this attempt starts from

    def events(self) -> Iterator[Event]:
        """The events in their order, without answers to commands."""
        yield self._started()
        if self.since and self._is_due(self.settings.eval_every):  # saved between a step and its evaluation
            yield self._evaluation()
        while self.done < self.settings.optim.steps:
            yield self._step()
            while self.stepper.news:
                yield Note(self.done, self.stepper.news.pop(0))
            if (bad := self._divergence()) is not None:
                yield bad
                return
            if self._is_due(self.settings.eval_every):
                yield self._evaluation()
            if self._is_due(self.settings.checkpoint_every) and self.done < self.settings.optim.steps:
                yield self.save()
        yield self.save()
        if self.settings.as_recurrence:
            yield Note(self.done, TWO_VIEWS.format(len(self.test_set.tokens), self.test_set.difference(self.network)))
        yield from evaluation.ladder(self.settings, self.network, self.place.device, step=self.done)
        yield Finished(self.done, self.seconds)

    def answer(self, command: Probe | Save) -> Event:
        """What a command asks for; the training stays where it is.

        `Diverged` instead where a look at an asynchronous device finds that nothing good is left to show or save.
        """
        if self._is_asynchronous and (bad := self._divergence(look=True)) is not None:
            return bad
        return self.save() if isinstance(command, Save) else self.frame(command)

    def frame(self, probe: Probe) -> Frame:
        """The network's inside on the probe; where it has no targets, the task's answers, if it has any."""
        tokens = self._readable(probe)
        targets = self._targets(tokens) if probe.targets is None else np.asarray(probe.targets)
        return Frame(self.done, self.network.trace(tokens, targets), self.network.A())

    def save(self) -> Checkpoint:
        """All of the run as bytes."""
        counters = {
            "step": self.done,
            "since": self.since,
            "seconds": self.seconds,
            "loss_sum": self.stepper.loss_sum.item(),
            "loss": self.stepper.loss.item(),
            "grad_norm": self.stepper.grad_norm.item(),
        }
        return Checkpoint(self.done, checkpoint.dump(self._tensors(), self.settings, counters))

    def _started(self) -> Started:
        count = sum(p.numel() for p in self.network.parameters() if p.requires_grad)
        return Started(self.done, self.place.description, self.place.scan, count, self.place.notes)

    def _step(self) -> Step:
        began = perf_counter()
        tokens, targets = batches.batch(self.settings, self.done, self.place.device)
        loss = self.stepper.step(tokens, targets, self._rate(self.done))
        self.done += 1
        self.since += 1
        shown = None if self._is_asynchronous else loss.item()
        self.seconds += perf_counter() - began
        return Step(self.done, shown)

    def _evaluation(self) -> Evaluation:
        began = perf_counter()
        score = self.test_set.score(self.network)
        mean_loss = self.stepper.loss_sum.item() / max(1, self.since)
        self.stepper.loss_sum.zero_()
        self.since = 0
        self.seconds += perf_counter() - began
        return Evaluation(
            step=self.done,
            loss=mean_loss,
            test_loss=score.loss,
            token_accuracy=score.token_accuracy,
            sequence_accuracy=score.sequence_accuracy,
            position_accuracy=score.position_accuracy,
            error=score.error,
            lr=self.settings.optim.lr * self._rate(self.done - 1),
            grad_norm=self.stepper.grad_norm.item(),
            seconds=self.seconds,
        )

    def _rate(self, step: int) -> float:
        """The part of the learning rates that step `step` (from 0) uses."""
        optim = self.settings.optim
        return 1.0 if optim.schedule == "constant" else 1.0 - step / optim.steps

    def _divergence(self, *, look: bool = False) -> Diverged | None:
        """Whether a step since the last look was not a number; a rare look where looking stalls the device."""
        dates = (CHECK_EVERY, self.settings.eval_every, self.settings.checkpoint_every)
        if self._is_asynchronous and not look and not any(map(self._is_due, dates)):
            return None
        began = perf_counter()
        good = int(self.stepper.good.item())
        self.seconds += perf_counter() - began  # an asynchronous device spends the time of its steps here
        if good == self.done - self.first:
            return None
        loss, norm = self.stepper.loss.item(), self.stepper.grad_norm.item()
        return Diverged(self.first + good + 1, f"the loss was {loss:.3g} and the gradient's norm {norm:.3g}")

    def _is_due(self, every: int) -> bool:
        return self.done % every == 0 or self.done == self.settings.optim.steps

    @property
    def _is_asynchronous(self) -> bool:
        return self.place.device.type != "cpu"

    def _readable(self, probe: Probe) -> np.ndarray:
        task = self.settings.task
        tokens = np.asarray(probe.tokens, dtype=np.float32 if task.reads_signal else np.int64)
        if tokens.ndim == 1 and len(tokens):
            if task.reads_signal and np.isfinite(tokens).all():
                return tokens
            if not task.reads_signal and tokens.min() >= 0 and tokens.max() < task.vocab:
                return tokens
        wanted = "finite real numbers" if task.reads_signal else f"tokens in 0..{task.vocab - 1}"
        raise ValueError(f"a probe must be a sequence of {wanted}, got {probe.tokens!r}"[:300])

    def _targets(self, tokens: np.ndarray) -> np.ndarray:
        task = self.settings.task
        try:
            return TASKS[task.name].answer(task, tokens)
        except ValueError:  # an edited sequence may have no right answer; it is looked at all the same
            return np.full(len(tokens), np.nan if task.says_signal else IGNORED)

    def _tensors(self) -> dict[str, Tensor]:
        parameters = {f"parameter/{name}": p for name, p in self.network.named_parameters()}
        return parameters | {f"optimiser/{name}": t for name, t in self.optimiser.state().items()}

    def _restore(self, saved: bytes) -> None:
        counters = checkpoint.restore(saved, self._tensors(), self.settings)
        self.done, self.since = int(counters["step"]), int(counters["since"])
        self.seconds = float(counters["seconds"])
        for name in ("loss_sum", "loss", "grad_norm"):
            getattr(self.stepper, name).fill_(counters[name])
