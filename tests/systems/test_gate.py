"""You are the gate: what can be recalled when only Delta is painted."""

import numpy as np
import pytest

from ssmviz.systems import discretise
from ssmviz.systems.continuous import Diagonal
from ssmviz.systems.gate import (
    CLASSES,
    NOTHING,
    Gate,
    answers,
    asked_states,
    by_kind,
    outcome,
    parse,
    read_out,
    shuffled,
    states,
)

STRIP = "..C....A......F.H......."
JUNK = "dCbhaf.gBc.eadhFb.gcHfa."
DOCUMENTS = "ABDHC.GEBFA|.F.A...G..C."
SAMPLING = 0.04  # of a few hundred strips


def painted(strip: str, *, rest: float, letters: float = 0.5, boundary: float | None = None) -> Gate:
    return Gate(by_kind(strip, letters=letters, rest=rest, boundary=boundary))


def constant(strip: str, delta: float) -> Gate:
    return Gate(np.full(len(strip), delta))


@pytest.mark.parametrize(("N", "gate", "fixed"), [(1, 0.36, 0.34), (2, 0.43, 0.34), (4, 0.80, 0.39), (8, 1.00, 0.38)])
def test_a_gate_beats_a_constant_delta_the_more_states_there_are(N, gate, fixed):
    assert outcome(STRIP, painted(STRIP, rest=0), N).token == pytest.approx(gate, abs=SAMPLING)
    assert outcome(STRIP, constant(STRIP, 0.5), N).token == pytest.approx(fixed, abs=SAMPLING)


@pytest.mark.parametrize(("leak", "token"), [(0.001, 1.00), (0.01, 0.99), (0.05, 0.75), (0.1, 0.56)])
def test_time_that_leaks_into_noise_costs_letters(leak, token):
    assert outcome(STRIP, painted(STRIP, rest=leak), 8).token == pytest.approx(token, abs=SAMPLING)


@pytest.mark.parametrize("L", [100, 400])
def test_a_gate_that_skips_noise_is_exact_at_every_length(L):
    strip = "A" + "." * (L // 3) + "B.C" + "." * (L - L // 3 - 5) + "D"
    assert len(strip) == L
    assert outcome(strip, painted(strip, rest=0), 8).sequence == 1


def test_no_constant_delta_recalls_half_of_the_letters():
    best = max(outcome(STRIP, constant(STRIP, d), 8).token for d in np.geomspace(0.01, 5, 13))
    assert 0.4 < best < 0.5


def test_at_the_questions_the_ages_give_what_the_recurrence_gives():
    rng = np.random.default_rng(0)
    gate = Gate(rng.uniform(0, 2, 24), rng.uniform(0, 1, 24))
    for strip in (STRIP, JUNK, DOCUMENTS):
        strips = shuffled(strip, 5)
        marched = states(strips, gate, 6)[:, 24:]
        np.testing.assert_allclose(asked_states(strips, gate, 6), marched, atol=1e-12)


def test_one_channel_is_the_zero_order_hold_of_a_diagonal_system():
    h = states(parse("A"), Gate(np.array([0.7])), 3)
    system = Diagonal(A=[-1, -2, -3], B=[1, 1, 1], C=[1, 1, 1], D=0)
    step = discretise.discretise(system, 0.7, "zoh")
    np.testing.assert_allclose(h[0, 0, 0], step.B_bar.real, atol=1e-12)
    np.testing.assert_allclose(h[0, 1, 0], (step.A_bar * step.B_bar).real, atol=1e-12)


def test_zero_delta_keeps_the_state_exactly_and_a_large_one_leaves_the_letter_alone():
    delta = np.array([0.5, 0.0, 0.0, 30.0])
    h = states(parse("A..B"), Gate(delta), 4)[0]
    np.testing.assert_array_equal(h[0], h[2])
    assert np.abs(h[3, 0]).max() < 1e-12
    np.testing.assert_allclose(h[3, 1], 1 / np.arange(1, 5))


def test_selective_copying_keeps_the_order_and_randomises_the_gaps():
    strips = shuffled(STRIP)
    letters = np.take_along_axis(strips.source, strips.asked, axis=1)
    np.testing.assert_array_equal(letters, np.tile([2, 7, 14, 16], (len(letters), 1)))
    gaps = np.diff(strips.asked, axis=1)
    assert len(np.unique(gaps, axis=0)) > 500
    assert set(strips.targets.ravel()) == set(range(CLASSES))


def test_tokens_stay_in_their_document():
    strips = shuffled(DOCUMENTS, 50)
    assert (strips.source[:, 11] == 11).all()
    assert (strips.source[:, :11] < 11).all()
    assert (strips.asked > 11).all()


def test_a_small_state_has_no_room_for_two_documents_unless_the_boundary_resets_it():
    frozen = outcome(DOCUMENTS, painted(DOCUMENTS, rest=0, boundary=0), 4).token
    reset = outcome(DOCUMENTS, painted(DOCUMENTS, rest=0, boundary=5), 4).token
    assert frozen < 0.6
    assert reset > 0.8


def test_a_reset_makes_packed_documents_the_same_as_separate_ones():
    packed = parse(DOCUMENTS)
    alone = parse(DOCUMENTS[12:])
    separate = states(alone, painted(DOCUMENTS[12:], rest=0), 8)[0]
    reset, frozen = (states(packed, painted(DOCUMENTS, rest=0, boundary=b), 8)[0, 12:] for b in (30, 0))
    assert np.abs(reset - separate).max() < 1e-6
    assert np.abs(frozen - separate).max() > 1e-2


def test_a_selective_b_keeps_junk_out_and_cannot_stop_its_time():
    write = np.array([0.0 if c in "abcdefgh" else 1.0 for c in JUNK])
    deaf = outcome(JUNK, constant(JUNK, 0.02), 8).token
    selective = outcome(JUNK, Gate(np.full(24, 0.02), write), 8).token
    assert deaf < 0.3
    assert 0.4 < selective < 0.5
    assert outcome(JUNK, painted(JUNK, rest=0), 8).token == 1


def test_a_selective_c_needs_questions_that_differ():
    same = outcome(STRIP, constant(STRIP, 0.1), 8).token
    numbered = outcome(STRIP, Gate(np.full(24, 0.1), numbered=True), 8).token
    assert numbered > same + 0.2


def test_where_nothing_is_written_nothing_is_answered():
    gate = constant(STRIP, 0.0)
    strips = parse(STRIP)
    h = asked_states(strips, gate, 8)
    assert (answers(h, read_out(h, strips.targets)) == NOTHING).all()
    assert outcome(STRIP, gate, 8).token == 0


@pytest.mark.parametrize("strip", ["", "AX", "...", "A|.", "A B"])
def test_what_is_no_strip_is_refused(strip):
    with pytest.raises(ValueError, match="strip"):
        parse(strip)


@pytest.mark.parametrize("gate", [Gate(np.ones(3)), Gate(-np.ones(24)), Gate(np.ones(24), np.ones(2))])
def test_what_is_no_gate_is_refused(gate):
    with pytest.raises(ValueError, match="delta"):
        outcome(STRIP, gate, 8)
