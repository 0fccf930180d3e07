"""Entry points of worker processes, so light that the launcher can name them without loading what they need."""

from __future__ import annotations

TRAINER = "ssmviz.training.loop:train"
ERROR = "error.txt"  # in a run's folder: what its trainer raised
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def work(root: str, run: str, attempt: int, trainer: str) -> None:
    """Train; see `ssmviz.runs.worker.work`."""
    from ssmviz.runs import worker

    worker.work(root, run, attempt, trainer)


def probe(root: str, run: str, attempt: int, trainer: str) -> None:
    """Answer edits of the probe; see `ssmviz.runs.worker.probe`."""
    from ssmviz.runs import worker

    worker.probe(root, run, attempt, trainer)
