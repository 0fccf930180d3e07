"""The real trainer on a machine where something is missing; each is a trainer by its name."""

import sys

BROKEN_AT = 3  # step


def without_compiler(settings, checkpoint=None):
    """Neither Triton nor numba can be loaded: as without a C compiler, a driver, or in a wrong version."""
    from kernels import backends

    for backend in ("triton", "numba"):
        sys.modules[backends.BACKENDS[backend].module] = None  # Python's word for "importing this fails"
        backends._loaded.pop(backend, None)
    backends._resolved.clear()
    backends._problem.cache_clear()
    return trained(settings, checkpoint)


def out_of_gpu_memory(settings, checkpoint=None):
    """torch's own error, in the middle of a training."""
    import torch

    return breaking(settings, checkpoint, torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB."))


def gpu_lost(settings, checkpoint=None):
    """The device is gone in the first attempt, after a checkpoint."""
    import torch

    error = getattr(torch, "AcceleratorError", RuntimeError)("CUDA error: unspecified launch failure")
    return trained(settings, checkpoint) if checkpoint else breaking(settings, checkpoint, error, at=10)


def trained(settings, checkpoint):
    from ssmviz.training.loop import train

    return train(settings, checkpoint)


def breaking(settings, checkpoint, error, at=BROKEN_AT):
    """The real events, until a step."""
    from ssmviz.traces import Step

    events, command = trained(settings, checkpoint), None
    while True:
        event = events.send(command)
        if isinstance(event, Step) and event.step == at:
            raise error
        command = yield event
