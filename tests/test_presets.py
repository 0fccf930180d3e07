"""Presets are valid; their runs differ in nothing but what they are named after and their own best learning rates."""

from itertools import combinations

import pytest
from pydantic import ValidationError

from ssmviz.presets import LAB, PRESETS, RATES, S4D, S6, TWINS, differing, preset_of, twins, with_changes
from ssmviz.settings import TrainSettings, get
from ssmviz.tasks import TASKS


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_experiments_of_one_to_four_runs(name):
    runs = PRESETS[name].runs
    assert 1 <= len(runs) <= 4
    assert len({label for label, _ in runs}) == len(runs)
    for _, settings in runs:
        assert TrainSettings.model_validate(settings.model_dump()) == settings


@pytest.mark.parametrize("name", PRESETS)
def test_the_runs_of_a_preset_see_the_same_batches_for_as_long(name):
    shared = {f"task.{field}" for field in ("name", "L", "vocab", "n_data")}
    shared |= {"seed", "optim.batch", "optim.steps", "optim.curriculum", "eval_every", "eval_batch"}
    assert not differing(PRESETS[name].runs) & shared


@pytest.mark.parametrize("name", PRESETS)
def test_no_two_runs_of_a_preset_are_the_same(name):
    for (_, one), (_, other) in combinations(PRESETS[name].runs, 2):
        assert one != other


@pytest.mark.parametrize("name", TWINS)
def test_twins_are_made_of_one_another(name):
    preset = PRESETS[name]
    assert [label for label, _ in preset.runs] == [S6, S4D]
    s6, s4d = (settings for _, settings in preset.runs)
    assert (s6.model.layer, s4d.model.layer) == ("s6", "s4d")
    assert preset.runs == tuple(zip((S6, S4D), twins(s6), strict=True))


@pytest.mark.parametrize("name", TWINS)
def test_the_twin_is_handicapped_in_nothing(name):
    assert differing(PRESETS[name].runs) <= {"model.layer", *RATES}  # N complex states: 2 N numbers


def test_the_lab_offers_every_task_and_begins_with_selective_copying():
    assert {PRESETS[name].runs[0][1].task.name for name in LAB} == set(TASKS)
    assert LAB[0] == "selective_copying"
    assert len(set(LAB)) == len(LAB)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_preset(task):
    assert all(settings.task.name == task for _, settings in PRESETS[preset_of(task)].runs)


@pytest.mark.parametrize("name", ["selective_copying", "copying", "induction_heads"])
def test_the_tasks_of_the_lab_have_presets_of_their_names(name):
    assert preset_of(name) == name


def test_every_text_is_short_enough_to_be_read():
    for preset in PRESETS.values():
        assert len(preset.title) <= 40
        assert len(preset.sentence) <= 120
        assert len(preset.why) <= 160


@pytest.mark.parametrize("name", PRESETS)
def test_without_changes_an_experiment_stays_as_it_is(name):
    runs = PRESETS[name].runs
    same = {"seed": runs[0][1].seed, "optim.steps": runs[0][1].optim.steps}
    assert with_changes(runs, {}) == runs == with_changes(runs, same)


@pytest.mark.parametrize("name", PRESETS)
def test_a_change_reaches_every_run_and_none_loses_what_it_is(name):
    runs = PRESETS[name].runs
    apart = differing(runs)
    changes = {path: get(runs[-1][1], path) for path in apart - set(RATES)} | {"seed": 5}
    changed = with_changes(runs, changes)
    assert [label for label, _ in changed] == [label for label, _ in runs]
    for (_, before), (_, after) in zip(runs, changed, strict=True):
        assert after.seed == 5
        assert {path: get(after, path) for path in apart} == {path: get(before, path) for path in apart}


def test_learning_rates_keep_their_ratio():
    runs = PRESETS["selective_copying"].runs
    ratio = runs[1][1].optim.lr / runs[0][1].optim.lr
    s6, s4d = (settings.optim.lr for _, settings in with_changes(runs, {"optim.lr": 0.003}))
    assert (s6, s4d / s6) == (0.003, pytest.approx(ratio))


def test_an_impossible_change_is_refused():
    with pytest.raises(ValidationError, match="n_data must be at most"):
        with_changes(PRESETS["copying"].runs, {"task.n_data": 200})


def test_twins_of_an_absurd_rate_are_both_absurd():
    settings = PRESETS["selective_copying"].runs[0][1]
    wild = settings.model_copy(update={"optim": settings.optim.model_copy(update={"lr": 1e9})})
    assert all(twin.optim.lr > 1e8 for twin in twins(wild))
