"""A real server of a class over a real store, without a launcher."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn

from ssmviz.classroom.people import COOKIE
from ssmviz.settings import OptimSettings, TaskSettings, TrainSettings

SETTINGS = TrainSettings(
    task=TaskSettings(name="selective_copying", L=16, vocab=6, n_data=3), optim=OptimSettings(steps=100)
)


@contextmanager
def served(app, port=None):
    """The port of an ASGI application."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port or 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.002)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(5)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


@dataclass
class Browser:
    """Somebody with a cookie jar."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path, **headers):
        return self.ask("GET", path, None, headers)

    def post(self, path, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, data, {"Content-Type": "application/json"} | headers)

    def delete(self, path):
        return self.ask("DELETE", path, None, {})

    def ask(self, method, path, data, headers):
        """(status, headers, body as JSON or text)."""
        address = path if path.startswith("http") else f"http://127.0.0.1:{self.port}{path}"
        own = {"Origin": f"http://127.0.0.1:{self.port}"} if method != "GET" else {}
        own |= {"Cookie": self.cookie} if self.cookies else {}
        request = urllib.request.Request(address, data, own | headers, method=method)
        try:
            answer = OPENER.open(request, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            for line in answer.headers.get_all("set-cookie", []):
                name, _, value = line.partition(";")[0].partition("=")
                self.cookies[name] = value
                if "max-age=0" in line.lower():
                    del self.cookies[name]
            body = answer.read()
        is_json = (answer.headers.get("content-type") or "").startswith("application/json")
        return answer.status, answer.headers, json.loads(body) if is_json else body.decode("utf-8", "replace")

    @property
    def cookie(self):
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def __call__(self, person_cookie):
        return Browser(self.port, {COOKIE: person_cookie})
