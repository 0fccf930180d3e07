"""The promises that need real networks: the real trainer, the warm fork server."""

import time
from pathlib import Path

import pytest

from ssmviz.runs.entry import TRAINER
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings, has_cuda
from tests.chaos.conftest import EMBEDDED_ONLY
from tests.runs.lab import wait_until

STEPS = 60


@pytest.fixture(scope="module")
def lab(backend, tmp_path_factory):
    lab = backend(tmp_path_factory.mktemp("real") / "home", TRAINER).open()
    yield lab
    assert lab.close() == []


@pytest.fixture
def lab_of(backend, tmp_path):
    """An app whose trainer is one of `tests.chaos.trainers`."""
    opened = []

    def of(trainer):
        opened.append(backend(tmp_path / trainer, f"tests.chaos.trainers:{trainer}").open())
        return opened[-1]

    yield of
    assert [left for lab in opened for left in lab.close()] == []


def small(layer, **more):
    values = {"device": "cpu"} | more
    return TrainSettings(
        task=TaskSettings(L=16, n_data=4),
        model=ModelSettings(layer=layer, d_model=8, N=4),
        optim=OptimSettings(steps=STEPS, batch=8),
        eval_every=10,
        eval_batch=16,
        checkpoint_every=7,
        **values,
    )


def start(lab, **more):
    row = lab.client.start_experiment("Twins", [("S6", small("s6", **more)), ("S4D", small("s4d", **more))])
    return row.id, [run.id for run in lab.store.runs_of(row.id)]


def scores(lab, run):
    """Everything that was measured, but how long it took."""
    rows = [m.data for m in lab.store.metrics_since(run) if m.kind in ("evaluation", "rung")]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_killed_and_paused_runs_have_the_curve_of_undisturbed_ones_bit_for_bit(lab):
    experiment, disturbed = start(lab)
    for run in disturbed:
        lab.reaches(run, 12)
        lab.kill_worker(run)
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


@pytest.mark.slow
def test_a_killed_trainer_is_training_again_within_two_seconds(lab):
    """On a cluster it takes longer: the next process has to import torch first."""
    _, (run, _) = start(lab)
    lab.reaches(run, 12)
    began = time.monotonic()
    lab.kill_worker(run)
    wait_until(lambda: (row := lab.store.run(run)).attempt == 2 and row.state in ("running", "done"))
    assert time.monotonic() - began < lab.resumed_within
    assert lab.ended(run).state == "done"


@pytest.mark.slow
def test_no_gpu_is_the_cpu_and_a_note_in_the_run(lab):
    if has_cuda():
        pytest.skip("this machine has a GPU")
    _, runs = start(lab, device="cuda")
    for run in runs:
        row = lab.ended(run)
        assert (row.state, row.device) == ("done", "cpu")
        assert "CUDA is not available here: running on the CPU" in row.notes


@pytest.mark.slow
def test_without_a_compiler_the_scan_is_plain_pytorch_and_the_run_says_so(lab_of):
    lab = lab_of("without_compiler")
    _, (run, _) = start(lab)
    row = lab.ended(run)
    assert (row.state, row.backend) == ("done", "torch")
    assert any("numba is not usable here" in note for note in row.notes)


@pytest.mark.gpu
@EMBEDDED_ONLY
def test_without_a_c_compiler_triton_gives_way_and_the_run_says_so(lab_of, tmp_path, monkeypatch):
    """Triton compiles its launcher with the C compiler, once for each cache."""
    monkeypatch.setenv("CC", "/bin/false")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    lab = lab_of("trained")
    _, (run, _) = start(lab, device="cuda")
    row = lab.ended(run)
    assert (row.state, row.backend) == ("done", "torch")
    assert any("triton is not usable here" in note for note in row.notes)


@pytest.mark.slow
def test_torchs_own_want_of_gpu_memory_is_a_state(lab_of):
    lab = lab_of("out_of_gpu_memory")
    _, (run, _) = start(lab)
    row = lab.ended(run)
    assert (row.state, row.attempt) == ("oom", 1)
    assert "make batch, length or width smaller" in row.reason


@pytest.mark.slow
def test_a_gpu_that_is_lost_is_a_new_attempt_from_the_checkpoint(lab_of):
    lab = lab_of("gpu_lost")
    _, runs = start(lab)
    for run in runs:
        row = lab.ended(run)
        assert (row.state, row.attempt) == ("done", 2)
        assert [m.step for m in lab.store.metrics_since(run) if m.kind == "started"][-1] == 7
        assert sorted(lab.curve(run)) == list(range(1, STEPS + 1))


@EMBEDDED_ONLY
def test_the_fork_server_has_one_thread(lab):
    """Threads do not survive a fork; a worker would wait for them for ever."""
    leader = lab.launcher()
    children = Path(f"/proc/{leader}/task/{leader}/children").read_text().split()
    servers = [pid for pid in children if b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(servers) == 1
    assert len(list(Path(f"/proc/{servers[0]}/task").iterdir())) == 1
