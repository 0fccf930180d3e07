"""Files, sent to a running server, the whole way through the page.

That every kind of bad file is refused in bounded memory: tests/test_weights.py (weights), tests/test_data.py and
tests/tasks (texts and tables), tests/runs/test_recording.py (recordings).
"""

import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save
from streamlit.proto.Common_pb2 import FileUploaderState

from tests.security.test_widgets import REDACTED


def header(text, size=None):
    return struct.pack("<Q", len(text) if size is None else size) + text


def entry(shape, begin, end):
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


BAD = {
    "nothing": b"",
    "no header": b"\xff" * 8,
    "a header of 100 MB": header(b"{}", 100 * 2**20),
    "no JSON": header(b"{nonsense"),
    "deep JSON": header(b"[" * 500_000),
    "NaN in JSON": header(b'{"a": NaN}'),
    "numbers that overflow": header(b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}'),
    "overlapping": header(json.dumps({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}).encode()) + b"\0" * 12,
    "a negative offset": header(json.dumps({"a": entry([1], -4, 0)}).encode()) + b"\0" * 4,
    "beyond the end": header(json.dumps({"a": entry([10**9], 0, 4 * 10**9)}).encode()),
    "not a number inside": save({"backbone.embeddings.weight": np.full((8, 4), np.nan, np.float32)}),
    "a pickle": b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR.",
    "300,000 keys": header(json.dumps({f"k{i}": entry([0], 0, 0) for i in range(300_000)}).encode()),
}


def hand_in(visitor, name, content, **more):
    """(status of the request, the page that reads the file)."""
    choice = visitor.open("weights").of("selectbox")[0]
    chosen = (choice.id, "string_value", next(option for option in choice.options if "file" in option.lower()))
    page = visitor.rerun(chosen)
    uploader = page.of("file_uploader")[0]
    status = visitor.upload(uploader, name, content, **more)
    state = FileUploaderState()
    file = state.uploaded_file_info.add()
    file.file_id, file.name, file.size = visitor.file, name, len(content)
    file.file_urls.file_id = visitor.file
    return status, visitor.rerun(chosen, (uploader.id, "file_uploader_state_value", state))


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_refused_in_words_and_the_server_stays_up(visitor, kind):
    status, page = hand_in(visitor, "model.safetensors", BAD[kind])
    taken = len(BAD[kind]) <= 16 * 2**20  # 300,000 keys are more: the server does not even take them
    assert status == (204 if taken else 413)
    assert not any(REDACTED in crash for crash in page.crashes)
    assert page.alerts or not taken, "no word of what is wrong"
    assert b"Traceback" not in page.raw


def test_a_file_beyond_the_limit_is_not_taken(visitor):
    status, page = hand_in(visitor, "model.safetensors", b"\0" * (17 * 2**20 + 2**18))
    assert status in (400, 413)
    assert page.crashes == []


def test_nobody_uploads_for_somebody_else(site, visitor):
    status, _ = hand_in(visitor, "model.safetensors", b"x", session="00000000-0000-4000-8000-000000000000")
    assert status in (400, 403, 404)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\0.safetensors", "<script>.safetensors", "x" * 3000])
def test_the_name_of_a_file_is_never_a_path_nor_markup(site, visitor, name):
    before = sorted(path.name for path in site.root.iterdir())
    _, page = hand_in(visitor, name.replace('"', ""), BAD["no JSON"])
    assert not any(REDACTED in crash for crash in page.crashes)
    assert sorted(path.name for path in site.root.iterdir()) == before
