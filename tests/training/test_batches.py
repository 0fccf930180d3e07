"""Batch k depends on (seed, k) alone, and a curriculum on the step alone."""

import itertools

import pytest
import torch

from ssmviz.settings import OptimSettings, TaskSettings, TrainSettings
from ssmviz.training import batches

CPU = torch.device("cpu")


def with_curriculum(**task):
    return TrainSettings(task=TaskSettings(**({"vocab": 16} | task)), optim=OptimSettings(curriculum=True, steps=200))


def test_twins_see_the_same_batches(make_settings):
    s6, s4d = make_settings(layer="s6"), make_settings(layer="s4d", optim={"lr": 1e-4})
    for step in (0, 7):
        assert all((a == b).all() for a, b in zip(*(batches.batch(s, step, CPU) for s in (s6, s4d)), strict=True))


def test_batches_differ_between_steps_and_seeds(make_settings):
    first = batches.batch(make_settings(), 0, CPU)[0]
    assert not (first == batches.batch(make_settings(), 1, CPU)[0]).all()
    assert not (first == batches.batch(make_settings(seed=1), 0, CPU)[0]).all()


def test_only_the_asked_positions_are_targets(make_settings):
    tokens, targets = batches.batch(make_settings(), 0, CPU)
    assert tokens.shape == (8, 18)
    assert targets.shape == (8, 2)
    assert (targets >= 0).all()


def test_without_a_curriculum_every_batch_has_full_length(make_settings):
    assert {batches.length(make_settings(), step) for step in range(12)} == {16}


def test_copying_climbs_geometrically_to_full_length_in_the_first_third():
    settings = with_curriculum(name="selective_copying", L=64)
    lengths = [batches.length(settings, step) for step in range(200)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 8
    assert set(lengths[67:]) == {64}
    rungs = batches.curriculum(settings.task)
    ratios = [b / a for a, b in itertools.pairwise(rungs)]
    assert max(ratios) / min(ratios) < 1.25


def test_a_curriculum_never_asks_for_less_room_than_the_data_need():
    assert batches.curriculum(TaskSettings(L=64, n_data=16))[0] == 16


def test_induction_heads_visit_all_lengths_evenly_from_the_start():
    settings = with_curriculum(name="induction_heads", L=64)
    rungs = batches.curriculum(settings.task)
    assert (rungs[0], rungs[-1]) == (8, 64)
    for start in (0, 50, 150):  # 8 rungs in 40 steps
        seen = [batches.length(settings, step) for step in range(start, start + 40)]
        assert {seen.count(L) for L in rungs} <= {4, 5, 6, 7}


@pytest.mark.parametrize("name", ["copying", "selective_copying", "induction_heads"])
def test_curricula_end_at_the_task_s_own_length(name):
    for L in (8, 9, 64, 100, 256):
        assert batches.curriculum(TaskSettings(name=name, L=L))[-1] == L
