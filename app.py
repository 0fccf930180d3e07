"""Starts the server: `streamlit run app.py`. Pages are listed in `ssmviz/widgets/site.py`."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from ssmviz.live import limits, logs, server
from ssmviz.live.front import Front
from ssmviz.widgets import lesson, live_view, pages, services

SITE = Path(__file__).parent / "ssmviz" / "widgets" / "site.py"  # beside `pages/` it would break first-hit deep links


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """A launcher for as long as the server lives; all work is saved and ended when it stops."""
    server.send_at_once()
    if services.classroom():
        logs.to_standard_error()
    with server.quiet_end():
        await asyncio.to_thread(services.client().attach)
        gc.collect()
        gc.freeze()  # what is here now stays: no collection looks at it again
        gc.collect()  # counts what is left: a quarter more, and Python collects by itself
        try:
            yield
        finally:
            services.live().hub.close()
            if room:
                room.close()
            await asyncio.to_thread(services.client().shutdown)


heads = {f"/{path.stem}": services.head() for path in pages.PAGES.glob("*/*.py")}
heads |= {f"/{name}": lesson.head(name) for name in pages.LESSONS} | {
    "/": lesson.head("gate"),
    "/lab": live_view.start_head("selective_copying", page="lab"),
}
front = Middleware(Front, folder=services.STATIC, base=services.base_path(), heads=heads)
guards = limits.guards(st.get_option("server.allowedHosts"), limited=services.classroom() is not None)
room = services.room_live()
door, door_routes = services.door()
base = services.base_path()
routes = [*services.live().routes(base), *(room.routes(base) if room else []), *door_routes]
app = st.App(SITE, routes=routes, middleware=[*guards, *door, front], lifespan=lifespan)
