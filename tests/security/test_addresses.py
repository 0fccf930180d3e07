"""Query strings, ids and names that want more than to be read."""

import base64
import json
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest

from ssmviz.settings import OptimSettings, TaskSettings, TrainSettings
from ssmviz.widgets import pages

SETTINGS = TrainSettings(task=TaskSettings(L=16, vocab=6, n_data=3), optim=OptimSettings(steps=100))
ATTACKED = ["lab", "weights", "join"]
LISTED = {path.stem for path in (Path(pages.__file__).parents[2] / "pages").glob("*/*.py")} - {*ATTACKED, "home"}
NAMES = [*ATTACKED, *(pytest.param(name, marks=pytest.mark.slow) for name in ["", *sorted(LISTED)])]
VALUES = [
    "",
    "x" * 10_000,
    "a\0b",
    "\u202e\U0001f480é" * 20,
    "<script>alert(1)</script>",
    "1e999",
    "-9" * 300,
    "NaN",
    "../../x",
]
PARAMETERS = ["run", "lock", "code", "follow", "question", "large"]
MARKUP = '<script>alert("x")</script><img src=x onerror=alert(1)>'


def own_parameters(visitor, path):
    """What the page itself writes into its address, and the keys of its widgets."""
    page = visitor.open(path)
    ids = [getattr(getattr(element, element.WhichOneof("type")), "id", "") for element in page.elements]
    return sorted({id_.rpartition("-")[2] for id_ in ids if id_.startswith("$$ID-")} - {"None", ""})


@pytest.mark.parametrize("path", NAMES)
def test_no_query_string_breaks_a_page(visitor, path):
    names = [*PARAMETERS, *own_parameters(visitor, path)]
    for value in VALUES:
        page = visitor.open(path, "&".join(f"{name}={quote(value)}" for name in names))
        assert page.crashes == [], value[:40]
        assert_is_text(page, "<script>")
    repeated = "&".join(f"{name}={i}" for name in names for i in range(20))
    for query in (repeated, "%ff%fe=%00&&&==", "&" * 10_000, "run=" + quote(str(uuid.uuid4()))):
        assert visitor.open(path, query).crashes == [], query[:40]


@pytest.mark.parametrize("path", ["/lab", "/", "/api/experiments", "/_stcore/health"])
def test_a_long_or_odd_query_is_answered_over_http(visitor, path):
    for query in ("x=" + "y" * 10_000, "a=%00", "%ff=%fe", "&".join(f"q{i}=1" for i in range(2000))):
        status, _, body = visitor.ask("GET", f"{path}?{query}")
        assert status in (200, 404, 414)
        assert b"Traceback" not in body


WAYS = [
    "..",
    "../index.db",
    "%2e%2e%2f%2e%2e%2findex.db",
    "..%2f..%2fcookie.key",
    "%252e%252e%252fcookie.key",
    "....//....//cookie.key",
    "/etc/passwd",
    "%00",
    "{}%00.db",
    "{}/../../cookie.key",
    "{{{}}}",
    "urn:uuid:{}",
    "{} ",
    "{}\u2028",
    "%EF%BC%8E%EF%BC%8E/cookie.key",
    "-" * 36,
    "a" * 8000,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way[:30])
def test_an_id_is_a_uuid_and_nothing_else_before_it_is_part_of_any_path(site, visitor, store, way):
    known = run_of(store, owned_by(visitor, store))[1]
    text = quote(way.format(known), safe="%/.:{}")
    for path in (f"/api/experiments/{text}", f"/api/runs/{text}/frames", f"/api/assets/x/{text}"):
        status, _, body = visitor.ask("GET", path)
        assert status in (400, 404), path
        assert (site.root / "cookie.key").read_bytes() not in body
        assert b"Traceback" not in body
        assert str(site.root).encode() not in body


def test_another_spelling_of_an_id_is_the_same_experiment_or_none(site, visitor, store):
    experiment, _ = run_of(store, owned_by(visitor, store))
    stranger = site.visitor()
    for text in (experiment, experiment.upper(), experiment.replace("-", "")):
        status, _, body = visitor.ask("GET", f"/api/experiments/{text}")
        assert status == 404 or json.loads(body)["id"] == experiment
        assert stranger.ask("GET", f"/api/experiments/{text}")[0] == 404


def owned_by(visitor, store):
    """Id of the person behind this cookie, as the store knows people."""
    content = visitor.cookie.partition("=")[2].split(".")[0]
    return json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))["id"]


def run_of(store, owner, title="Mine", label="S6"):
    row = store.create_experiment(str(uuid.uuid4()), title, [(label, SETTINGS)], owner=owner, state="cancelled")
    return row.id, store.runs_of(row.id)[0].id


def assert_is_text(page, word):
    """Wherever a word stands, it stands as text: nothing that holds it may be markup."""
    for element in page.elements:
        kind = element.WhichOneof("type")
        inside = getattr(element, kind)
        if word in str(inside):
            assert not getattr(inside, "allow_html", False), kind
            assert kind not in ("html", "iframe"), kind


@pytest.mark.parametrize("path", ["runs", "lab", "weights"])
def test_names_are_shown_as_text_of_80_characters(visitor, store, path):
    owner = owned_by(visitor, store)
    experiment, run = run_of(store, owner, title=MARKUP + "x" * 200 + "\n# heading", label=MARKUP)
    page = visitor.open(path, f"run={experiment}")
    assert page.crashes == []
    assert_is_text(page, "<script>")
    status, headers, body = visitor.ask("GET", f"/api/experiments/{experiment}")
    told = json.loads(body)
    assert (status, headers["content-type"].partition(";")[0]) == (200, "application/json")
    assert max(len(told["title"]), len(told["runs"][0]["label"])) <= 80
    assert "\n" not in told["title"]
    assert run == told["runs"][0]["id"]
