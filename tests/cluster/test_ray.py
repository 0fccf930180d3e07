"""What only a cluster can show: twins on two machines, a machine that is lost, a head that comes back."""

import pytest

from tests.runs import fake
from tests.runs.lab import settings, wait_until

pytestmark = pytest.mark.slow


def whole_curve(steps, seed=0):
    return {step: fake.loss_at(settings(seed=seed), step) for step in range(1, steps + 1)}


def test_twins_on_two_machines_end_with_whole_curves(shared_lab):
    _, runs = shared_lab.start(steps=200)
    for run in runs:
        row = shared_lab.ended(run)
        assert (row.state, row.attempt, row.step) == ("done", 1, 200), row.reason
        assert shared_lab.curve(run) == whole_curve(200)
        assert shared_lab.kinds(run).count("evaluation") == 8
        assert shared_lab.kinds(run)[-1] == "finished"
    wait_until(lambda: shared_lab.actors() == [], "actors to end")
