"""Signing in for real: Streamlit's own routes, a provider with a real key, and our routes behind them."""

import logging
import socket
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from streamlit import auth_util, config
from streamlit.runtime.secrets import Secrets
from streamlit.web.server import server_util
from streamlit.web.server.starlette.starlette_auth_routes import create_auth_routes

from ssmviz.classroom.config import BadClassroom, Classroom
from ssmviz.classroom.people import SignedIn
from ssmviz.live.routes import Live
from ssmviz.runs.client import Client
from ssmviz.runs.store import Store
from ssmviz.runs.view import Library
from ssmviz.widgets import sign_in
from tests.classroom.provider import CLIENT, Provider
from tests.classroom.server import SETTINGS, Browser, served

CLASS = Classroom(sign_in="oidc", presenters=("ann@example.org",), students=("@example.org",))
SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a secret of this test alone"
client_id = "{client}"
client_secret = "another secret"
server_metadata_url = "{issuer}/.well-known/openid-configuration"
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def use_secrets(patch, path, text):
    """Let Streamlit read these secrets."""
    path.write_text(text)
    option = config.get_option
    patch.setattr(config, "get_option", lambda name: [str(path)] if name == "secrets.files" else option(name))
    fresh = Secrets()
    for module in (auth_util, server_util):
        patch.setattr(module, "secrets_singleton", fresh)


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """(the provider, our routes, the port) of a class that signs in."""
    root, provider, port = tmp_path_factory.mktemp("oidc"), Provider(), free_port()
    with pytest.MonkeyPatch.context() as patch, served(provider.app()) as there:
        provider.issuer = f"http://127.0.0.1:{there}"
        use_secrets(patch, root / "secrets.toml", SECRETS.format(port=port, client=CLIENT, issuer=provider.issuer))
        patch.setattr(Client, "ensure_launcher", lambda self: None)
        store = Store(root / "home", free=lambda _: 10**12)
        people = SignedIn(CLASS, b"key", sign_in.claims)
        live = Live(Client(store), Library(store, root / "none"), people, CLASS)
        session = Middleware(SessionMiddleware, secret_key="of the session")  # noqa: S106 - as `st.App` has it
        with served(Starlette(routes=[*create_auth_routes(""), *live.routes()], middleware=[session]), port):
            yield provider, live, port


def enter(school, **claims):
    """A browser that has followed every redirect of a sign-in."""
    provider, _, port = school
    provider.claims, browser, elsewhere = claims, Browser(port), Browser(0)
    address = f"/auth/login?provider={auth_util.encode_provider_token('default')}"
    for _ in range(4):
        at_provider = address.startswith(provider.issuer)
        status, headers, _ = (elsewhere if at_provider else browser).get(address)
        address = headers["location"] or ""
        if not at_provider and urlsplit(address).path == "/":
            break
        assert status == 302
    return browser


def test_who_signs_in_is_known_to_pages_and_routes_alike(school):
    browser = enter(school, sub="1", email="ann@example.org", email_verified=True, name="Ann")
    person = school[1].people(browser.cookies)
    assert (person.name, person.role) == ("Ann", "presenter")
    assert browser.get("/api/experiments")[0] == 200


def test_students_start_runs_of_their_own_and_see_no_others(school):
    store = school[1].client.store
    bob = enter(school, sub="2", email="bob@example.org", name="Bob")
    eve = enter(school, sub="3", email="eve@example.org", name="Eve")
    owner = school[1].people(bob.cookies).id
    experiment = store.create_experiment("bobs", "Bob's", [("S6", SETTINGS)], owner=owner).id
    assert bob.get(f"/api/experiments/{experiment}")[0] == 200
    assert eve.get(f"/api/experiments/{experiment}")[0] == 404
    assert bob.post(f"/api/experiments/{experiment}/control", {"action": "stop"})[0] == 200


def test_the_same_person_comes_back_as_the_same(school):
    first, again = (enter(school, sub="2", email="bob@example.org") for _ in range(2))
    assert school[1].people(first.cookies).id == school[1].people(again.cookies).id


def test_somebody_of_another_school_gets_no_further(school):
    browser = enter(school, sub="4", email="eve@elsewhere.org")
    assert school[1].people(browser.cookies).role == "guest"
    assert browser.get("/api/experiments")[2] == {"experiments": []}


def test_signing_out_forgets_the_person(school):
    browser = enter(school, sub="2", email="bob@example.org")
    browser.get("/auth/logout")
    assert not school[1].people(browser.cookies).is_known


def test_no_address_reaches_store_or_log(school, caplog):
    caplog.set_level(logging.DEBUG)
    browser = enter(school, sub="2", email="bob@example.org", name="Robert Tables")
    store = school[1].client.store
    owner = school[1].people(browser.cookies).id
    store.create_experiment("again", "Mine", [("S6", SETTINGS)], owner=owner)
    ours = [record for record in caplog.records if record.name.startswith("ssmviz")]
    assert "bob@example.org" not in str([record.getMessage() for record in ours])
    store.close()
    kept = b"".join(path.read_bytes() for path in store.root.rglob("*") if path.is_file())
    assert b"bob@example.org" not in kept
    assert b"Robert Tables" not in kept


@pytest.mark.parametrize("missing", ["redirect_uri", "cookie_secret", "client_id", "server_metadata_url"])
def test_what_is_missing_for_signing_in_is_said_at_the_start(tmp_path, monkeypatch, missing):
    text = SECRETS.format(port=1, client=CLIENT, issuer="https://id.example.org")
    lines = [line for line in text.splitlines() if not line.startswith(missing)]
    use_secrets(monkeypatch, tmp_path / "secrets.toml", "\n".join(lines))
    with pytest.raises(BadClassroom, match=missing):
        sign_in.check_provider()
