"""The start page and Streamlit's files come from memory; everything else goes on to Streamlit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from ssmviz.live.assets import modules_of
from ssmviz.live.front import Front, start_head

INDEX = "<html><head><title>page</title></head><body>here</body></html>"


PASSED = "streamlit answers"


@dataclass
class Answer:
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "static" / "js").mkdir(parents=True)
    (tmp_path / "index.html").write_text(INDEX)
    (tmp_path / "static" / "js" / "index.abc.js").write_text("let a = 1;")
    (tmp_path / "static" / "js" / "BidiComponent.xyz.js").write_text("let b = 2;")
    (tmp_path / "static" / "js" / "huge.abc.js").write_text(" " * 1_000_001)
    return tmp_path


def get(front: Front, path: str, method: str = "GET", **headers: str) -> Answer:
    """What a browser would receive."""
    said = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": said}
    answer = Answer()

    async def send(message):
        if message["type"] == "http.response.start":
            answer.headers |= {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.text += message["body"].decode()

    with suppress(StopIteration):
        front(scope, None, send).send(None)  # it waits for nothing, so it needs no loop
    return answer


def front(folder: Path, base: str = "") -> Front:
    return Front(PlainTextResponse(PASSED), folder=folder, base=base, heads={"/": "<i>ours</i>", "/lab": "<i>lab</i>"})


def test_start_page_carries_our_head(folder):
    answer = get(front(folder), "/")
    assert answer.text == INDEX.replace("</head>", "<i>ours</i></head>")
    assert (answer.headers["cache-control"], answer.headers["content-type"]) == ("no-cache", "text/html; charset=utf-8")


def test_every_page_that_people_arrive_at_has_a_head_of_its_own(folder):
    assert "<i>lab</i></head>" in get(front(folder), "/lab").text
    assert "<i>lab</i></head>" in get(front(folder, "/class"), "/class/lab").text


@pytest.mark.parametrize("base", ["", "/lab"])
def test_files_come_from_memory_forever(folder, base):
    shared = front(folder, base)
    first, second = (get(shared, f"{base}/static/js/index.abc.js") for _ in range(2))
    assert first.text == second.text == "let a = 1;"
    assert "immutable" in first.headers["cache-control"]
    assert first.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path", ["/runs", "/static/js/huge.abc.js", "/static/js/none.js", "/static/js/../../index.html", "/api/experiments"]
)
def test_everything_else_is_passed_on(folder, path):
    assert get(front(folder), path).text == PASSED


def test_parts_of_files_and_other_methods_are_passed_on(folder):
    assert get(front(folder), "/static/js/index.abc.js", Range="bytes=0-3").text == PASSED
    assert get(front(folder), "/", "HEAD").text == PASSED


def test_without_a_page_of_streamlit_it_stands_aside(tmp_path):
    assert get(front(tmp_path), "/").text == PASSED


def test_head_names_late_files_and_ours(folder):
    head = start_head(folder, base="/lab", modules=["/lab/api/assets/1/lab.js"], start="/lab/a/begin.js?x=1&y=2")
    assert 'href="/lab/static/js/BidiComponent.xyz.js"' in head
    assert 'href="/lab/api/assets/1/lab.js"' in head
    assert "index.abc.js" not in head
    assert 'src="/lab/a/begin.js?x=1&amp;y=2"></script>' in head
    assert "<script" not in start_head(folder, base="", modules=[], start="")
    first = start_head(folder, base="", modules=[], start="", first="/a/home.js?base=")
    assert first.startswith('<script src="/a/home.js?base="></script>')


def test_modules_are_named_with_all_that_they_import():
    needed = modules_of("live/lab.js")
    assert {"live/lab.js", "live/store.js", "canvas/view.js", "canvas/theme.js"} <= set(needed)
    assert len(set(needed)) == len(needed)
    assert not any(name.startswith("lessons/") for name in needed)
