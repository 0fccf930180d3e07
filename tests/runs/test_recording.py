"""An experiment as one file: what goes in comes out, and what is no such file is refused."""

import io
import json
import zipfile

import pytest

from ssmviz import frames
from ssmviz.runs.recording import MANIFEST, export_experiment, import_recording, read_recording
from ssmviz.runs.records import Refused
from ssmviz.runs.view import Library, StoredExperiment, as_json
from ssmviz.traces import Probe
from tests.runs import fake
from tests.runs.conftest import settings


@pytest.fixture
def view(store):
    """A finished experiment of twins, written without any process."""
    row = store.create_experiment("key", "Twins", [("S6", settings()), ("S4D", settings())], preset="lab")
    for run in store.runs_of(row.id):
        attempt = store.claim(run.id)
        db = store.rundb(run.id, attempt)
        db.begin_attempt(None, {"device": "cpu"})
        for step in range(0, 101, 10):
            db.append([("evaluation", step, {"loss": 1.0 / (step + 1)})])
            db.put_frame(step, frames.pack(fake.frame(step, Probe((1, 2, 3, 4))), "copying"))
        store.move(run.id, "done", attempt=attempt, step=100, token_accuracy=0.75, notes='["numba is missing"]')
    return StoredExperiment(store, row.id)


@pytest.fixture
def path(view, tmp_path):
    path = tmp_path / "twins.ssmviz"
    export_experiment(view, path)
    return path


def same(one, two):
    """Whether two views show the same runs."""
    for a, b in zip(one.summary().runs, two.summary().runs, strict=True):
        for name in ("label", "position", "settings", "state", "step", "token_accuracy", "notes"):
            assert getattr(a, name) == getattr(b, name)
        history = [[(m.kind, m.step, m.data) for m in v.metrics_since(r.id)] for v, r in ((one, a), (two, b))]
        assert history[0] == history[1]
        assert list(one.frames_after(a.id, -1)) == list(two.frames_after(b.id, -1))
        assert one.newest_frame(a.id).step == two.newest_frame(b.id).step
        assert one.frame(a.id, 40) == two.frame(b.id, 40) is not None
        assert one.frame(a.id, 41) is two.frame(b.id, 41) is None


def test_a_recording_reads_like_the_experiment_it_was_made_of(view, path):
    recording = read_recording(path)
    same(view, recording)
    about = recording.summary().experiment
    assert (about.id, about.title, about.preset, about.read_only) == ("twins", "Twins", "lab", True)
    json.dumps(as_json(recording.summary()))
    run = recording.summary().runs[0].id
    assert [m.rowid for m in recording.metrics_since(run, 8)] == list(range(9, 13))
    assert [step for step, _ in recording.frames_after(run, 75)] == [80, 90, 100]


def test_the_same_experiment_gives_the_same_bytes(view, path, tmp_path):
    export_experiment(view, tmp_path / "again.ssmviz")
    assert (tmp_path / "again.ssmviz").read_bytes() == path.read_bytes()


def test_frames_are_thinned_evenly_to_the_budget(view, tmp_path):
    size = export_experiment(view, tmp_path / "small.ssmviz", budget=4000)
    recording = read_recording(tmp_path / "small.ssmviz")
    for run in recording.summary().runs:
        steps = recording.frame_steps(run.id)
        assert 2 <= len(steps) < 11
        assert (steps[0], steps[-1]) == (0, 100)
    assert size < 8_000


def test_an_imported_recording_is_a_read_only_experiment_once(store, view, path):
    row = import_recording(store, path)
    assert import_recording(store, path) == row
    assert row.read_only
    same(view, StoredExperiment(store, row.id))
    assert store.probes_waiting() == []


def test_the_library_finds_experiments_and_recordings(store, view, path, tmp_path):
    (tmp_path / "damaged.ssmviz").write_bytes(b"PK")
    library = Library(store, tmp_path)
    assert [recording.id for recording in library.recordings()] == ["twins"]
    assert library.view("twins").summary().experiment.read_only
    assert not library.view(view.id).summary().experiment.read_only
    run = view.summary().runs[0].id
    assert library.view_of_run(run).summary().experiment.id == "twins", "the same run, recorded"
    with pytest.raises(Refused, match="UUID"):
        library.view("../twins")
    with pytest.raises(KeyError):
        library.view("00000000-0000-0000-0000-000000000000")


def changed(path, **fields):
    """The bytes of a recording with some parts of its manifest changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == MANIFEST:
                data = json.dumps(json.loads(data) | fields).encode()
            new.writestr(name, data)
    return out.getvalue()


def with_part(path, name, data):
    out = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return out.getvalue()


def with_run(path, **fields):
    with zipfile.ZipFile(path) as file:
        runs = json.loads(file.read(MANIFEST))["runs"]
    return changed(path, runs=[runs[0] | fields, *runs[1:]])


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: b"",
        lambda path: b"no zip at all",
        lambda path: path.read_bytes()[:-200],
        lambda path: with_part(path, "../../evil", b"x"),
        lambda path: with_part(path, "frames/0/7", b"no frame"),
        lambda path: with_part(path, "frames/0/7", b"\0" * (2 * 1024**2)),
        lambda path: with_part(path, "frames/0/0", b"twice"),
        lambda path: changed(path, version=2),
        lambda path: changed(path, title="x" * 81),
        lambda path: changed(path, runs=[]),
        lambda path: changed(path, extra=1),
        lambda path: with_run(path, id="../../x"),
        lambda path: with_run(path, state="running"),
        lambda path: with_run(path, step=-1),
        lambda path: with_run(path, seconds=float("nan")),
        lambda path: with_run(path, settings={"seed": -1}),
        lambda path: with_run(path, metrics=[["evil", 0, {}]]),
    ],
)
def test_what_is_no_recording_is_refused(store, path, spoil):
    path.write_bytes(spoil(path))
    before = store.experiments()
    with pytest.raises(Refused, match="is no recording"):
        import_recording(store, path)
    assert store.experiments() == before


def test_a_file_that_is_too_large_is_not_even_read(path, monkeypatch):
    monkeypatch.setattr("ssmviz.runs.recording.MAX_FILE", 100)
    with pytest.raises(Refused, match="at most 100"):
        read_recording(path)
