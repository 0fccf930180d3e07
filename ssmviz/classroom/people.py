"""Who asks: from the cookies of a request to a person, the same way in routes and on pages.

`local` knows one person, who may do everything. In a classroom, `Anonymous` gives every browser a random identity in a
signed cookie, and `SignedIn` reads what the identity provider said. Ids are digests: an e-mail address is compared
with the lists of the classroom and then forgotten; a name lives in the memory of the server alone.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from itsdangerous import BadData, URLSafeTimedSerializer

from ssmviz.classroom.config import Classroom
from ssmviz.runs.records import cut

COOKIE = "ssmviz_person"
COOKIE_SECONDS = 180 * 24 * 3600  # a semester
KEY_FILE = "cookie.key"
ID_LENGTH = 32  # hexadecimal digits
MAX_NAMES = 10_000

Cookies = Mapping[str, str]
Role = Literal["presenter", "student", "guest"]


@dataclass(frozen=True)
class Person:
    """Somebody who uses this server.

    Attributes:
        id: digest, 32 hexadecimal digits; "" for the one person of a server without a classroom, and for guests.
        name: to be shown as text, at most 80 characters.
        role: presenters see and touch everything; students what is theirs and what is shared; guests, whom nobody
            knows yet, nothing but recordings.
    """

    id: str
    name: str
    role: Role

    @property
    def presents(self) -> bool:
        """May do everything."""
        return self.role == "presenter"

    @property
    def is_known(self) -> bool:
        """May start something."""
        return self.role != "guest"


YOU = Person("", "you", "presenter")
GUEST = Person("", "guest", "guest")


class People:
    """Everybody of a server without a classroom: one person, no cookie."""

    def __call__(self, cookies: Cookies) -> Person:
        """The person whose browser sends these cookies."""
        return YOU

    def name_of(self, id_: str) -> str:
        """What a presenter reads beside a person's runs."""
        return YOU.name


class _Known(People):
    """Remembers names, in memory alone."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name_of(self, id_: str) -> str:
        return self._names.get(id_) or _short_name(id_)

    def _remember(self, person: Person) -> Person:
        if person.id not in self._names and len(self._names) >= MAX_NAMES:
            self._names.pop(next(iter(self._names)))
        self._names[person.id] = person.name
        return person


class Anonymous(_Known):
    """A random identity for every browser, in a cookie that is signed here.

    Args:
        classroom: with `presenter_key`.
        key: signs the cookies; see `read_key`.
    """

    def __init__(self, classroom: Classroom, key: bytes) -> None:
        super().__init__()
        self._presenter_key = classroom.presenter_key
        self._signer = URLSafeTimedSerializer(key, salt=COOKIE)

    def __call__(self, cookies: Cookies) -> Person:
        """The person of the cookie; a guest when there is none, or none of ours."""
        content = self._content(cookies)
        if content is None:
            return GUEST
        id_ = content["id"]
        presents = bool(self._presenter_key) and hmac.compare_digest(content["presents"], self._mark(id_))
        return self._remember(Person(id_, _short_name(id_), "presenter" if presents else "student"))

    def new_cookie(self) -> str:
        """The cookie of somebody who was never here."""
        return self._sign(secrets.token_hex(ID_LENGTH // 2), "")

    def presenter_cookie(self, cookies: Cookies, key: str) -> str | None:
        """The cookie of the same person as presenter; None when the key is wrong or there is none."""
        right = bool(self._presenter_key) and hmac.compare_digest(key.encode(), self._presenter_key.encode())
        if not right:
            return None
        content = self._content(cookies)
        id_ = content["id"] if content else secrets.token_hex(ID_LENGTH // 2)
        return self._sign(id_, self._mark(id_))

    def _sign(self, id_: str, presents: str) -> str:
        return str(self._signer.dumps({"id": id_, "presents": presents}))

    def _mark(self, id_: str) -> str:
        """Another presenter key makes all presenters students again."""
        return hmac.new(self._presenter_key.encode(), id_.encode(), hashlib.sha256).hexdigest()

    def _content(self, cookies: Cookies) -> dict[str, str] | None:
        try:
            content: dict[str, str] = self._signer.loads(cookies.get(COOKIE, ""), max_age=COOKIE_SECONDS)
        except BadData:
            return None
        return content


class SignedIn(_Known):
    """Whom the identity provider knows.

    Args:
        classroom: with the addresses of presenters and students.
        key: makes digests that nobody else can make from an address; see `read_key`.
        claims: what the provider said about the person of these cookies; None when nobody is signed in.
    """

    def __init__(self, classroom: Classroom, key: bytes, claims: Callable[[Cookies], dict[str, Any] | None]) -> None:
        super().__init__()
        self._presenters = frozenset(address.casefold() for address in classroom.presenters)
        self._students = frozenset(address.casefold() for address in classroom.students)
        self._key = key
        self._claims = claims

    def __call__(self, cookies: Cookies) -> Person:
        """The person who is signed in; a guest when nobody is, or nobody of this class."""
        claims = self._claims(cookies)
        if not claims or not (subject := str(claims.get("sub") or "")):
            return GUEST
        role = self._role(_address(claims))
        if role == "guest":
            return GUEST
        whole = f"{claims.get('iss') or claims.get('provider')}\n{subject}"
        id_ = hmac.new(self._key, whole.encode(), hashlib.sha256).hexdigest()[:ID_LENGTH]
        name = cut(str(claims.get("name") or claims.get("given_name") or "")) or _short_name(id_)
        return self._remember(Person(id_, name, role))

    def _role(self, address: str) -> Role:
        if address in self._presenters:
            return "presenter"
        domain = "@" + address.rpartition("@")[2]
        return "student" if not self._students or {address, domain} & self._students else "guest"


def people(classroom: Classroom | None, root: Path, claims: Callable[[Cookies], dict[str, Any] | None]) -> People:
    """Who is who on this server.

    Args:
        classroom: of the server, None for one person on their own machine.
        root: of the store, where the key is kept.
        claims: see `SignedIn`.
    """
    if classroom is None:
        return People()
    key = read_key(root)
    return Anonymous(classroom, key) if classroom.sign_in == "none" else SignedIn(classroom, key, claims)


def read_key(root: Path) -> bytes:
    """The secret of this store: made once, readable by its owner alone."""
    path = root / KEY_FILE
    if not path.exists():
        fresh = root / f"{KEY_FILE}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_hex(32).encode())
        with suppress(FileExistsError):  # another process was faster: its key counts
            os.link(fresh, path)
        fresh.unlink()
    os.chmod(path, 0o600)
    return path.read_bytes()


def _address(claims: Mapping[str, Any]) -> str:
    """The e-mail address that the provider vouches for, "" for any other."""
    doubted = str(claims.get("email_verified", True)).casefold() == "false"
    return "" if doubted else str(claims.get("email") or "").casefold()


def _short_name(id_: str) -> str:
    return f"Student {id_[:4].upper()}" if id_ else "before the class"
