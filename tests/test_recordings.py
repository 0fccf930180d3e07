"""The recordings that lessons open on are those of their presets, small, and show what their pages say."""

from pathlib import Path

import pytest

from ssmviz.frames import unpack
from ssmviz.presets import PRESETS
from ssmviz.runs.recording import SUFFIX, Recording, read_recording
from ssmviz.tasks.mass_spring import poles
from ssmviz.tasks.resampled import FOLLOWS, STAYS

FOLDER = Path(__file__).parent.parent / "assets" / "recordings"
RECORDED = sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))
WHOLE = {"selective_copying", "copying", "induction_heads"}  # of these every channel can be looked at
LARGEST = 320_000  # bytes of any other


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


@pytest.mark.parametrize("name", sorted(set(RECORDED) - WHOLE))
def test_a_recording_is_small_and_moves(name):
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


def test_a_matrix_and_a_selective_state_both_hold_four_pairs_and_a_fixed_state_does_not():
    assert min(scores("recall_retnet").values()) > 0.99
    assert scores("associative_recall")["S4D"] < 0.7


def test_in_one_block_attention_fails_beyond_the_lengths_of_training_and_s6_does_not():
    got, longer = scores("induction_attention"), ladder("induction_attention")
    assert min(got.values()) > 0.98
    assert longer["S6"][1024] > 0.99
    assert longer["Attention"][1024] < 0.8


def test_short_lists_need_no_selection_and_long_texts_do():
    got, longer = scores("listops"), ladder("text")
    assert abs(got["S6"] - got["S4D"]) < 0.05
    assert longer["S6"][512] > 0.5 > 0.35 > longer["S4D"][512]


def test_complex_states_hear_a_sound_better_than_real_ones():
    rec = recording("audio")
    error = {
        run.label: [m.data["error"] for m in rec.metrics_since(run.id) if m.kind == "evaluation"][-1]
        for run in rec.summary().runs
    }
    assert error["S4D"] < error["S6"] < error["real S4D"]


def test_equal_scans_learn_the_same():
    got = scores("backends")
    assert max(got.values()) - min(got.values()) < 0.02


def test_the_learned_poles_are_the_true_ones_and_real_poles_cannot_ring():
    rec = recording("mass_spring")
    errors = {
        run.label: [m.data["error"] for m in rec.metrics_since(run.id) if m.kind in ("evaluation", "rung")]
        for run in rec.summary().runs
    }
    assert max(errors["complex poles"][-6:]) < 0.001
    assert min(errors["real poles"]) > 0.4
    run = next(run for run in rec.summary().runs if run.label == "complex poles")
    frame = unpack(rec.frame(run.id, rec.frame_steps(run.id)[-1]))
    learned = frame["0.A"][0] + 1j * abs(frame["0.A_imag"][0])
    assert max(abs(learned - pole).min() for pole in poles(run.settings.task)) < 0.001


def test_random_poles_forget_what_hippo_s_remember():
    got = scores("digits")
    assert got["HiPPO"] > 0.95
    assert got["HiPPO"] - got["random"] > 0.12


def test_tones_are_right_at_every_sampling_rate_only_while_delta_follows():
    rec = recording("resampled")
    (run,) = rec.summary().runs
    rungs = [m.data for m in rec.metrics_since(run.id) if m.kind == "rung"]
    follows = [r["token_accuracy"] for r in rungs if r["label"] == FOLLOWS]
    stays = [r["token_accuracy"] for r in rungs if r["label"] == STAYS and r["length"] != run.settings.task.L]
    assert (len(follows), len(stays)) == (4, 3)
    assert min(follows) > 0.95
    assert max(stays) < 0.3
