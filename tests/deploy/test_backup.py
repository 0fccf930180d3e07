"""A backup taken while runs train is a whole store; a restored one opens, resumes and is never half there."""

import io
import json
import os
import sqlite3
import tarfile

import pytest

from ssmviz import data
from ssmviz.runs import backup
from ssmviz.runs.records import LIVE, Refused
from ssmviz.runs.store import Store
from tests.runs.fake import SLOW
from tests.runs.lab import Lab, needs_proc, settings


def lines(path):
    with tarfile.open(path) as archive:
        return {entry.name: archive.extractfile(entry).read() for entry in archive}


def rewritten(path, parts):
    """The same backup with other content."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A store whose experiment trains, its backup, and what was known of it at that moment."""
    home = tmp_path_factory.mktemp("busy") / "home"
    lab = Lab(home).open()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSMVIZ_HOME", str(home))
        digest = data.keep("a text of one's own\n" * 20)
    with sqlite3.connect(home / "classroom.db") as room:
        room.execute("PRAGMA journal_mode=WAL")
        room.execute("CREATE TABLE votes (choice)")
        room.execute("INSERT INTO votes VALUES ('b')")
    _, done = lab.start(7, steps=30)
    lab.ended(done[0])
    (home / "cookie.key").write_text("signs the cookies of everybody")
    experiment, runs = lab.start(SLOW, 5, steps=100_000)
    for run in runs:
        lab.reaches(run, 45)
    target = home.parent / "backups" / "one.tar.gz"
    backup.save(home, target)  # while both write
    alive = [lab.store.is_alive(run) for run in runs]
    at = {run: lab.store.step(run) for run in runs}
    curves = {run: lab.curve(run) for run in (*runs, *done)}
    yield lab, target, experiment, runs, done[0], digest, (alive, at, curves)
    lab.store.delete_experiment(experiment)
    room.close()
    assert lab.close() == []


@needs_proc
def test_a_restored_store_has_everything_and_goes_on_where_the_backup_was_made(busy, tmp_path, monkeypatch):
    lab, target, _, runs, done, digest, (alive, at, curves) = busy
    assert alive == [True, True], "the backup disturbed the training"
    backup.restore(target, tmp_path / "home")
    other = Lab(tmp_path / "home")
    assert [row.id for row in other.store.experiments()] == [row.id for row in lab.store.experiments()]
    assert {other.store.run(run).state for run in runs} == {"interrupted"}
    assert other.store.run(done).state == "done"
    for run in (*runs, done):  # all that was known, up to the moment of the copy
        copied = other.curve(run)
        assert len(copied) >= 30
        assert copied.items() <= (curves[run] | lab.curve(run)).items()
    with monkeypatch.context() as patch:
        patch.setenv("SSMVIZ_HOME", str(tmp_path / "home"))
        data.read.cache_clear()
        assert data.read(digest).startswith("a text")
    with sqlite3.connect(tmp_path / "home" / "classroom.db") as room:
        assert room.execute("SELECT choice FROM votes").fetchall() == [("b",)]
    room.close()
    with sqlite3.connect(other.store.folder(runs[0]) / "run.db") as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("wal",)  # readers never wait for the worker
    copy.close()
    assert (tmp_path / "home" / "cookie.key").read_text() == "signs the cookies of everybody"
    assert (tmp_path / "home" / "cookie.key").stat().st_mode & 0o077 == 0
    saved = other.store.rundb(runs[1]).checkpoint()[0]
    other.open()
    try:
        other.client.resume_run(runs[1])
        other.reaches(runs[1], at[runs[1]] + 30)
        assert other.store.run(runs[1]).state in LIVE
        began = [m.step for m in other.store.metrics_since(runs[1]) if m.kind == "started"]
        assert began[-1] == saved >= 20
        shared = other.curve(runs[1]).items() & lab.curve(runs[1]).items()
        assert len(shared) >= 45, "another curve than the original's"
    finally:
        assert other.close() == []


