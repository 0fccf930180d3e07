"""The room: its code, what it shows, and one vote a person."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ssmviz.classroom.guesses import Guesses
from ssmviz.classroom.room import LETTERS, PER_ADDRESS, PER_PERSON, Room, RoomError

ANSWERS = ("the same", "another", "neither")


@pytest.fixture
def room(tmp_path) -> Room:
    return Room(tmp_path)


def enter(room: Room, *people: str) -> None:
    for person in people:
        room.join(person, room.state().code)


def vote(room: Room, person: str, choice: int | None) -> bool:
    return room.vote(person, "two_views", "How far?", ANSWERS, choice)


def counts(room: Room) -> tuple[int, ...]:
    return room.state().questions["two_views"].counts


def test_before_a_room_is_opened_there_is_no_file_and_nothing_can_be_done(room, tmp_path):
    assert room.state() is None
    assert room.state(last=True) is None
    assert not room.has("a")
    assert room.vote_of("a", "two_views") is None
    with pytest.raises(RoomError, match="no room is open"):
        room.join("a", "ABCDEF")
    room.close()
    assert list(tmp_path.iterdir()) == []


def test_a_code_is_short_and_holds_nothing_that_is_read_as_something_else(room):
    code = room.open().code
    assert len(code) == 6
    assert set(code) <= set(LETTERS)
    assert not set(LETTERS) & set("0O1IL")


def test_opening_twice_is_one_room_and_opening_again_is_another_code(room):
    first = room.open("Course")
    assert room.open().code == first.code
    room.close()
    assert room.state() is None
    assert room.open().code != first.code


def test_a_room_outlives_the_server(room, tmp_path):
    code = room.open("Course").code
    enter(room, "a")
    again = Room(tmp_path)
    assert again.state().code == code
    assert again.has("a")


def test_a_code_may_be_typed_in_small_letters_and_with_spaces(room):
    code = room.open().code
    room.join("a", f" {code[:3].lower()} {code[3:].lower()} ")
    assert room.has("a")


def test_wrong_codes_are_explained_then_slowed_for_one_person_and_heard_again_later(tmp_path):
    now = [0.0]
    room = Room(tmp_path, Guesses(lambda: now[0]))
    code = room.open().code
    for _ in range(PER_PERSON):
        with pytest.raises(RoomError, match="not the code"):
            room.join("a", "?" * 6)
    with pytest.raises(RoomError, match="wait 60 s"):
        room.join("a", code)
    room.join("b", code)  # somebody else is not slowed
    now[0] = 60
    room.join("a", code)


def test_who_throws_cookies_away_is_slowed_by_address(tmp_path):
    room = Room(tmp_path, Guesses(lambda: 0.0))
    room.open()
    for i in range(PER_ADDRESS):
        with pytest.raises(RoomError, match="not the code"):
            room.join(f"person {i}", "AAAAAA", address="10.0.0.1")
    with pytest.raises(RoomError, match="too many"):
        room.join("yet another", "AAAAAA", address="10.0.0.1")


def test_nobody_in_particular_cannot_join(room):
    code = room.open().code
    with pytest.raises(RoomError, match="cookie"):
        room.join("", code)


def test_closing_ends_everything_but_the_votes_for_the_export(room):
    number = room.open().number
    enter(room, "a")
    vote(room, "a", 1)
    room.broadcast("x", "Copying")
    room.lend("x")
    room.lend("y")
    assert room.close() == ("x", "y")
    assert room.close() == ()
    assert room.state() is None
    assert not room.has("a")
    assert not room.vote_of("a", "two_views")
    assert room.ballots(number) == [("two_views", "a", 1)]
    with pytest.raises(RoomError, match="closed"):
        vote(room, "a", 2)
    room.open()
    assert room.ballots(number) == []


def test_a_move_of_the_presenter_is_a_link_with_a_new_number(room):
    room.open()
    room.show("two_views", "two_views_r=0.9", "Two views")
    first = room.state().link
    room.show("two_views", "two_views_r=0.9", "Two views")
    assert (first.page, first.query, first.title) == ("two_views", "two_views_r=0.9", "Two views")
    assert room.state().link.serial == first.serial + 1


@pytest.mark.parametrize(
    ("page", "query"), [("https://elsewhere", ""), ("../x", ""), ("//evil", ""), ("lab", "x" * 9000)]
)
def test_only_a_page_of_ours_can_be_shown(room, page, query):
    room.open()
    with pytest.raises(RoomError, match="page"):
        room.show(page, query, "")
    assert room.state().link is None


def test_students_pages_must_change_for_a_run_or_a_question_but_not_for_a_move_or_a_vote(room):
    room.open()
    enter(room, "a")

    def version_after(act):
        before = room.state().version
        act()
        return room.state().version - before

    assert version_after(lambda: room.show("lab", "", "Lab")) == 0
    assert version_after(lambda: vote(room, "a", 0)) == 0
    assert version_after(lambda: room.broadcast("x")) == 1
    assert version_after(lambda: room.ask("two_views", "How far?", ANSWERS)) == 1
    assert version_after(lambda: room.close_question("two_views")) == 1
    assert version_after(lambda: room.reveal("two_views")) == 1


def test_a_vote_may_be_changed_and_taken_back_until_the_question_is_closed(room):
    room.open()
    enter(room, "a", "b")
    assert vote(room, "a", 0)
    assert vote(room, "b", 0)
    assert vote(room, "a", 2)
    assert counts(room) == (1, 0, 1)
    assert vote(room, "b", None)
    assert counts(room) == (0, 0, 1)
    room.close_question("two_views")
    assert not vote(room, "a", 1)
    assert not vote(room, "b", 1)
    assert counts(room) == (0, 0, 1)
    assert room.vote_of("a", "two_views") == 2
    room.ask("two_views", "How far?", ANSWERS)
    assert vote(room, "a", 1)


def test_showing_the_histogram_ends_the_vote(room):
    room.open()
    enter(room, "a")
    vote(room, "a", 0)
    room.reveal("two_views")
    assert room.state().questions["two_views"].shown
    assert not vote(room, "a", 1)
    room.reveal("two_views", False)
    assert not room.state().questions["two_views"].shown


def test_only_members_vote_and_only_for_what_is_offered(room):
    room.open()
    enter(room, "a")
    assert not vote(room, "stranger", 0)
    for choice in (-1, 3, 10**9):
        with pytest.raises(RoomError, match="choose one of 3"):
            vote(room, "a", choice)
    room.leave("a")
    assert not vote(room, "a", 0)


def test_thirty_people_voting_at_once_are_thirty_votes(room):
    room.open()
    people = [f"person {i}" for i in range(30)]
    enter(room, *people)
    with ThreadPoolExecutor(30) as pool:
        done = list(pool.map(lambda i: vote(room, people[i % 30], (i // 30 + i) % 3), range(240)))
    assert all(done)
    assert sum(counts(room)) == 30
    assert len({person for _, person, _ in room.ballots(room.state().number)}) == 30


def test_two_presenters_opening_at_once_are_in_one_room(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(lambda _: Room(tmp_path).open().code, range(16)))
    assert len(codes) == 1
