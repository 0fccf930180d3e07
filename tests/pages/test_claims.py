"""The page of claims without a browser."""

import subprocess
import sys

import pytest

from ssmviz.claims import CLAIMS
from tests.pages.conftest import ROOT

PAGE = "pages/start/claims.py"


def shown(app) -> list[str]:
    return [c.id for c in CLAIMS.values() if any(m.value.startswith(f"#### {c.title} :") for m in app.markdown)]


def test_every_claim_is_shown(open_page):
    app = open_page(PAGE)
    assert not app.exception
    assert shown(app) == list(CLAIMS)


@pytest.mark.parametrize("claim", ["table1", "table2"])
def test_a_link_shows_its_claim_alone(open_page, claim):
    app = open_page(PAGE, claim=claim)
    assert not app.exception
    assert shown(app) == [claim]


def test_an_unknown_claim_is_said_and_all_are_shown(open_page):
    app = open_page(PAGE, claim="table99")
    assert "'table99'" in app.warning[0].value
    assert shown(app) == list(CLAIMS)


def test_filters_leave_what_they_name(open_page):
    app = open_page(PAGE, claims_about="scale", claims_state="not run here")
    assert shown(app) == [c.id for c in CLAIMS.values() if (c.topic, c.status) == ("scale", "not run here")]


def test_the_claims_load_neither_torch_nor_tables():
    code = "import sys, ssmviz.claims; assert not {'torch', 'pandas', 'streamlit'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
