"""What people bring is kept once, under its hash, and read back exactly or not at all."""

import hashlib

import pytest
from pydantic import ValidationError

from ssmviz import data
from ssmviz.settings import TaskSettings


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("SSMVIZ_HOME", str(tmp_path))
    data.read.cache_clear()


def test_a_text_comes_back_as_it_was(tmp_path):
    digest = data.keep("à la carte\n")
    assert digest == hashlib.sha256("à la carte\n".encode()).hexdigest()
    assert data.read(digest) == "à la carte\n"
    assert [path.name for path in (tmp_path / "data").iterdir()] == [f"{digest}.txt"]


def test_the_same_text_is_kept_once(tmp_path):
    assert data.keep("again") == data.keep("again")
    assert len(list((tmp_path / "data").iterdir())) == 1


def test_uploads_do_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MAX_KEPT", 100)
    known = data.keep("a" * 60)
    with pytest.raises(ValueError, match=r"as much as it may; whoever runs it can delete old files in data/"):
        data.keep("b" * 60)
    assert data.keep("a" * 60) == known
    assert len(list((tmp_path / "data").iterdir())) == 1


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_nothing_but_a_digest_names_data(digest):
    with pytest.raises(ValueError, match="64 digits"):
        data.read(digest)


def test_data_that_are_not_here_are_asked_for_again():
    with pytest.raises(ValueError, match="upload them again"):
        data.read("a" * 64)


def test_a_changed_file_is_not_read(tmp_path):
    digest = data.keep("true")
    (tmp_path / "data" / f"{digest}.txt").write_text("false")
    with pytest.raises(ValueError, match="changed on the disk"):
        data.read(digest)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"x" * (data.MAX_BYTES + 1), "at most 4,194,304 bytes, got 4,194,305"),
        (b"caf\xe9", "byte 3 is no text in UTF-8"),
        (b"PK\0\0", "NUL"),
    ],
)
def test_what_is_no_text_is_refused_in_words(content, why):
    with pytest.raises(ValueError, match=why):
        data.decoded(content)


def test_ends_of_lines_and_byte_order_marks_are_made_the_same():
    assert data.decoded(b"\xef\xbb\xbfa\r\nb\rc\n") == "a\nb\nc\n"


@pytest.mark.parametrize("digest", ["x", "a" * 65, "../a", "A" * 64])
def test_settings_take_digests_alone(digest):
    with pytest.raises(ValidationError, match="data"):
        TaskSettings(data=digest)


def test_a_task_without_uploads_takes_none():
    with pytest.raises(ValidationError, match="takes no data"):
        TaskSettings(name="copying", data="a" * 64)
