"""Memory that runs out, devices that go, numbers that run away, runs that never end."""

import signal

import pytest

from ssmviz.runs import memory
from tests.chaos import faults
from tests.chaos.conftest import EMBEDDED_ONLY
from tests.chaos.test_processes import whole_curve
from tests.runs import fake


def goes_on(lab):
    """The app is alive: it trains what is asked next, with the launcher that it had."""
    before = lab.launcher()
    _, (run,) = lab.start(0, steps=5)
    assert lab.ended(run).state == "done"
    assert lab.launcher() == before


@pytest.mark.parametrize("fault", [fake.NO_MEMORY, fake.ALLOCATES, fake.NO_GPU_MEMORY])
def test_no_memory_is_a_state_of_its_own_that_says_what_to_do(shared_lab, fault):
    """As Python says it, as numpy says it under a limit of the kernel, as torch says it of a GPU."""
    _, (run,) = shared_lab.start(fault)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt) == ("oom", 1)
    assert "not enough memory for this run; make batch, length or width smaller" in row.reason
    goes_on(shared_lab)


@pytest.fixture
def groups():
    """Where the kernel lets us limit the memory of a process; cleaned up afterwards."""
    try:
        faults.memory_group("ssmviz-probe").rmdir()
    except OSError:
        pytest.skip("memory cannot be limited here")
    yield
    for root in (faults.MEMORY, faults.UNIFIED):
        for left in root.glob("ssmviz-*"):
            left.rmdir()


@EMBEDDED_ONLY  # of a process on another machine nobody knows who killed it: it is tried again, three times
def test_a_worker_killed_by_the_kernel_for_its_memory_is_not_started_again(shared_lab, groups):
    killed = memory.kills()
    _, (run,) = shared_lab.start(fake.OVERSIZED)
    row = shared_lab.ended(run)
    assert memory.kills() > killed
    assert (row.state, row.attempt) == ("oom", 1)
    assert "ran out of memory" in row.reason
    goes_on(shared_lab)


def test_the_kernels_counters_are_read_in_both_versions_of_its_groups(tmp_path, monkeypatch):
    one, two = tmp_path / "memory.oom_control", tmp_path / "memory.events"
    monkeypatch.setattr(memory, "COUNTERS", (one, two, tmp_path / "none"))
    one.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    two.write_text("low 0\nhigh 0\nmax 31\noom 3\noom_kill 3\noom_group_kill 0\n")
    assert memory.kills() == 5


def test_a_lost_device_is_a_new_attempt_from_the_checkpoint(shared_lab):
    _, (run,) = shared_lab.start(fake.LOSES_DEVICE)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt) == ("done", 2)
    assert shared_lab.curve(run) == whole_curve(100, seed=fake.LOSES_DEVICE)
    (started,) = [m for m in shared_lab.store.metrics_since(run) if m.kind == "started" and m.step > 0]
    assert started.step == 20


def test_divergence_is_a_state_that_names_the_step_and_keeps_the_frames(shared_lab):
    _, (run,) = shared_lab.start(fake.DIVERGES)
    row = shared_lab.ended(run)
    assert row.state == "diverged"
    assert "step 30" in row.reason
    assert shared_lab.kinds(run)[-1] == "diverged"
    assert shared_lab.store.frame_steps(run)[0] == 0
    assert shared_lab.store.frame(run, shared_lab.store.newest_frame_step(run))


def test_a_run_that_takes_too_long_times_out_with_a_checkpoint(shared_lab):
    _, (run,) = shared_lab.start(0, steps=100_000, wall_limit_s=0.3, checkpoint_every=100_000)
    row = shared_lab.ended(run)
    assert row.state == "timeout"
    assert row.checkpoint_step == row.step > 0


@pytest.mark.slow
@pytest.mark.parametrize("how", [fake.HANGS, fake.FROZEN])
def test_a_run_that_hangs_times_out(shared_lab, monkeypatch, how):
    """Whether it sleeps for ever or the kernel has stopped it."""
    if how == fake.FROZEN and not hasattr(signal, "SIGSTOP"):
        pytest.skip("nothing can be frozen here")
    _, (run,) = shared_lab.start(how, wall_limit_s=0.2)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt) == ("timeout", 1)
    assert "no sign of life" in row.reason
    assert not shared_lab.store.is_alive(run)
