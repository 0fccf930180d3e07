"""Open files: few per thread, many where a class is looked after, new ones where a file was replaced."""

import threading

import pytest

from ssmviz.runs.connections import KEPT, KEPT_BY_MAIN, Connections, create


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{i}.db" for i in range(3 * KEPT)]
    for path in paths:
        create(path, ["CREATE TABLE IF NOT EXISTS t (x)"])
    return paths


def reopened(connections, files):
    """How many of these files are opened again when all are looked at a second time."""
    first = [connections.get(path) for path in files]
    return sum(connections.get(path) is not known for path, known in zip(files, first, strict=True))


def test_the_thread_that_follows_a_class_opens_no_file_twice(files):
    connections = Connections()
    assert len(files) <= KEPT_BY_MAIN
    assert reopened(connections, files) == 0
    connections.close()


def test_other_threads_keep_few_files_open(files):
    found = []

    def look():
        connections = Connections()
        found.append(reopened(connections, files))
        found.append(len(connections._kept()))
        connections.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [len(files), KEPT]


def test_a_file_that_was_replaced_is_opened_anew(files):
    connections = Connections()
    old = connections.get(files[0])
    files[1].replace(files[0])
    assert connections.get(files[0]) is not old
    connections.close()


def test_a_deleted_file_is_not_held_open(files):
    connections = Connections()
    connections.get(files[0])
    files[0].unlink()
    connections.get(files[1])
    assert list(connections._kept()) == [files[1]]
    connections.close()
