"""A page that mounts the component as Streamlit does: shadow root, theme variables.

Every answer of the server is under the test's control.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Request, Route, WebSocketRoute

from tests.component.made_up import message, wrapped
from tests.component.synthetic import Twins

ASSETS = Path(__file__).parents[2] / "assets"
ORIGIN = "http://ssmviz.test"

LIGHT = {
    "background": "#ffffff",
    "secondary-background": "#f0f2f6",
    "text": "#31333f",
    "border": "#d5d7de",
    "primary": "#0072b2",
}
DARK = {
    "background": "#0e1117",
    "secondary-background": "#1f232c",
    "text": "#fafafa",
    "border": "#3a3f4a",
    "primary": "#56b4e9",
}

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>harness</title><body><div id="theme"><div id="host"></div></div>
<script type="module">
  const host = document.getElementById("host");
  const root = host.attachShadow({ mode: "open" });
  const sheets = ["canvas/canvas.css", "live/lab.css"].map((name) => {
    const style = document.createElement("link");
    Object.assign(style, { rel: "stylesheet", href: "/assets/" + name });
    root.append(style);
    return new Promise((done) => { style.onload = done; });
  });
  const ready = Promise.all(sheets);
  const { default: mount } = await import("/assets/live/lab.js");
  window.triggered = [];
  window.cleanups = [];
  window.mountLab = async (data) => {
    await ready;
    const setTriggerValue = (name, value) => window.triggered.push([name, value]);
    window.cleanups.push(mount({ data, parentElement: root, setStateValue() {}, setTriggerValue }));
  };
  window.isReady = true;
</script>"""

TYPES = {".js": "text/javascript", ".css": "text/css"}


class Harness:
    """The page, the server's stand-in, and what it was asked."""

    def __init__(self, page: Page, twins: Twins) -> None:
        self.page, self.twins = page, twins
        self.record: dict[str, Any] = twins.experiment()
        self.requests: list[str] = []
        self.controls: list[dict[str, Any]] = []
        self.acks: list[int] = []
        self.sockets: list[WebSocketRoute] = []
        self.on_control: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]] = self._accept
        self.errors: list[str] = []
        self.frames: dict[tuple[str, int], bytes] = {}
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: self.errors.append(error.stack or str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.route("**/*", self._answer)
        page.route_web_socket("**/live", self._socket)

    def open(self, *, theme: dict[str, str] = LIGHT, **data: Any) -> None:
        """Load the page and mount the component."""
        self.page.goto(ORIGIN + "/")
        self.page.wait_for_function("window.isReady")
        self.theme(theme)
        self.mount(**data)

    def mount(self, **data: Any) -> None:
        """Call the export, as Streamlit does at every change of `data`."""
        data = {
            "experiment": self.record["id"],
            "base": "",
            "assets": "/assets/",
            "autoplay": True,
            "controls": True,
        } | data
        self.page.evaluate("data => window.mountLab(data)", data)

    def theme(self, colours: dict[str, str]) -> None:
        """Set Streamlit's variables."""
        self.page.evaluate(
            """colours => {
              const style = document.getElementById("theme").style;
              for (const [name, value] of Object.entries(colours))
                style.setProperty(`--st-${name}-color`, value);
              style.setProperty("--st-font", "sans-serif");
              document.body.style.background = colours.background;
            }""",
            colours,
        )

    def counter(self, name: str) -> str:
        """One of the counters on the root element."""
        return str(self.page.locator(".ssmviz-lab").get_attribute(f"data-{name}"))

    def wait(self, name: str, value: object) -> None:
        """Until the counter has the value."""
        self.page.locator(f'.ssmviz-lab[data-{name}="{value}"]').wait_for(state="attached")

    def say(self, message: dict[str, Any] | bytes) -> None:
        """Send over the newest socket."""
        self.sockets[-1].send(message if isinstance(message, bytes) else json.dumps(message))

    def update(self, index: int = 0, *, settled: bool = False, **changes: Any) -> None:
        """Tell what changed of one run."""
        runs = [{"index": index, "truncate": None} | changes]
        self.say({"type": "update", "control": None, "settled": settled, "runs": runs})

    def send_frames(self, step: int) -> None:
        """Those of both twins."""
        for run, name in enumerate(("s6", "s4d")):
            self.say(message(run, step, self.twins.frame(name, step)))

    def until(self, done: Callable[[], bool]) -> None:
        """Waits for something on this side of the wire."""
        for _ in range(200):
            if done():
                return
            self.page.wait_for_timeout(25)
        raise AssertionError("the page did not do it within 5 s")

    def act(self, name: str) -> None:
        """Press a button."""
        self.page.locator(f"[data-action={name}]").click()

    def last_control(self, count: int = 1) -> dict[str, Any]:
        """What was asked for last, once `count` things were."""
        self.until(lambda: len(self.controls) >= count)
        return self.controls[-1]

    def _socket(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.acks.append(json.loads(text)["run"]))
        socket.send(json.dumps({"type": "hello"} | self.record))

    def _answer(self, route: Route, request: Request) -> None:
        url = urlsplit(request.url)
        self.requests.append(f"{request.method} {url.path}")
        if url.path == "/":
            route.fulfill(body=PAGE, content_type="text/html")
        elif url.path.startswith("/assets/"):
            file = ASSETS / url.path.removeprefix("/assets/")
            route.fulfill(body=file.read_text(), content_type=TYPES[file.suffix])
        elif url.path.endswith("/frames"):
            route.fulfill(body=self._history(url.path.split("/")[3], int(parse_qs(url.query)["after"][0])))
        elif url.path.endswith("/control"):
            body = json.loads(request.post_data or "{}")
            self.controls.append(body)
            status, answer = self.on_control(body)
            route.fulfill(status=status, json=answer)
        elif url.path == f"/api/experiments/{self.record['id']}":
            route.fulfill(json=self.record)
        else:
            route.fulfill(status=404, json={"error": "there is no such experiment"})

    def _history(self, run: str, after: int) -> bytes:
        """Of the frames that the record names now; packing them is what takes time, so each is packed once."""
        kept = next(r["frames"] for r in self.record["runs"] if r["id"] == run)
        return b"".join(wrapped(step, self._frame(run.removeprefix("run-"), step)) for step in kept if step > after)

    def _frame(self, name: str, step: int) -> bytes:
        if (name, step) not in self.frames:
            self.frames[name, step] = self.twins.frame(name, step)
        return self.frames[name, step]

    def _accept(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        control = self.record["control"]
        if body["action"] in ("pause", "resume"):
            control["paused"] = body["action"] == "pause"
        if body["action"] == "probe":
            control["probe"] = body["tokens"]
            control["probe_version"] += 1
        if body["action"] == "restart":
            return 200, {"experiment": "another", "control": control}
        return 200, {"experiment": self.record["id"], "control": control}
