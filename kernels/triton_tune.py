"""Opt-in search of how a scan is cut on CUDA: times a few plans for a shape once, and keeps the best for the process.

with autotune():
    selective_scan(...)  # and its backward: seconds at the first call of a shape, for compiling and timing
selective_scan(...)  # the plan that was found, also inside a CUDA graph
"""

from __future__ import annotations

import contextlib
import functools
import statistics
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace

import torch
import triton

from kernels.triton_plan import LANES, Forward, Plan

SAMPLES = 5
TOO_LARGE = (triton.runtime.OutOfResources,)  # of shared memory or registers

_found: dict[Hashable, Plan] = {}
_open = 0  # contexts; the backward runs on another thread, so this is no context variable


@contextlib.contextmanager
def autotune() -> Iterator[None]:
    """Search the plan of every shape and kind of scan that is met inside for the first time."""
    global _open
    _open += 1
    try:
        yield
    finally:
        _open -= 1


def forget() -> None:
    """Go back to the shipped plans."""
    _found.clear()


def chosen(
    key: Hashable,
    shipped: Plan,
    candidates: Callable[[Plan], list[Plan]],
    run: Callable[[Plan], object],
    clock: Callable[[Callable[[], object]], float] | None = None,
) -> Plan:
    """The plan to use: one that was found, or the shipped one; inside `autotune`, the best of the candidates.

    Args:
        key: what the best plan depends on.
        shipped: the plan without a search, itself a candidate.
        candidates: the others.
        run: launches everything with a plan.
        clock: milliseconds of a call.
    """
    if key not in _found:
        if not _open or (torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()):
            return shipped
        clock = clock or milliseconds
        _found[key] = min([shipped, *candidates(shipped)], key=lambda plan: _time(functools.partial(run, plan), clock))
    return _found[key]


def _time(work: Callable[[], object], clock: Callable[[Callable[[], object]], float]) -> float:
    try:
        return clock(work)
    except TOO_LARGE:
        return float("inf")


def milliseconds(work: Callable[[], object]) -> float:
    """Median on the device, after two calls that compile and warm up."""
    work()
    work()
    samples = []
    for _ in range(SAMPLES):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        end.synchronize()
        samples.append(float(start.elapsed_time(end)))
    return statistics.median(samples)


def forwards(plan: Plan) -> list[Plan]:
    """Plans that differ in one thing of the forward."""
    tile = plan.forward
    tiles = [replace(tile, stages=stages) for stages in (2, 3, 4)]
    if tile.W == 1 and 4 <= tile.PN <= LANES // 2:
        tiles += [Forward(T=T, CL=CL, NL=LANES // CL, PN=tile.PN) for T in (8, 16) for CL in (8, 16)]
    plans = [replace(plan, forward=t) for t in tiles]
    plans += [replace(plan, forward_chunks=c) for c in _counts(plan.forward_chunks)]
    return _others(plans, plan)


def backwards(plan: Plan) -> list[Plan]:
    """Plans that differ in one thing of the backward, but not in how often the forward keeps the state."""
    tiles = [replace(plan.backward, stages=stages) for stages in (2, 3, 4)]
    plans = [replace(plan, backward=t) for t in tiles]
    plans += [replace(plan, backward_chunks=c) for c in _counts(plan.backward_chunks)]
    return _others(plans, plan)


def _counts(chunks: int) -> list[int]:
    """Half to twice as many, where there are several."""
    return [max(1, chunks * part // 4) for part in (2, 3, 6, 8)] if chunks > 1 else []


def _others(plans: list[Plan], plan: Plan) -> list[Plan]:
    return [p for p in dict.fromkeys(plans) if p != plan]
