"""The one client and the one library of this server process, shared by pages and routes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from ssmviz.classroom.access import Access, quota_of
from ssmviz.classroom.config import Classroom, read_classroom
from ssmviz.classroom.door import Door, PresenterForm
from ssmviz.classroom.people import YOU, Anonymous, People, Person
from ssmviz.classroom.people import people as people_of
from ssmviz.classroom.room import Room
from ssmviz.classroom.way_back import WayBack
from ssmviz.live import front
from ssmviz.live.assets import assets_path, modules_of
from ssmviz.live.room_routes import RoomLive
from ssmviz.live.routes import Live
from ssmviz.runs.client import Client
from ssmviz.runs.store import Store
from ssmviz.runs.view import Library
from ssmviz.widgets.sign_in import check_provider, claims

STATIC = Path(st.__file__).parent / "static"  # Streamlit's own page
RECORDINGS = Path(__file__).parent.parent.parent / "assets" / "recordings"


@cache
def classroom() -> Classroom | None:
    """The classroom that this server is for; None: one person on their own machine."""
    return read_classroom()


@cache
def client() -> Client:
    """Starts and steers what trains here."""
    class_ = classroom()
    return Client(Store(), at_once=class_.runs_at_once, turn_s=class_.wall_seconds) if class_ else Client(Store())


@cache
def library() -> Library:
    """Reads what trains here, and the recordings."""
    return Library(client().store, RECORDINGS)


@cache
def people() -> People:
    """Who is who on this server."""
    class_ = classroom()
    if class_ and class_.sign_in == "oidc":
        check_provider()
    return people_of(class_, client().store.root, claims)


def person() -> Person:
    """Who looks at the page that runs now."""
    return people()(st.context.cookies) if classroom() else YOU


def door() -> tuple[list[Middleware], list[BaseRoute]]:
    """How people of a class come in: without signing in they are given a cookie, and presenters may show a key."""
    who, class_ = people(), classroom()
    if class_ is None:
        return [], []
    secure = class_.address.startswith("https://")
    if not isinstance(who, Anonymous):
        return [Middleware(WayBack, people=who, base=base_path(), secure=secure)], []
    cookies = Middleware(Door, people=who, base=base_path(), secure=secure)
    return [cookies], list(PresenterForm(who, secure=secure).routes(base_path()))


def access() -> Access:
    """The runs of this server, as far as who looks at the page that runs now is concerned."""
    who = person()
    return Access(who, client(), library(), quota_of(who, classroom()))


@cache
def live() -> Live:
    """The routes that the component speaks to."""
    return Live(client(), library(), people(), classroom())


@cache
def room_live() -> RoomLive | None:
    """What a class hears of its room; None where there is no class."""
    return RoomLive(Room(client().store.root), people()) if classroom() else None


def room() -> Room | None:
    """The room of the class, open or not; None where there is no class."""
    live_ = room_live()
    return live_.room if live_ else None


def base_path() -> str:
    """What addresses of this server begin with: "" or, with server.baseUrlPath, "/lab"."""
    path = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def head(*modules: str, start: str = "") -> str:
    """HTML for the head of a page that needs these modules of ours, and runs `start` at once."""
    folder = assets_path(base_path())
    needed = dict.fromkeys(name for module in modules for name in modules_of(module))
    first = f"{folder}live/home.js?{urlencode({'base': base_path()})}"
    modules_ = [folder + name for name in needed]
    return front.start_head(STATIC, base=base_path(), modules=modules_, start=start, first=first)
