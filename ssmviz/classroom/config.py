"""The settings of a classroom: one TOML file, named by the environment variable SSMVIZ_CLASSROOM."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ssmviz.settings import Count, Settings, explain

VARIABLE = "SSMVIZ_CLASSROOM"
KEY_VARIABLE = "SSMVIZ_PRESENTER_KEY"
SHORTEST_KEY = 12  # characters of a secret that cannot be guessed in a lesson

Address = Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$", max_length=254)]
Member = Annotated[str, Field(pattern=r"^[^@\s]{0,64}@[^@\s]{1,190}$", max_length=254)]
Limit = Annotated[Count, Field(ge=1, le=10_000)]


class BadClassroom(ValueError):  # noqa: N818 - a sentence for who runs the server
    """The file cannot be used; the text says which key, what it was, and what to do."""


class Classroom(Settings):
    """What a server for many people must know. Runs are counted one by one: twins are two.

    Attributes:
        sign_in: "none": everybody gets a random identity in a signed cookie. "oidc": people sign in with `st.login`.
        presenters: e-mail addresses of who presents, as the provider knows them (oidc).
        students: addresses, or domains as "@example.org", of who may come in (oidc); none: whoever can sign in.
        presenter_key: makes who knows it a presenter (none); better given as SSMVIZ_PRESENTER_KEY. "": nobody is.
        runs_per_person: of one student, at work at the same time.
        runs_waiting_per_person: of one student, in the queue.
        submits_per_hour: experiments that one student may start in an hour.
        experiments_per_person: that one student may keep.
        runs_at_once: of everybody, at work at the same time; 0: one for each processor.
        wall_minutes: after which a run is ended.
        title: of the class, shown to everybody.
        address: where people find this server, "https://ssm.example.org"; for the join link and its QR code.
    """

    sign_in: Literal["none", "oidc"] = "none"
    presenters: Annotated[tuple[Address, ...], Field(strict=False, max_length=100)] = ()
    students: Annotated[tuple[Member, ...], Field(strict=False, max_length=2000)] = ()
    presenter_key: str = Field("", max_length=200, pattern=rf"^(\S{{{SHORTEST_KEY},}})?$", repr=False)
    runs_per_person: Limit = 2
    runs_waiting_per_person: Limit = 4
    submits_per_hour: Limit = 60
    experiments_per_person: Limit = 40
    runs_at_once: Annotated[Count, Field(ge=0, le=1024)] = 0
    wall_minutes: Annotated[float, Field(strict=False, gt=0, le=24 * 60)] = 15
    title: str = Field("", max_length=80)
    address: str = Field("", max_length=200, pattern=r"^(https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/\-]*)?)?$")

    @property
    def wall_seconds(self) -> float:
        """The same limit as settings have it."""
        return self.wall_minutes * 60


def read_classroom(path: Path | str | None = None) -> Classroom | None:
    """The classroom that the environment names; None where there is none: one person on their own machine.

    Args:
        path: of the file; $SSMVIZ_CLASSROOM when None.

    Raises:
        BadClassroom: the file is missing, no TOML, or has a key that is unknown or out of bounds.
    """
    chosen = path or os.environ.get(VARIABLE)
    if not chosen:
        return None
    values = _table(Path(chosen).expanduser())
    if key := os.environ.get(KEY_VARIABLE):
        values["presenter_key"] = key
    try:
        return Classroom.model_validate(values)
    except ValidationError as error:
        raise BadClassroom(f"the classroom in {chosen} cannot be used: {_without_key(error)}") from None


def _table(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        why = f"{path} cannot be read ({error.strerror}); {VARIABLE} must name the classroom's TOML file, or be unset"
        raise BadClassroom(why) from None
    except ValueError as error:  # no TOML, no UTF-8
        raise BadClassroom(f"{path} is no TOML file: {error}") from None


def _without_key(error: ValidationError) -> str:
    """What is wrong, secrets left out: also one under a misspelt name."""
    problems = error.errors()
    unknown = [str(item["loc"][0]) for item in problems if item["type"] == "extra_forbidden"]
    if unknown:
        return f"there is no key {', '.join(unknown)}; the keys are {', '.join(Classroom.model_fields)}"
    if any(item["loc"][:1] == ("presenter_key",) for item in problems):
        return f"presenter_key: at least {SHORTEST_KEY} characters without spaces (what was given is not shown)"
    return explain(error)
