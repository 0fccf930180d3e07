"""Streamlit's own page, answered from memory, with what ours needs asked for at once.

Streamlit 1.67 hands out each of the seventy files of its page in pieces, through a pool of threads and three layers:
on two busy cores the browser waits most of a second for them and does nothing. And it asks for the files of a
component only when everything else stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from html import escape
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

FOREVER = "public, immutable, max-age=31536000"  # as Streamlit says: names carry a hash of the content
LARGEST = 1_000_000  # bytes of a file that is kept; none of the first page is larger
KINDS = {".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2"}
LATE = ("BidiComponent", "Button", "Html", "purify.es", "rehype-katex", "hastscript", "serialization", "recordbatch")


class Front:
    """ASGI middleware.

    Args:
        app: what answers everything else.
        folder: Streamlit's static files.
        base: what addresses begin with, "" or "/lab".
        heads: HTML for the head of each page that people may arrive at, by its path: "/", "/lab".
    """

    def __init__(self, app: ASGIApp, *, folder: Path, base: str, heads: Mapping[str, str]) -> None:
        self.app = app
        self._index = folder / "index.html"
        self._heads = {f"{base}{path}": head for path, head in heads.items()}
        self._files = {f"{base}/{path.relative_to(folder).as_posix()}": path for path in _small(folder / "static")}
        self._kept: dict[str, Response] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        answer = self._answer(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        await (answer or self.app)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response | None:
        path = scope["path"]
        if path in self._heads:
            return self._start_page(path)
        if path not in self._files or "range" in Headers(scope=scope):
            return None
        if path not in self._kept:
            file, headers = self._files[path], {"Cache-Control": FOREVER}
            self._kept[path] = Response(file.read_bytes(), media_type=KINDS[file.suffix], headers=headers)
        return self._kept[path]

    def _start_page(self, path: str) -> Response | None:
        before, end, after = self._parts
        page = f"{before}{self._heads[path]}{end}{after}"
        return Response(page, media_type="text/html", headers={"Cache-Control": "no-cache"}) if end else None

    @cached_property
    def _parts(self) -> tuple[str, str, str]:
        return self._index.read_text().partition("</head>") if self._index.exists() else ("", "", "")


def start_head(folder: Path, *, base: str, modules: Iterable[str], start: str, first: str = "") -> str:
    """HTML that fetches what a page will need while Streamlit still boots.

    Args:
        folder: Streamlit's static files, some of which it would discover late.
        base: what addresses begin with.
        modules: addresses of our own modules.
        start: address of a module to be run at once; none when empty.
        first: address of a script to be run before Streamlit; none when empty.
    """
    late = [path.name for name in LATE for path in sorted((folder / "static" / "js").glob(f"{name}.*.js"))]
    wanted = [*(f"{base}/static/js/{name}" for name in late), *modules]
    links = "".join(f'<link rel="modulepreload" crossorigin href="{escape(address)}">\n' for address in wanted)
    scripts = f'<script src="{escape(first)}"></script>\n' if first else ""
    scripts += f'<script type="module" async src="{escape(start)}"></script>\n' if start else ""
    return scripts + links


def _small(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in KINDS and path.stat().st_size <= LARGEST]
