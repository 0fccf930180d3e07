"""A checkpoint is checked before anything is written, and is never pickle."""

import json

import pytest
import torch
from safetensors.torch import load, save

from ssmviz.traces import Checkpoint
from ssmviz.training.loop import train


@pytest.fixture
def saved(make_settings):
    return next(e for e in train(make_settings()) if isinstance(e, Checkpoint)).data


def rewritten(data, change):
    tensors = load(data)
    size = int.from_bytes(data[:8], "little")
    metadata = json.loads(data[8 : 8 + size])["__metadata__"]
    change(tensors, metadata)
    return save(tensors, metadata)


def a_parameter(tensors):
    return next(name for name in sorted(tensors) if name.startswith("parameter/"))


def test_it_is_safetensors_and_holds_parameters_and_optimiser_state(saved):
    kinds = {name.split("/")[0] for name in load(saved)}
    assert kinds == {"parameter", "optimiser"}


@pytest.mark.parametrize("junk", [b"", b"junk", b"\x80\x04\x95" + bytes(100), bytes(64)])
def test_other_bytes_are_refused(make_settings, junk):
    with pytest.raises(ValueError, match="expected a"):
        next(train(make_settings(), junk))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, m: t.pop(a_parameter(t)), "lacks"),
        (lambda t, m: t.update(extra=torch.zeros(1)), "extra"),
        (lambda t, m: t.update({a_parameter(t): torch.zeros(3)}), "must be torch.float32"),
        (lambda t, m: t[a_parameter(t)].fill_(float("nan")), "no numbers"),
        (lambda t, m: m.update(format="other"), "format"),
        (lambda t, m: m.pop("counters"), "counters"),
        (lambda t, m: m.update(counters='{"step": 6}'), "counters"),
        (lambda t, m: m.update(counters=m["counters"].replace('"step": 6', '"step": 99')), "step 99"),
        (lambda t, m: m.update(settings="{"), "settings"),
    ],
)
def test_a_changed_checkpoint_is_refused_in_words(make_settings, saved, change, message):
    with pytest.raises(ValueError, match=message):
        next(train(make_settings(), rewritten(saved, change)))


@pytest.mark.parametrize(
    ("other", "message"),
    [({"task": {"L": 17}}, r"task\.L"), ({"model": {"N": 5}}, r"model\.N"), ({"layer": "s4d"}, r"model\.layer")],
)
def test_a_checkpoint_of_another_run_is_refused(make_settings, saved, other, message):
    with pytest.raises(ValueError, match=message):
        next(train(make_settings(**other), saved))


def test_an_optimiser_cannot_be_changed_on_the_way(make_settings, saved):
    with pytest.raises(ValueError, match="optimiser"):
        next(train(make_settings(optim={"optimiser": "adamw"}), saved))
