"""A real server over a real store, without a launcher: tests write what workers would."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette

from ssmviz.live.routes import Live
from ssmviz.runs.client import Client
from ssmviz.runs.store import Store
from ssmviz.runs.view import Library
from ssmviz.settings import OptimSettings, TaskSettings, TrainSettings

SETTINGS = TrainSettings(
    task=TaskSettings(name="selective_copying", L=16, vocab=6, n_data=3), optim=OptimSettings(steps=100)
)


@dataclass
class Lab:
    """A server, its store, and one experiment of two runs that are being trained."""

    store: Store
    client: Client
    live: Live
    port: int
    experiment: str
    runs: tuple[str, ...]
    attempts: dict[str, int] = field(default_factory=dict)

    def start(self, run: str, *, step: int | None = None) -> None:
        """A new attempt, from a checkpoint at `step`."""
        if run not in self.attempts:
            self.attempts[run] = 1
        else:
            row = self.store.run(run)
            self.store.move(run, "queued", attempt=row.attempt)
            self.attempts[run] = self.store.claim(run)
        self.store.move(run, "running", attempt=self.attempts[run], backend="numba", device="cpu")
        self.db(run).begin_attempt(step, {"device": "cpu", "backend": "numba", "parameters": 7, "notes": []})

    def db(self, run: str):
        return self.store.rundb(run, self.attempts[run])

    def losses(self, run: str, steps: list[int]) -> None:
        data = {"steps": steps, "losses": [1.0 / s for s in steps]}
        self.db(run).append([("steps", steps[-1], data)])

    def evaluate(self, run: str, step: int, accuracy: float = 0.5) -> None:
        data = {"step": step, "loss": 1.0, "test_loss": 1.1, "token_accuracy": accuracy, "sequence_accuracy": 0.1}
        data |= {"position_accuracy": [accuracy] * 3, "lr": 1e-3, "grad_norm": float("nan"), "seconds": 0.5}
        self.db(run).append([("evaluation", step, data)])

    def finish(self) -> None:
        for run in self.runs:
            self.store.move(run, "done", attempt=self.attempts.get(run, self.store.run(run).attempt), step=100)

    def get(self, path: str, **headers: str):
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: object, **headers: str):
        own = {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/json"}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.ask("POST", path, data, own | {k.replace("_", "-"): v for k, v in headers.items()})

    def ask(self, method: str, path: str, data: bytes | None, headers: dict[str, str]):
        """(status, headers, body as JSON or bytes)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return _read(answer.status, answer)
        except urllib.error.HTTPError as answer:
            return _read(answer.code, answer)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/experiments/{self.experiment}/live"


def _read(status, answer):
    body = answer.read()
    is_json = (answer.headers.get("content-type") or "").startswith("application/json")
    return status, answer.headers, json.loads(body) if is_json else body


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """(live, port) of a server that the tests of a module share."""
    root = tmp_path_factory.mktemp("site")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "ensure_launcher", lambda self: None)
        store = Store(root / "home", free=lambda _: 10**12)
        live = Live(Client(store), Library(store, root / "recordings"))
        config = uvicorn.Config(Starlette(routes=live.routes()), host="127.0.0.1", port=port, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield live, port
        server.should_exit = True
        thread.join(5)


@pytest.fixture
def lab(site, request) -> Lab:
    live, port = site
    store = live.client.store
    runs = [("S6", SETTINGS), ("S4D", SETTINGS)]
    row = store.create_experiment(request.node.nodeid, "Selective copying", runs, state="starting")
    lab = Lab(store, live.client, live, port, row.id, tuple(run.id for run in store.runs_of(row.id)))
    for run in lab.runs:
        lab.start(run)
    return lab


@pytest.fixture
def frame() -> bytes:
    return np.arange(25, dtype=np.uint8).tobytes()
