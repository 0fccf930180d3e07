"""The recordings that lessons open on are those of their presets, small, and show what their pages say."""

from pathlib import Path

import pytest

from ssmviz.presets import LAB, PRESETS
from ssmviz.runs.recording import SUFFIX, Recording, read_recording

FOLDER = Path(__file__).parent.parent / "assets" / "recordings"
RECORDED = sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))
LARGEST = 320_000  # bytes of a lesson's; the lab's show every channel


def recording(name: str) -> Recording:
    return read_recording(FOLDER / f"{name}{SUFFIX}")


def scores(name: str) -> dict[str, float]:
    return {run.label: run.token_accuracy for run in recording(name).summary().runs}


def ladder(name: str) -> dict[str, dict[int, float]]:
    """Token accuracy by length, for each label."""
    rec = recording(name)
    return {
        run.label: {m.data["length"]: m.data["token_accuracy"] for m in rec.metrics_since(run.id) if m.kind == "rung"}
        for run in rec.summary().runs
    }


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_is_of_a_preset_as_it_is_now(name):
    summary = recording(name).summary()
    assert summary.experiment.preset == name
    assert tuple((run.label, run.settings) for run in summary.runs) == PRESETS[name].runs
    assert {run.state for run in summary.runs} == {"done"}


@pytest.mark.parametrize("name", sorted(set(RECORDED) - set(LAB)))
def test_a_lesson_s_recording_is_small_and_moves(name):
    rec = recording(name)
    assert (FOLDER / f"{name}{SUFFIX}").stat().st_size < LARGEST
    assert all(len(rec.frame_steps(run.id)) >= 2 for run in rec.summary().runs)


def test_half_of_selection_nearly_does_but_only_delta_does_at_other_lengths():
    got, longer = scores("switches"), ladder("switches")
    assert got["all"] > 0.99
    assert min(got["Δ alone"], got["B and C"]) > 0.9 > got["none"]
    assert longer["Δ alone"][128] > 0.85
    assert longer["B and C"][128] < 0.6
    assert longer["none"][128] < 0.3


def test_both_views_score_the_same_at_every_test():
    rec = recording("two_views")
    curves = [
        [m.data["token_accuracy"] for m in rec.metrics_since(run.id) if m.kind == "evaluation"]
        for run in rec.summary().runs
    ]
    assert curves[0] == curves[1]
    assert curves[0][-1] > 0.99
    notes = [m.data["text"] for run in rec.summary().runs for m in rec.metrics_since(run.id) if m.kind == "message"]
    (apart,) = (float(text.rpartition(" ")[2]) for text in notes if "one by one" in text)
    assert apart < 1e-3


def test_poles_that_oscillate_wait_and_real_ones_do_not():
    got = scores("s4d_inits")
    assert min(got["Lin"], got["Inv"], got["LegS"]) > 0.9
    assert got["Real"] < 0.6


def test_without_its_convolution_the_block_learns_nothing_and_without_its_gate_all():
    got = scores("ablations")
    assert min(got["whole"], got["no gate"]) > 0.99
    assert got["no convolution"] < 0.3


def test_both_networks_learn_the_lengths_of_training_and_only_s6_those_beyond():
    got, longer = scores("against_attention"), ladder("against_attention")
    assert min(got.values()) > 0.98
    assert longer["S6"][1024] > 0.95
    assert longer["Transformer"][1024] < 0.2


def test_equal_scans_learn_the_same():
    got = scores("backends")
    assert max(got.values()) - min(got.values()) < 0.02
