"""Scores on sequences that training never sees: the fixed test set, and a ladder of other lengths at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ssmviz.models import LAYERS, Network, loss_of
from ssmviz.settings import TrainSettings
from ssmviz.tasks import TASKS, rng_for
from ssmviz.traces import Rung
from ssmviz.training.batches import asked

FORWARD_TOKENS = {"cpu": 1 << 13, "cuda": 1 << 20}  # tokens of one forward: caches and memory stay small
RUNG_TOKENS = {"cpu": 1 << 17, "cuda": 1 << 25}  # tokens of one rung: a CPU ladder takes seconds
RUNG_PAIRS = {"cpu": 1 << 27, "cuda": 1 << 34}  # the same of attention, which compares all tokens with all before
RUNG_SEQUENCES = 256
FEWEST_SEQUENCES = 8  # fewer would say nothing: such a rung is left out
CHUNK = 4096  # fewest positions at once where one sequence is longer than a forward


class Score(NamedTuple):
    """Means over a set of sequences; accuracies in [0, 1], or the error where a signal is asked (see `Evaluation`)."""

    loss: float
    token_accuracy: float | None
    sequence_accuracy: float | None
    position_accuracy: tuple[float, ...]
    error: float | None = None


class TestSet:
    """Held-out sequences, the same for the whole run and for its twin."""

    __test__ = False  # not a test of pytest's

    def __init__(self, settings: TrainSettings, device: torch.device) -> None:
        task = TASKS[settings.task.name]
        drawn = task.sample(settings.task, rng_for(settings.seed, "test"), settings.eval_batch)
        self.tokens, self.targets = asked(drawn.tokens, drawn.targets, task.answers(settings.task), device)
        self.as_recurrence = settings.as_recurrence

    def score(self, network: Network) -> Score:
        """How well the network does now."""
        return score(network, self.tokens, self.targets, one_by_one if self.as_recurrence else answers)

    def difference(self, network: Network) -> float:
        """Largest difference of the logits between both views of the same weights: all tokens at once, one by one."""
        k = self.targets.shape[1]
        return (answers(network, self.tokens, k) - one_by_one(network, self.tokens, k)).abs().max().item()


Answers = Callable[[Network, Tensor, int], Tensor]


@torch.no_grad()
def answers(network: Network, tokens: Tensor, k: int) -> Tensor:
    """Logits (n, k, vocab) of the last k positions, a bounded number of tokens at a time."""
    length, most = tokens.shape[1], FORWARD_TOKENS[tokens.device.type]
    if length <= most:
        return torch.cat([network(rows, last=k) for rows in torch.split(tokens, most // length)])
    rows_at_once = min(len(tokens), max(1, most // CHUNK))
    chunk = most // rows_at_once
    return torch.cat([network.forward_chunks(rows, chunk, last=k) for rows in torch.split(tokens, rows_at_once)])


def one_by_one(network: Network, tokens: Tensor, k: int) -> Tensor:
    """The same by recurrence: one token at a time, with nothing but the state."""
    state, logits = network.initial_state(len(tokens)), []
    for token in tokens.unbind(1):
        out, state = network.step(token, state)
        logits.append(out)
    return torch.stack(logits[-k:], dim=1)


@torch.no_grad()
def score(network: Network, tokens: Tensor, targets: Tensor, how: Answers = answers) -> Score:
    """Score of tokens (n, T) whose last k positions are asked, targets (n, k)."""
    k = targets.shape[1]
    logits = how(network, tokens, k)
    loss = loss_of(logits, targets)
    if targets.is_floating_point():
        error = (loss / targets.square().mean()).sqrt()
        return Score(loss.item(), None, None, (), error.item())
    hit = logits.argmax(-1) == targets
    scalars = torch.cat([loss[None], hit.float().mean()[None], hit.all(1).float().mean()[None], hit.float().mean(0)])
    loss_, token, sequence, *positions = scalars.tolist()  # one wait for the device instead of four
    return Score(loss_, token, sequence, tuple(positions))


def ladder(settings: TrainSettings, network: Network, device: torch.device, *, step: int) -> Iterator[Rung]:
    """The task's trials, shortest first, on fewer sequences the longer they are.

    A length at which even `FEWEST_SEQUENCES` would take too long on this device is left out.
    """
    task = TASKS[settings.task.name]
    for L, pace, label in task.trials(settings.task, device.type):
        sizes = task.at_length(settings.task, L)
        n = min(RUNG_SEQUENCES, RUNG_TOKENS[device.type] // sizes.sequence_length)
        if LAYERS[settings.model.layer].pairs:
            n = min(n, RUNG_PAIRS[device.type] // sizes.sequence_length**2)
        if n < FEWEST_SEQUENCES:
            return
        drawn = task.sample(sizes, rng_for(settings.seed, "test", L), n)
        with network.paced(pace):
            got = score(network, *asked(drawn.tokens, drawn.targets, task.answers(sizes), device))
        yield Rung(step, L, got.token_accuracy, got.sequence_accuracy, n, got.error, label)
