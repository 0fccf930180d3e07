"""Every page: registered, short, and without torch or tables in the server."""

import os
import subprocess
import sys

import pytest

from tests.pages.conftest import ROOT, SITE

PAGES = sorted((ROOT / "pages").rglob("*.py"))


@pytest.mark.parametrize("lesson", PAGES, ids=lambda p: p.stem)
def test_every_page_is_registered_and_renders(open_page, lesson):
    app = open_page(str(lesson.relative_to(ROOT)))
    assert not app.exception
    assert app.title or app.header


@pytest.mark.parametrize("lesson", PAGES, ids=lambda p: p.stem)
def test_every_page_lies_in_a_section_and_is_short(lesson):
    assert lesson.parent.parent == ROOT / "pages"  # beside app.py's own folder it would break deep links
    longest = 120 if lesson.parent.name == "learn" else 80  # lessons are mostly words
    assert len(lesson.read_text().splitlines()) <= longest


def test_app_and_lab_never_load_torch_or_tables(tmp_path):
    code = (
        "import sys, app\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"run = AppTest.from_file('{SITE}', default_timeout=60).run()\n"
        "assert not run.exception, run.exception\n"
        "loaded = {'torch', 'numba', 'pandas', 'pyarrow'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    environment = os.environ | {"SSMVIZ_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
