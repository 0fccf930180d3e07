"""Who is next."""

import pytest

from ssmviz.runs.fair import Line, Waiting, next_runs
from tests.runs.lab import settings


def waiting(name, owner="", runs=2, begun=False, most=0):
    return Waiting(name, owner, tuple(f"{name}{i}" for i in range(runs)), begun, most)


def told(*queue, busy=None, held=None, slots=4, places=16):
    """What everybody in the queue reads, by the name of the experiment."""
    line = Line(queue, busy or {}, held or busy or {}, slots, places)
    return {name: str(place) for name, place in line.standing().items()}


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


def test_who_has_as_many_at_work_as_one_person_may_is_passed_over():
    queue = [waiting("a", "ann", most=2), waiting("b", "bob", most=2)]
    assert next_runs(queue, {"ann": 2}, 2) == ["b0", "b1"]
    assert next_runs(queue[:1], {"ann": 2}, 10) == []


def test_a_paused_run_counts_for_its_owner():
    assert next_runs([waiting("a", "ann", most=2)], {}, 4, held={"ann": 2}) == []


def test_an_experiment_larger_than_the_limit_of_a_person_runs_alone():
    queue = [waiting("a", "ann", runs=4, most=2), waiting("b", "ann", most=2)]
    assert next_runs(queue, {}, 8) == ["a0", "a1", "a2", "a3"]


def test_paused_runs_leave_no_more_places_than_there_is_memory_for():
    line = Line((waiting("a"),), {"x": 1}, {"x": 15}, slots=4, places=16)
    assert line.free == 1
    assert line.start_now() == []


def test_a_class_that_pauses_everything_still_trains_one_experiment():
    line = Line((waiting("a"), waiting("b")), {}, {"x": 16}, slots=4, places=16)
    assert line.start_now() == ["a0", "a1"]
    assert line.standing()["a"].reason == "it starts in a moment"


def test_everybody_in_the_queue_knows_the_place_and_the_reason():
    queue = [waiting("a", "ann"), waiting("b", "ann"), waiting("c", "bob")]
    assert told(*queue, busy={"carl": 4}) == {
        "a": "1st in the queue: all 4 places are taken",
        "c": "2nd in the queue: all 4 places are taken",
        "b": "3rd in the queue: all 4 places are taken",
    }


def test_who_has_runs_at_work_reads_that_others_go_first():
    queue = [waiting("a", "ann"), waiting("b", "bob"), waiting("c", "carl")]
    assert told(*queue, busy={"ann": 2, "x": 2})["a"] == "3rd in the queue: 2 of your runs are at work, others go first"


def test_who_has_reached_the_limit_reads_it():
    assert told(waiting("a", "ann", most=2), busy={"ann": 2}) == {
        "a": "1st in the queue: 2 of your runs are at work, one person may have 2 at a time"
    }
    one = told(waiting("a", "ann", most=2), busy={}, held={"ann": 1})["a"]
    assert one == "1st in the queue: 1 of your runs is at work, one person may have 2 at a time"


def test_other_reasons_to_wait_are_named():
    assert told(waiting("a", runs=5), busy={"x": 1})["a"].endswith(
        "it needs 5 places of 4, so it starts when nothing else runs"
    )
    assert told(waiting("a"), busy={"x": 3})["a"].endswith("1 of 4 places is free, it needs 2")
    assert told(waiting("a"), busy={"x": 1}, held={"x": 16})["a"].endswith("15 paused runs take up the memory")
    assert told(waiting("a"))["a"].endswith("it starts in a moment")
    assert told(waiting("a", begun=True), busy={"x": 4})["a"].endswith("it goes on in a moment")
    assert told(waiting("a"), waiting("b"))["b"].endswith("others came first")


def test_places_are_those_in_which_runs_would_start():
    queue = tuple(waiting(str(i), owner, most=2) for i, owner in enumerate("aabbcc"))
    line = Line(queue, {"a": 2}, slots=6)
    assert line.start_now() == ["20", "21", "40", "41"]
    assert list(line.standing()) == ["2", "4", "0", "3", "5", "1"]


def test_numbers_are_read_aloud_right():
    queue = [waiting(f"{i:03}", str(i)) for i in range(113)]
    places = list(told(*queue, busy={"x": 4}).values())
    for number, words in ((1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd"), (112, "112th")):
        assert places[number - 1].startswith(f"{words} in the queue")


def test_where_there_is_no_machine_nothing_starts_and_everybody_reads_it():
    line = Line((waiting("a"),), slots=0, places=0)
    assert line.start_now() == []
    assert line.standing()["a"].reason == "there is no machine for it now, it starts when one is back"


@pytest.mark.parametrize(
    ("said", "decided", "slots"),
    [((4, 16), 0, 4), ((4, 16), 8, 8), ((4, 16), 99, 16), ((4, 4), 8, 4), ((0, 0), 8, 0), ((4, 16), 2, 2)],
)
def test_those_who_look_know_the_room_that_the_launcher_has(store, said, decided, slots):
    store.create_experiment("key", "Title", [("S6", settings())])
    store.run_at_once(decided)
    assert store.line(*said).slots == slots
    assert (store.line().slots, store.line().places) == (slots, said[1])
    assert store.slots() == slots
