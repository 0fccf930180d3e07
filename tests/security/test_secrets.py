"""What only the server may know is in no page, no answer and no log. Runs last: it reads all that the others left."""

import json

import pytest

from tests.security.conftest import KEY, serving
from tests.security.test_addresses import owned_by

PAGES = ["", "lab", "selection", "weights", "runs", "family", "glossary", "claims", "join", "present"]


@pytest.fixture(scope="module")
def secrets(site):
    cookie = (site.root / "cookie.key").read_bytes()
    assert len(cookie) >= 32
    return [KEY.encode(), cookie]


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_a_secret_or_a_path_of_the_store(site, visitor, secrets, path):
    html = visitor.ask("GET", f"/{path}", Accept="text/html")[2]
    page = visitor.open(path)
    for text in (html, page.raw):
        assert not [secret for secret in secrets if secret in text]
        assert str(site.root).encode() not in text


def test_a_presenters_page_holds_no_key(site, secrets):
    body = f"key={KEY}".encode()
    visitor = site.visitor()
    form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": f"http://{visitor.host}"}
    status, headers, _ = visitor.ask("POST", "/api/presenter", body, **form)
    assert status == 303
    assert KEY not in str(headers)
    presenter = site.visitor(cookie=headers["Set-Cookie"].partition(";")[0])
    for path in ("", "present", "runs"):
        page = presenter.open(path)
        assert page.crashes == []
        assert not [secret for secret in secrets if secret in page.raw]
    presenter.close()


def test_a_wrong_key_is_not_repeated_anywhere(site):
    visitor = site.visitor()
    form = {"Content_Type": "application/x-www-form-urlencoded", "Origin": f"http://{visitor.host}"}
    status, _, body = visitor.ask("POST", "/api/presenter", b"key=a-wrong-key-of-mine", **form)
    assert status == 403
    assert b"a-wrong-key-of-mine" not in body
    assert "a-wrong-key-of-mine" not in site.said


@pytest.mark.parametrize(
    "path", ["/api/health", "/_stcore/health", "/_stcore/host-config", "/_stcore/metrics", "/api/x"]
)
def test_what_is_open_to_everybody_says_nothing_of_the_machine(site, visitor, secrets, path):
    _, headers, body = visitor.ask("GET", path, cookie="")
    for text in (body, str(headers).encode()):
        assert not [secret for secret in secrets if secret in text]
        assert str(site.root).encode() not in text


def test_the_log_has_no_secret_no_cookie_and_no_address(site, visitor, store, secrets):
    control = json.dumps({"action": "restart"}).encode()
    own = {"Origin": f"http://{visitor.host}", "Content_Type": "application/json"}
    status, _, answer = visitor.ask("POST", "/api/experiments/selective_copying/control", control, **own)
    logs = site.said + "".join(path.read_text() for path in site.root.glob("*.log*"))
    if status == 200:
        started = json.loads(answer)["experiment"]
        assert f"ssmviz.audit {owned_by(visitor, store)[:8]} started {started}" in logs
        visitor.ask("DELETE", f"/api/experiments/{started}", Origin=own["Origin"])
    assert not [secret for secret in secrets if secret.decode() in logs]
    assert visitor.cookie.partition("=")[2] not in logs
    assert owned_by(visitor, store) not in logs
    assert "127.0.0.1:" not in "\n".join(line for line in logs.splitlines() if "ssmviz.audit" in line)


PROVIDER = """
[auth]
redirect_uri = "http://127.0.0.1/oauth2callback"
cookie_secret = "cookie-secret-5b0e77a1"
client_id = "the-client"
client_secret = "client-secret-91d2c3f4"
server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"
"""


@pytest.mark.slow  # a server of its own
def test_the_secrets_of_the_provider_are_in_no_page_and_no_log(tmp_path):
    pytest.importorskip("authlib")
    secrets = [b"cookie-secret-5b0e77a1", b"client-secret-91d2c3f4"]
    classroom = 'sign_in = "oidc"\npresenters = ["ann@example.org"]\n'
    with serving(tmp_path, classroom, PROVIDER) as site:
        visitor = site.visitor(cookie="x=1")
        for path in ("", "lab", "runs", "present", "auth/login", "oauth2callback", ".streamlit/secrets.toml"):
            _, headers, body = visitor.ask("GET", f"/{path}", Accept="text/html")
            page = visitor.open(path)
            for text in (body, str(headers).encode(), page.raw):
                assert not [secret for secret in secrets if secret in text], path
            assert "Train" not in [button.label for button in page.of("button")], "nobody is signed in"
        visitor.close()
    assert not [secret for secret in secrets if secret.decode() in site.said]
    assert "ann@example.org" not in site.said
