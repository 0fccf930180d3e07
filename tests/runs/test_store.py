"""The store by itself: no process but this one."""

import itertools
import sqlite3
import threading

import pytest

from ssmviz import home
from ssmviz.runs import records
from ssmviz.runs.quota import Quota
from ssmviz.runs.records import Fenced, Refused, read_settings
from ssmviz.runs.store import Store
from tests.runs.conftest import settings

GB = 10**9


def create(store, *labels, key="key", **kwargs):
    labels = labels or ("S6", "S4D")
    row = store.create_experiment(key, "Title", [(label, settings()) for label in labels], **kwargs)
    return row, store.runs_of(row.id)


def begin(store):
    """A run of its first attempt, and its file."""
    _, (run, *_) = create(store)
    attempt = store.claim(run.id)
    store.move(run.id, "running", attempt=attempt)
    db = store.rundb(run.id, attempt)
    db.begin_attempt(None, {})
    return run.id, db


def test_what_was_stored_is_read_back(store):
    row, runs = create(store, preset="lab")
    assert store.experiment(row.id) == row
    assert (row.title, row.preset, row.read_only) == ("Title", "lab", False)
    assert [(run.label, run.position, run.state, run.settings) for run in runs] == [
        ("S6", 0, "queued", settings()),
        ("S4D", 1, "queued", settings()),
    ]


