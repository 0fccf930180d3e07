"""The promises that need real networks: one app, the real trainer, the warm fork server."""

import signal
from pathlib import Path

import pytest

from ssmviz.runs.entry import TRAINER
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings
from tests.runs.lab import Lab, needs_proc

pytestmark = [needs_proc, pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as POSIX does")]

STEPS = 60


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("real") / "home", TRAINER).open()
    yield lab
    assert lab.close() == []


def small(layer):
    return TrainSettings(
        task=TaskSettings(L=16, n_data=4),
        model=ModelSettings(layer=layer, d_model=8, N=4),
        optim=OptimSettings(steps=STEPS, batch=8),
        eval_every=10,
        eval_batch=16,
        checkpoint_every=7,
        device="cpu",
    )


def start(lab):
    row = lab.client.start_experiment("Twins", [("S6", small("s6")), ("S4D", small("s4d"))])
    return row.id, [run.id for run in lab.store.runs_of(row.id)]


def scores(lab, run):
    """Everything that was measured, but how long it took."""
    rows = [m.data for m in lab.store.metrics_since(run) if m.kind in ("evaluation", "rung")]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_killed_and_paused_runs_have_the_curve_of_undisturbed_ones_bit_for_bit(lab):
    experiment, disturbed = start(lab)
    for run in disturbed:
        lab.reaches(run, 12)
        lab.store.kill(run)
        lab.reaches(run, 25)
    lab.client.pause(experiment)
    lab.client.step(experiment)
    lab.client.resume(experiment)
    attempts = [lab.ended(run).attempt for run in disturbed]
    _, undisturbed = start(lab)
    for a, b in zip(disturbed, undisturbed, strict=True):
        assert (lab.ended(a).state, lab.ended(b).state) == ("done", "done")
        assert lab.curve(a) == lab.curve(b)
        assert len(lab.curve(a)) == STEPS
        assert scores(lab, a) == scores(lab, b)
        assert lab.store.newest_frame_step(a) == STEPS
    assert max(attempts) == 2


def test_the_fork_server_has_one_thread(lab):
    """Threads do not survive a fork; a worker would wait for them for ever."""
    leader = lab.launcher()
    children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
    servers = [pid for pid in children if b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(servers) == 1
    assert len(list(Path(f"/proc/{servers[0]}/task").iterdir())) == 1
