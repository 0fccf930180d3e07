"""Whatever is given as settings, by widget, link, file or queue row: valid and bounded, or one refusal in words.

Hypothesis makes the inputs up, the same ones every time.
"""

import json
import math
import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ssmviz.family import BLOCKS, LAYERS
from ssmviz.presets import PRESETS
from ssmviz.runs.records import read_settings
from ssmviz.settings import (
    MAX_ACTIVATION_BYTES,
    MAX_WORK_CPU,
    MAX_WORK_CUDA,
    ModelSettings,
    OptimSettings,
    TaskSettings,
    TrainSettings,
    changed,
    explain,
)
from ssmviz.tasks import TASKS

BOUNDED = settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),  # shrinking takes minutes; switch it on when something is found
    suppress_health_check=list(HealthCheck),
)
LONGEST = 2000  # characters of a refusal

NUMBERS_THAT_HURT = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1e308, 2**31, 2**63, -(2**63), 10**400]
WORDS_THAT_HURT = ["", "1", "\0", "../..", "é" * 99, "line\nline", "<script>alert(1)</script>", "x" * 10_000, b"\xff"]
ODD = st.sampled_from([*NUMBERS_THAT_HURT, *WORDS_THAT_HURT, None, True, [], {}, [[[]]], {"": {}}, 1j, object])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
WORDS = [*TASKS, *LAYERS, *BLOCKS, "zoh", "euler", "rope", "none", "delta B", "lin", "muon", "adamw", "linear", "cpu"]
WORDS += ["cuda", "auto", "numba", "triton", "0" * 64]
NUMBERS = st.integers(-2, 70_000) | st.integers(0, 64) | st.floats(0, 10) | st.booleans()
LIKELY = NUMBERS | st.sampled_from(WORDS)


PARTS = {"task": TaskSettings, "model": ModelSettings, "optim": OptimSettings}


def fields(model, value):
    """Some of the fields of a model, rarely one that it does not have."""
    names = st.sampled_from(list(model.model_fields)) | st.sampled_from(["lenght", "__class__", "model_config"])
    return st.dictionaries(names, value, max_size=6)


def trees(value):
    return st.fixed_dictionaries(
        {},
        optional={
            "task": fields(TaskSettings, value),
            "model": fields(ModelSettings, value),
            "optim": fields(OptimSettings, value),
            **dict.fromkeys(("seed", "eval_every", "device", "backend", "threads", "wall_limit_s"), value),
        },
    )


def judged(build):
    """Settings that keep every promise, or None where they were refused in words; nothing else may happen."""
    began = time.thread_time()  # of this thread: what others do on the machine does not count
    try:
        found = build()
    except ValidationError as error:
        found, words = None, explain(error)
        assert words
        assert len(words) <= LONGEST
        assert words.isprintable(), "a refusal is one line of text"
    assert time.thread_time() - began < 1.0
    if found is not None:
        assert found.work <= (MAX_WORK_CPU if found.device == "cpu" else MAX_WORK_CUDA)
        assert found.activation_bytes <= MAX_ACTIVATION_BYTES
        assert TrainSettings.model_validate_json(found.model_dump_json()) == found
        assert read_settings(found.model_dump_json()) == found
        assert TrainSettings.model_validate(found.model_dump()) == found
    return found


@BOUNDED
@given(JSON | trees(JSON) | trees(LIKELY | ODD))
def test_anything_is_settings_within_bounds_or_refused_in_one_line(value):
    judged(lambda: TrainSettings.model_validate(value))


SIZES = ("task.L", "model.N", "model.d_model", "model.n_layers", "model.expand", "optim.batch", "optim.steps")


def test_sizes_keep_the_bounds_on_work_and_memory_whatever_their_product():
    refused = set()

    @BOUNDED
    @given(st.fixed_dictionaries({name: st.integers(0, 16).map(lambda power: 2**power) for name in SIZES}), LIKELY)
    def check(sizes, seed):
        refused.add(judged(lambda: changed(TrainSettings(), sizes | {"device": "cpu", "seed": seed})) is None)
        few = {name: min(size, 8) for name, size in sizes.items()} | {"task.L": 64}
        refused.add(judged(lambda: changed(TrainSettings(), few)) is None)

    check()
    assert refused == {True, False}, "inputs of both kinds were tried"


@BOUNDED
@given(st.text(max_size=60) | st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value, default=str)))
def test_any_text_of_a_queue_row_is_settings_or_refused(text):
    judged(lambda: TrainSettings.model_validate_json(text))


@BOUNDED
@given(st.sampled_from(sorted(PRESETS)), st.data())
def test_any_change_to_a_preset_is_settings_or_refused(name, data):
    runs = PRESETS[name].runs
    base = runs[0][1]
    paths = [
        f"{part}.{field}" for part in ("task", "model", "optim") for field in type(getattr(base, part)).model_fields
    ]
    values = data.draw(st.dictionaries(st.sampled_from([*paths, "seed", "device"]), LIKELY | ODD, max_size=4))
    judged(lambda: changed(base, values))


HURTFUL = ["[" * 100_000, '{"task":' * 100_000, '{"seed": 1e999}', '{"seed": NaN}', '{"seed": %s}' % ("1" * 100_000)]


@pytest.mark.parametrize("text", HURTFUL)
def test_json_that_is_made_to_hurt_is_refused(text):
    assert judged(lambda: TrainSettings.model_validate_json(text)) is None


def test_ten_thousand_unknown_fields_are_one_refusal():
    tree = {f"{'long' * 50}\n{i}": i for i in range(10_000)}
    assert judged(lambda: TrainSettings.model_validate(tree)) is None
