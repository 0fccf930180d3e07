import json
import struct

from ssmviz.live.wire import history, live_frame, to_json


def test_numbers_that_are_not_finite_arrive_as_null():
    assert json.loads(to_json({"a": [1.5, float("nan"), {"b": float("inf")}]})) == {"a": [1.5, None, {"b": None}]}


def test_finite_numbers_arrive_unchanged():
    value = {"a": [0.1, 3, None, True, "x"]}
    assert json.loads(to_json(value)) == value


def test_every_frame_of_a_history_starts_at_a_multiple_of_eight():
    frames = [(step, bytes([step]) * size) for step, size in enumerate([0, 1, 7, 8, 9, 1000])]
    data, offset, found = b"".join(history(frames)), 0, []
    while offset < len(data):
        size, step = struct.unpack_from("<II", data, offset)
        assert offset % 8 == 0
        found.append((step, data[offset + 8 : offset + 8 + size]))
        offset += 8 + size + -size % 8
    assert found == frames


def test_a_live_frame_names_its_run_and_step():
    assert live_frame(1, 300, b"abc") == struct.pack("<II", 1, 300) + b"abc"
