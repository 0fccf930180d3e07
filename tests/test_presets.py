"""Presets are valid, and twins differ in nothing but selection and their own best learning rates."""

import pytest

from ssmviz.presets import PRESETS, S4D, S6, twins
from ssmviz.settings import TrainSettings
from ssmviz.tasks import TASKS


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_twins(name):
    preset = PRESETS[name]
    assert [label for label, _ in preset.runs] == [S6, S4D]
    for _, settings in preset.runs:
        assert TrainSettings.model_validate(settings.model_dump()) == settings
    s6, s4d = (settings for _, settings in preset.runs)
    assert (s6.model.layer, s4d.model.layer) == ("s6", "s4d")
    assert preset.runs == tuple(zip((S6, S4D), twins(s6), strict=True))


@pytest.mark.parametrize("name", PRESETS)
def test_the_twin_is_handicapped_in_nothing(name):
    s6, s4d = (settings for _, settings in PRESETS[name].runs)
    assert s6.task == s4d.task
    assert s6.model.model_copy(update={"layer": "s4d"}) == s4d.model  # N complex states: 2 N numbers
    same = {"lr": 0.0, "lr_muon": 0.0}
    assert s6.optim.model_copy(update=same) == s4d.optim.model_copy(update=same)
    rest = {"model": None, "optim": None}
    assert s6.model_copy(update=rest) == s4d.model_copy(update=rest)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_a_preset_of_its_name(task):
    assert all(settings.task.name == task for _, settings in PRESETS[task].runs)


def test_every_text_is_short_enough_to_be_read():
    for preset in PRESETS.values():
        assert len(preset.title) <= 40
        assert len(preset.sentence) <= 120
        assert len(preset.why) <= 160


def test_twins_of_an_absurd_rate_are_both_absurd():
    settings = PRESETS["selective_copying"].runs[0][1]
    wild = settings.model_copy(update={"optim": settings.optim.model_copy(update={"lr": 1e9})})
    assert all(twin.optim.lr > 1e8 for twin in twins(wild))
