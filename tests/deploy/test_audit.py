"""`make audit` without a network: what is asked, and that nobody mistakes silence for safety."""

import importlib.util
import json
import subprocess

import pytest

from ssmviz.serve import DEPLOY, PROJECT


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", DEPLOY / "audit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(monkeypatch, audit, stdout, stderr=""):
    def run(command, **_):
        return subprocess.CompletedProcess(command, 0, stdout if "pip_audit" in command else "", stderr)

    monkeypatch.setattr(audit.subprocess, "run", run)
    monkeypatch.setattr(audit.sys, "argv", ["audit"])
    return audit.main()


def test_what_the_app_runs_on_is_asked_with_all_it_brings_in(audit):
    packages = audit.installed(audit.wanted((PROJECT / "requirements.txt").read_text()))
    assert {"streamlit", "starlette", "torch", "tornado" if "tornado" in packages else "protobuf"} <= packages.keys()
    assert "pytest" not in packages
    assert all("+" not in version for version in packages.values())


def test_silence_is_not_safety(audit, monkeypatch, capsys):
    assert answer(monkeypatch, audit, "", "ConnectionError: no network") == 2
    assert "nothing is known" in capsys.readouterr().err


def test_a_known_vulnerability_is_named_with_its_cure(audit, monkeypatch, capsys):
    known = {"id": "CVE-2026-1", "fix_versions": ["2.0"], "aliases": [], "description": ""}
    report = {"dependencies": [{"name": "thing", "version": "1.0", "vulns": [known]}], "fixes": []}
    assert answer(monkeypatch, audit, json.dumps(report)) == 1
    assert "thing 1.0: CVE-2026-1, fixed in 2.0" in capsys.readouterr().out
    report["dependencies"][0]["vulns"] = []
    assert answer(monkeypatch, audit, json.dumps(report)) == 0