def test_one_key_is_one_experiment_from_many_threads(store):
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(create(store)[0].id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == len(store.experiments()) == 1
    assert len(list((store.root / "runs").iterdir())) == 2, "those that came too late left nothing"


def test_the_newest_experiment_comes_first_whatever_the_clock_says(store, monkeypatch):
    times = iter([2e9, 1e9, 3e9])
    monkeypatch.setattr("ssmviz.runs.store.time.time", lambda: next(times))
    ids = [create(store, key=str(i))[0].id for i in range(3)]
    assert [row.id for row in store.experiments()] == ids[::-1]
    assert [row.id for row in store.experiments(limit=1)] == ids[2:]
    assert [run.experiment for run in store.runs_in(("queued",))] == [id_ for id_ in ids for _ in "ab"]


def test_names_are_cut_and_hold_no_control_characters(store):
    _, (run,) = create(store, "x" * 200)
    assert len(run.label) == 80
    assert store.create_experiment("k2", "a\0b\nc" + "d" * 200, [("r", settings())]).title == "abc" + "d" * 77


def test_a_run_is_claimed_once(store):
    _, (run, _) = create(store)
    assert store.claim(run.id) == 1
    assert store.claim(run.id) is None


def test_an_old_attempt_can_change_nothing(store):
    run, old = begin(store)
    assert store.move(run, "queued", attempt=1)
    assert store.claim(run) == 2
    new = store.rundb(run, 2)
    new.begin_attempt(None, {})
    assert not store.move(run, "done", attempt=1)
    with pytest.raises(Fenced):
        store.note(run, 1, step=5)
    writes = (
        lambda: old.append([("message", 1, {})]),
        lambda: old.put_frame(1, b"old"),
        lambda: old.put_checkpoint(1, b"old"),
        lambda: old.begin_attempt(None, {}),
    )
    for write in writes:
        with pytest.raises(Fenced):
            write()
    assert (store.frame_steps(run), store.load_checkpoint(run)) == ([], None)


def test_a_new_attempt_forgets_what_came_after_its_checkpoint(store):
    run, db = begin(store)
    for step in (10, 20, 30):
        db.append([("steps", step, {"steps": [step - 1, step], "losses": [0.5, 0.4]}), ("evaluation", step, {})])
        db.put_frame(step, b"frame")
    db.append([("rung", 20, {}), ("finished", 20, {})])
    db.append([("steps", 23, {"steps": [19, 20, 21, 22, 23], "losses": [1, 2, 3, 4, 5]})])
    store.move(run, "queued", attempt=1)
    store.rundb(run, store.claim(run)).begin_attempt(20, {"device": "cpu"})
    assert store.frame_steps(run) == [10, 20]
    rows = [(m.kind, m.step) for m in store.metrics_since(run)]
    assert rows == [
        *[("started", 0), ("steps", 10), ("evaluation", 10), ("steps", 20), ("evaluation", 20)],
        *[("steps", 20), ("started", 20)],
    ]
    assert store.metrics_since(run)[-2].data == {"steps": [19, 20], "losses": [1, 2]}


def test_metrics_come_in_pages_from_any_row(store, monkeypatch):
    monkeypatch.setattr("ssmviz.runs.rundb.PAGE", 4)
    run, db = begin(store)
    db.append([("message", i, {"text": str(i)}) for i in range(10)])
    seen, rowid = [], 0
    while page := store.metrics_since(run, rowid):
        assert len(page) <= 4
        seen += page
        rowid = page[-1].rowid
    assert [m.data.get("text") for m in seen[1:]] == [str(i) for i in range(10)]


def test_numbers_that_json_has_no_word_for_become_null(store):
    run, db = begin(store)
    db.append([("evaluation", 1, {"loss": float("nan"), "rows": [float("inf"), 1.0]})])
    assert store.metrics_since(run)[-1].data == {"loss": None, "rows": [None, 1.0]}


def test_two_checkpoints_are_kept_and_a_damaged_one_is_passed_over(store):
    run, db = begin(store)
    assert store.load_checkpoint(run) is None
    for step in (10, 20, 30):
        db.put_checkpoint(step, b"data %d" % step)
    assert store.load_checkpoint(run) == (30, b"data 30")
    with sqlite3.connect(db.path) as raw:
        assert raw.execute("SELECT count(*) FROM checkpoints").fetchone() == (2,)
        raw.execute("UPDATE checkpoints SET data = x'00' WHERE step = 30")
    raw.close()
    assert store.load_checkpoint(run) == (20, b"data 20")


def test_frames_are_thinned_to_their_number_evenly_with_first_and_newest(store, monkeypatch):
    monkeypatch.setattr(records, "MAX_FRAMES", 50)
    run, db = begin(store)
    for step in range(0, 4000, 10):
        db.put_frame(step, b"x" * 100)
        assert store.newest_frame_step(run) == step
    kept = store.frame_steps(run)
    assert 25 <= len(kept) <= 50
    assert (kept[0], kept[-1]) == (0, 3990)
    gaps = {b - a for a, b in itertools.pairwise(kept[:-1])}
    assert len(gaps) == 1, "all but the newest lie equally far apart"
    assert [step for step, _ in store.frames_after(run, 2000)] == [step for step in kept if step > 2000]


def test_a_quota_may_ask_for_fewer_frames(store):
    row = store.create_experiment("few", "Few", [("S6", settings())], quota=Quota(frames=10))
    (run,) = store.runs_of(row.id)
    db = store.rundb(run.id, store.claim(run.id))
    db.begin_attempt(None, {})
    for step in range(100):
        db.put_frame(step, b"x")
    kept = store.frame_steps(run.id)
    assert 5 <= len(kept) <= 10
    assert (kept[0], kept[-1]) == (0, 99)


def test_frames_are_thinned_to_their_bytes(store, monkeypatch):
    monkeypatch.setattr(records, "MAX_FRAME_TOTAL", 10_000)
    run, db = begin(store)
    for step in range(100):
        db.put_frame(step, b"x" * 1000)
    assert 5 <= len(store.frame_steps(run)) <= 10


def test_a_frame_of_the_same_step_replaces_the_first_and_is_the_newest(store):
    run, db = begin(store)
    db.put_frame(5, b"own probe", 0)
    before = store.newest_frame(run)
    db.put_frame(5, b"edited", 1)
    assert store.frame_steps(run) == [5]
    assert store.frame(run, 5) == b"edited"
    assert store.newest_frame(run).seq > before.seq
    assert store.newest_frame(run).probe_version == 1


def test_a_full_disk_stops_frames_and_new_runs_but_not_metrics(tmp_path):
    room = [10 * GB]
    store = Store(tmp_path, free=lambda path: room[0])
    run, db = begin(store)
    room[0] = records.MIN_FREE_FRAMES - 1
    assert db.put_frame(1, b"frame") is False
    db.append([("message", 1, {"text": "still here"})])
    create(store, key="small ones still start")
    room[0] = records.MIN_FREE_RUN - 1
    with pytest.raises(Refused, match="is nearly full"):
        create(store, key="no room")
    assert store.metrics_since(run)[-1].data == {"text": "still here"}


def test_too_many_waiting_runs_are_refused(store, monkeypatch):
    monkeypatch.setattr(records, "MAX_QUEUED", 3)
    create(store)
    with pytest.raises(Refused, match="are waiting already"):
        create(store, key="too much")


def test_a_damaged_index_is_made_again_from_the_runs(store):
    row, runs = create(store, preset="lab")
    attempt = store.claim(runs[0].id)
    store.move(runs[0].id, "running", attempt=attempt)
    store.move(runs[0].id, "done", attempt=attempt, step=100, token_accuracy=0.5)
    other, _ = create(store, "only", key="other")
    store.close()
    store.root.joinpath("index.db-wal").unlink(missing_ok=True)
    store.root.joinpath("index.db").write_bytes(b"this is no database" * 1000)
    found = store.runs_of(row.id)  # the same process, while it runs
    assert [(run.label, run.state, run.step, run.token_accuracy) for run in found] == [
        ("S6", "done", 100, 0.5),
        ("S4D", "queued", 0, None),
    ]
    again = Store(store.root)
    assert again.experiment(row.id) == row
    assert [r.id for r in again.experiments()] == [other.id, row.id]
    assert create(again)[0].id == row.id, "keys are known again"
    again.close()


def test_a_lost_index_is_made_again(store):
    row, _ = create(store)
    store.close()
    for path in store.root.glob("index.db*"):
        path.unlink()
    assert store.experiments() == [row]


def test_settings_of_a_larger_machine_stay_readable_but_strange_ones_do_not(store):
    run = settings()
    large = run.model_copy(update={"optim": run.optim.model_copy(update={"steps": 10**6, "batch": 1024})})
    assert read_settings(large.model_dump_json()) == large
    _, (row, _) = create(store)
    with sqlite3.connect(store.root / "index.db") as raw:
        raw.execute("UPDATE runs SET settings = '{\"seed\": -1}' WHERE id = ?", (row.id,))
    raw.close()
    assert store.run(row.id).state == "unreadable"


def test_a_home_that_cannot_be_written_to_is_replaced_and_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(home.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "file/home"))
    store = Store()
    assert "cannot be written to" in store.notice
    assert home.VARIABLE in store.notice
    assert create(store)[0].id == Store().experiments()[0].id, "the next start finds the same place"
    store.close()


def test_the_home_is_taken_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "mine"))
    store = Store()
    assert (store.root, store.notice) == ((tmp_path / "mine").resolve(), "")
    store.close()


def test_reading_never_holds_a_transaction_open(store):
    run, db = begin(store)
    for step in range(3):
        db.put_frame(step, b"x")
    frames = store.frames_after(run, -1)
    next(frames)
    writer = sqlite3.connect(db.path, timeout=0.1)
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    busy, pages, _ = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    writer.close()
    assert (busy, pages) == (0, 0)
    assert [step for step, _ in frames] == [1, 2]
