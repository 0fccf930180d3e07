import math
import subprocess
import sys

import pytest
from pydantic import ValidationError

from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings, explain
from ssmviz.tasks import TASKS


def test_defaults_are_valid_and_survive_json():
    settings = TrainSettings()
    assert TrainSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "0.1", None, -1.0])
def test_a_learning_rate_that_is_no_positive_number_is_refused(value):
    with pytest.raises(ValidationError) as caught:
        OptimSettings(lr=value)
    assert "lr" in explain(caught.value)


def test_unknown_fields_are_refused_by_name():
    with pytest.raises(ValidationError) as caught:
        TaskSettings.model_validate({"name": "copying", "lenght": 3})
    assert "lenght" in explain(caught.value)


def test_more_data_than_slots_is_explained():
    with pytest.raises(ValidationError) as caught:
        TaskSettings(L=8, n_data=9)
    assert "n_data must be at most L=8, got 9" in explain(caught.value)


def test_a_product_of_valid_sizes_can_be_too_much():
    with pytest.raises(ValidationError) as caught:
        TrainSettings(
            task=TaskSettings(L=65536),
            model=ModelSettings(d_model=512, N=256),
            optim=OptimSettings(batch=1024, steps=1_000_000),
            device="cpu",
        )
    assert "times smaller" in explain(caught.value)


def test_memory_is_bounded_too():
    with pytest.raises(ValidationError) as caught:
        TrainSettings(task=TaskSettings(L=4096), optim=OptimSettings(batch=1024, steps=1), device="cpu")
    assert "GiB" in explain(caught.value)


def test_explanations_do_not_repeat_long_input():
    with pytest.raises(ValidationError) as caught:
        TaskSettings.model_validate({"name": "x" * 10_000})
    assert len(explain(caught.value)) < 400


def test_an_unknown_task_is_answered_with_the_names_of_all():
    with pytest.raises(ValidationError) as caught:
        TaskSettings(name="counting")
    assert all(name in explain(caught.value) for name in TASKS)
    assert "'counting'" in explain(caught.value)


def test_the_settings_load_no_task_before_one_is_asked():
    code = "import sys, ssmviz.settings; assert 'ssmviz.tasks' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