def test_a_backup_is_one_private_file_and_leaves_nothing_beside_it(busy):
    target = busy[1]
    assert os.listdir(target.parent) == [target.name]
    assert target.stat().st_mode & 0o077 == 0
    parts = lines(target)
    assert list(parts)[-2:] == ["index.db", "manifest.json"]
    assert {name.split("/")[0] for name in parts} == {
        "runs",
        "data",
        "cookie.key",
        "classroom.db",
        "index.db",
        "manifest.json",
    }
    assert json.loads(parts["manifest.json"])["parts"].keys() == parts.keys() - {"manifest.json"}


def test_neither_command_writes_over_anything(busy, tmp_path):
    lab, target = busy[:2]
    with pytest.raises(Refused, match="exists"):
        backup.save(lab.store.root, target)
    before = sorted(os.listdir(lab.store.root))
    with pytest.raises(Refused, match="not empty"):
        backup.restore(target, lab.store.root)
    assert sorted(os.listdir(lab.store.root)) == before
    with pytest.raises(Refused, match="no store"):
        backup.save(tmp_path, tmp_path / "x.tar.gz")


def cut(path):
    path.write_bytes(path.read_bytes()[:-2000])


def edit(path):
    parts = lines(path)
    name = next(name for name in parts if name.startswith("runs/"))
    rewritten(path, parts | {name: parts[name][:-1] + b"x"})


def drop(path):
    parts = lines(path)
    del parts["index.db"]
    rewritten(path, parts)


def escape(path):
    parts = lines(path)
    about = parts.pop("manifest.json")
    rewritten(path, parts | {"runs/../../evil.db": b"x", "manifest.json": about})


def link(path):
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("classroom.db")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)


def nonsense(path):
    path.write_bytes(b"not a backup")


def tomorrow(path):
    parts = lines(path)
    rewritten(path, parts | {"manifest.json": parts["manifest.json"].replace(b'"format": 1', b'"format": 2')})


@pytest.mark.parametrize("spoil", [cut, edit, drop, escape, link, nonsense, tomorrow])
@pytest.mark.parametrize("exists", [True, False])
def test_a_backup_that_is_not_whole_is_refused_and_nothing_is_left(busy, tmp_path, spoil, exists):
    spoiled = tmp_path / "spoiled.tar.gz"
    spoiled.write_bytes(busy[1].read_bytes())
    spoil(spoiled)
    home = tmp_path / "home"
    if exists:
        home.mkdir()
    with pytest.raises(Refused, match="cannot be restored"):
        backup.restore(spoiled, home)
    assert home.exists() == exists
    assert not exists or os.listdir(home) == []
    assert not (tmp_path / "evil.db").exists()


def test_a_damaged_run_is_kept_as_it_is_and_a_deleted_one_is_left_out(tmp_path, monkeypatch):
    store = Store(tmp_path / "home")
    kept, damaged, gone = (
        store.create_experiment(name, name, [(name, settings())], state="done") for name in ("kept", "damaged", "gone")
    )
    run = {row.id: store.runs_of(row.id)[0].id for row in (kept, damaged, gone)}
    store.close()
    path = store.folder(run[damaged.id]) / "run.db"
    path.write_bytes(b"nothing of a database" * 100)
    listed = backup._runs

    def deleted_meanwhile(index):
        found = listed(index)
        store.delete_experiment(gone.id)
        return found

    monkeypatch.setattr(backup, "_runs", deleted_meanwhile)
    backup.save(store.root, tmp_path / "b.tar.gz")
    backup.restore(tmp_path / "b.tar.gz", tmp_path / "other")
    other = Store(tmp_path / "other")
    assert [row.id for row in other.experiments()] == [damaged.id, kept.id]
    assert other.metrics_since(run[damaged.id]) == []
    assert other.run(run[damaged.id]).state == "unreadable"
    other.close()
    store.close()


def test_the_commands_say_what_happened(tmp_path, capsys):
    Store(tmp_path / "home").close()
    file = tmp_path / "b.tar.gz"
    assert backup.main(["save", str(file), "--root", str(tmp_path / "home")]) == 0
    assert backup.main(["restore", str(file), "--root", str(tmp_path / "new")]) == 0
    assert backup.main(["restore", str(file), "--root", str(tmp_path / "new")]) == 1
    out = capsys.readouterr()
    assert [next(iter(json.loads(line))) for line in out.out.splitlines()] == ["saved", "restored"]
    assert "not empty" in out.err
    assert "Traceback" not in out.err
