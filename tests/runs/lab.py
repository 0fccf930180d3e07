"""An app, its store and its launcher, with questions that tests ask and faults that they inject."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ssmviz.runs.client import Client
from ssmviz.runs.locks import holder
from ssmviz.runs.records import LIVE
from ssmviz.runs.store import Store
from ssmviz.settings import OptimSettings, TrainSettings

FAKE = "tests.runs.fake:train"
PATIENCE = 60.0  # seconds until a condition that must come true is given up; generous, the machine may be busy

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="looks at processes through /proc")


def wait_until(condition, what=""):
    """The first true value of `condition()`."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain: {what or condition}"
        time.sleep(0.005)
    return value


def settings(steps=100, seed=0, **more):
    return TrainSettings(
        optim=OptimSettings(steps=steps), seed=seed, **{"eval_every": 25, "checkpoint_every": 20, **more}
    )


def claimed(store):
    """A run of sixty steps that a worker has just taken."""
    row = store.create_experiment("key", "Title", [("S6", settings(steps=60))])
    (run,) = store.runs_of(row.id)
    store.claim(run.id)
    return store.run(run.id)


def group(pid):
    """Living processes (zombies are dead) of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(pgrp) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


class Lab:
    """An app with its store. A backend that runs elsewhere overrides how its processes are found and killed.

    Args:
        root: directory of the store.
        trainer: "module:function".
    """

    resumed_within = 2.0  # seconds from the loss of a process until the next one trains
    restart_steps = 100  # of a slow run that outlasts the start of a launcher

    def __init__(self, root, trainer=FAKE):
        self.store = Store(root)
        self.client = Client(self.store, trainer=trainer)
        self.groups = set()

    # life

    def open(self):
        self.client.attach()
        self.groups.add(self.launcher())
        return self

    def close(self):
        self.client.shutdown()
        self.store.close()
        return self.left()

    def left(self):
        """Processes that still live, the kernel's moment to bury them granted."""
        end = time.monotonic() + 1.0
        while (alive := [pid for leader in self.groups for pid in group(leader)]) and time.monotonic() < end:
            time.sleep(0.005)
        return alive

    # processes

    def launcher(self):
        return wait_until(lambda: holder(self.store.root / "launcher.lock"), "a launcher")

    def worker(self, run):
        """What identifies the process that works on a run."""
        return wait_until(lambda: self.store.pid(run), "a worker")

    def kill_worker(self, run):
        self.store.kill(run)

    def launcher_command(self):
        """What starts a launcher of this store."""
        return [sys.executable, "-m", "ssmviz.runs", "--root", str(self.store.root), "--trainer", self.client.trainer]

    def kill_launcher(self):
        old = self.launcher()
        os.kill(old, signal.SIGKILL)
        return old

    def kill_everything(self):
        """The power is gone: nothing gets to say a word."""
        self.groups.add(self.launcher())
        self.client._closed.set()  # the app is this process: it dies as far as it can
        for leader in self.groups:
            os.killpg(leader, signal.SIGKILL)
        self.client._app_lock.release()
        wait_until(lambda: self.left() == [], "everything to be dead")

    # runs

    def start(self, *seeds, key=None, **kwargs):
        """Twins when there are no seeds: the ids of experiment and runs."""
        runs = [(f"run {i}", settings(seed=seed, **kwargs)) for i, seed in enumerate(seeds or (0, 0))]
        row = self.client.start_experiment("Twins", runs, key=key)
        return row.id, [run.id for run in self.store.runs_of(row.id)]

    def ended(self, run):
        """Its row, once it has ended."""
        return wait_until(lambda: (row := self.store.run(run)).state not in LIVE and row, f"end of {run}")

    def reaches(self, run, step):
        wait_until(lambda: self.store.step(run) >= step or self.store.run(run).state not in LIVE, f"step {step}")

    def curve(self, run):
        """step -> loss, as a reader of the whole history knows it."""
        losses = {}
        for metric in self.store.metrics_since(run):
            if metric.kind == "started":
                losses = {step: loss for step, loss in losses.items() if step <= metric.step}
            if metric.kind == "steps":
                losses |= dict(zip(metric.data["steps"], metric.data["losses"], strict=True))
        return losses

    def kinds(self, run):
        return [metric.kind for metric in self.store.metrics_since(run)]
