"""Who is next."""

from ssmviz.runs.fair import Waiting, next_runs


def waiting(name, owner="", runs=2, begun=False):
    return Waiting(name, owner, tuple(f"{name}{i}" for i in range(runs)), begun)


def test_twins_start_together_or_not_at_all():
    assert next_runs([waiting("a")], {}, 2) == ["a0", "a1"]
    assert next_runs([waiting("a")], {"": 1}, 1) == []


def test_first_come_first_served():
    assert next_runs([waiting("a"), waiting("b")], {}, 2) == ["a0", "a1"]


def test_the_owner_with_the_fewest_running_is_next():
    queue = [waiting("a", "ann"), waiting("b", "ann"), waiting("c", "bob")]
    assert next_runs(queue, {"ann": 2}, 2) == ["c0", "c1"]
    assert next_runs(queue, {}, 4) == ["a0", "a1", "c0", "c1"]


def test_who_is_next_is_not_passed_by_smaller_ones():
    assert next_runs([waiting("a"), waiting("b", runs=1)], {"x": 1}, 1) == []


def test_an_experiment_larger_than_the_machine_starts_when_nothing_else_runs():
    assert len(next_runs([waiting("a", runs=5)], {}, 2)) == 5
    assert next_runs([waiting("a", runs=5)], {"x": 1}, 1) == []


def test_an_experiment_that_has_begun_is_completed_first():
    queue = [waiting("a"), waiting("b", runs=1, begun=True)]
    assert next_runs(queue, {"": 1}, 1) == ["b0"]
