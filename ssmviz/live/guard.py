"""What a request must be before anything looks at it: same origin, known id, small strict JSON."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ssmviz.settings import Count, Real, Settings, explain

MAX_BODY = 64 * 1024
MAX_PROBE = 2 * 65536 + 64  # tokens: twice the longest training sequence and its answers
T = TypeVar("T")
RECORDING = re.compile(r"[a-z][a-z0-9_]{0,79}")

log = logging.getLogger(__name__)


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """The request is not carried out; `str()` is shown to the person.

    Args:
        status: of the answer.
        message: what, and what to do.
        retry_after: seconds after which it makes sense to try again; 0: not said.
    """

    def __init__(self, status: int, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def same_origin(headers: Headers) -> bool:
    """Whether the page that sends this was served by this very server."""
    origin, host = headers.get("origin", ""), headers.get("host", "")
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()


def known_id(text: str) -> str:
    """A canonical UUID or the name of a recording.

    Raises:
        Refused: anything else, before it can become part of a path.
    """
    if RECORDING.fullmatch(text):
        return text
    try:
        if len(text) != 36:
            raise ValueError
        return str(uuid.UUID(text))
    except ValueError:
        raise Refused(404, f"there is no run called {text[:80]!r}; choose one from the list of runs") from None


class Plain(Settings):
    """A control without arguments."""

    action: Literal["pause", "resume", "stop", "restart", "resume_run"]


class StepOnce(Settings):
    """Go on for `count` optimiser steps, then stand still."""

    action: Literal["step"]
    count: Annotated[Count, Field(ge=1, le=100)] = 1


class Speed(Settings):
    """Largest number of steps per second, 0 = as fast as possible."""

    action: Literal["speed"]
    value: Annotated[Real, Field(ge=0, le=1e4)]


class EditProbe(Settings):
    """Look at other tokens from now on, None = the default probe."""

    action: Literal["probe"]
    tokens: Annotated[list[Annotated[Count, Field(ge=0, le=255)]], Field(min_length=1, max_length=MAX_PROBE)] | None


Control = Plain | StepOnce | Speed | EditProbe
_CONTROL: TypeAdapter[Control] = TypeAdapter(Annotated[Control, Field(discriminator="action")])


async def control_of(request: Request) -> Control:
    """The validated control in the body of a POST; raises as `body_of`."""
    return await body_of(request, _CONTROL)


async def body_of(request: Request, kind: TypeAdapter[T]) -> T:
    """The validated body of a POST.

    Raises:
        Refused: foreign origin (403), not JSON (415), too large (413), malformed (400).
    """
    require_same_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "send JSON: content-type must be application/json")
    try:
        return kind.validate_json(await _body(request))
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise Refused(400, "the body is not valid JSON") from error
        raise Refused(400, explain(error)) from error


def require_same_origin(request: Request) -> None:
    """Refuse what another site's page sends.

    Raises:
        Refused: Origin is absent or is not this server (403).
    """
    if not same_origin(request.headers):
        raise Refused(403, "only pages of this server may change its runs: Origin must equal Host")


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refused(413, f"the body may have {MAX_BODY // 1024} KiB, got more")
    return body


def answering(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """The handler with every failure turned into `{"error": "..."}`, never a traceback."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Refused as refusal:
            return error(refusal.status, str(refusal), refusal.retry_after)
        except Exception:
            log.exception("%s %s failed", request.method, request.url.path)
            return error(500, "this went wrong on the server; its log says more")

    return answer


def error(status: int, message: str, retry_after: int = 0) -> JSONResponse:
    """One sentence for a person, as JSON."""
    content: dict[str, Any] = {"error": message}
    return JSONResponse(content, status, headers={"Retry-After": str(retry_after)} if retry_after else None)
