"""Known vulnerabilities of what the app runs on: `make audit`.

Asked are the packages that requirements.txt brings in, in the versions that are installed: no tool of the developers,
nothing downloaded. Exit status: 0 none known, 1 some known or the environment is broken, 2 nobody could be asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"


def wanted(text: str) -> list[Requirement]:
    """What a requirements file asks for on this platform."""
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    return [requirement for requirement in found if requirement.marker is None or requirement.marker.evaluate()]


def installed(requirements: list[Requirement]) -> dict[str, str]:
    """Name and version of all that these requirements bring in, here."""
    found: dict[str, str] = {}
    waiting = [(requirement, "") for requirement in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            here = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"audit: {name} is not installed; make setup") from None
        fresh = name not in found
        found[name] = here.version.partition("+")[0]  # builds of one version share its vulnerabilities
        extras = requirement.extras or ({""} if fresh else set())
        waiting += [(Requirement(line), extra) for extra in extras for line in here.requires or []]
    return found


def findings(report: str) -> Iterator[str]:
    """One line for every vulnerability of a report of pip-audit."""
    for package in json.loads(report)["dependencies"]:
        for known in package.get("vulns", []):
            fixed = ", ".join(known["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {known['id']}, fixed in {fixed}"


def main() -> int:
    """Check the environment, then ask."""
    if subprocess.run([sys.executable, "-m", "pip", "check", "--disable-pip-version-check"], check=False).returncode:
        return 1
    packages = installed(wanted(REQUIREMENTS.read_text()))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"{name}=={version}\n" for name, version in sorted(packages.items())))
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--no-deps", "--format", "json"]
        command += ["--progress-spinner", "off", "--requirement", file.name, *sys.argv[1:]]
        done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed words
    try:
        known = list(findings(done.stdout))
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        sys.stderr.write(
            f"audit: the list of known vulnerabilities could not be asked, so nothing is known about {len(packages)} "
            f"packages; try again with a network ({last[:200]})\n"
        )
        return 2
    sys.stdout.write("".join(f"{line}\n" for line in known))
    sys.stdout.write(f"{len(packages)} packages, {len(known)} known vulnerabilities\n")
    return 1 if known else 0


if __name__ == "__main__":
    sys.exit(main())
