"""A visitor who speaks Streamlit's protocol by hand, and so can say what no browser would."""

from __future__ import annotations

import http.client
import re
import uuid
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

PATIENCE = 30.0  # seconds; generous, the machine may be busy
OVERTAKEN = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN
COMPILED = ForwardMsg.ScriptFinishedStatus.FINISHED_WITH_COMPILE_ERROR


@dataclass
class Page:
    """What one run of a script sent."""

    placed: dict[tuple[int, ...], Element] = field(default_factory=dict)  # by their place: what comes later replaces
    crashes: list[str] = field(default_factory=list)  # also those that something has replaced
    raw: bytes = b""

    @property
    def elements(self) -> list[Element]:
        return list(self.placed.values())

    def of(self, kind: str) -> list:
        return [getattr(element, kind) for element in self.elements if element.WhichOneof("type") == kind]

    @property
    def alerts(self) -> str:
        return "\n".join(alert.body for alert in self.of("alert"))

    @property
    def says(self) -> str:
        texts = [*self.of("markdown"), *self.of("heading"), *self.of("text"), *self.of("alert"), *self.of("html")]
        return "\n".join(getattr(text, "body", "") for text in texts)


class Visitor:
    """One browser: its cookie, and one page that it looks at."""

    def __init__(self, port: int, *, cookie: str | None = None) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.cookie = self._first_cookie() if cookie is None else cookie
        self.query, self.hash, self.path, self.session = "", "", "", ""
        self._open = ExitStack()

    def _first_cookie(self) -> str:
        status, headers, _ = self.ask("GET", "/", cookie="", Accept="text/html")
        assert status == 200
        return "; ".join(c.partition(";")[0] for c in headers.get_all("Set-Cookie") or [])

    def ask(self, method: str, path: str, body: bytes | None = None, *, cookie: str | None = None, **headers: str):
        """(status, headers, body) of one request, sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        sent = {"Host": self.host} | {name.replace("_", "-"): value for name, value in headers.items()}
        if given := self.cookie if cookie is None else cookie:
            sent["Cookie"] = given
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was read
            connection.endheaders(body)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.headers, content

    def connect(self, path: str = "/_stcore/stream", **headers: str):
        """A socket that says who it is, unless told otherwise."""
        origin = headers.pop("Origin", f"http://{self.host}")
        more = {"Cookie": self.cookie} if self.cookie else {}
        return connect(
            f"ws://{self.host}{path}",
            origin=origin or None,
            subprotocols=["streamlit"] if path.endswith("stream") else None,
            additional_headers=more | headers,
            max_size=None,
            compression=None,
            open_timeout=PATIENCE,
        )

    def open(self, path: str, query: str = "") -> Page:
        """Look at a page."""
        self.close()
        self._socket = self._open.enter_context(self.connect())
        self.path, self.query, self.hash = path.strip("/"), query, ""
        return self.rerun()

    def rerun(self, *widgets: tuple[str, str, object], fragment: str = "") -> Page:
        """Run the script again with these states of widgets: (id, kind, value)."""
        self._socket.send(self.message(*widgets, fragment=fragment).SerializeToString())
        return self.listen()

    def message(self, *widgets: tuple[str, str, object], fragment: str = "") -> BackMsg:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash, state.fragment_id = self.query, self.hash, fragment
        state.page_name = "" if self.hash else self.path
        for id_, kind, value in widgets:
            widget = state.widget_states.widgets.add()
            widget.id = id_
            if kind.endswith("_array_value"):
                getattr(widget, kind).data.extend(value)
            elif kind == "file_uploader_state_value":
                widget.file_uploader_state_value.CopyFrom(value)
            else:
                setattr(widget, kind, value)
        return message

    def listen(self) -> Page:
        """Until the script has finished, however it ends."""
        page = Page()
        while True:
            data = self._socket.recv(PATIENCE, decode=False)
            page.raw += data
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id
            elif kind == "navigation":
                self.hash = message.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = message.page_info_changed.query_string
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                element = message.delta.new_element
                page.placed[tuple(message.metadata.delta_path)] = element
                if element.WhichOneof("type") == "exception":
                    page.crashes.append(element.exception.message)
            elif kind == "script_finished" and message.script_finished != OVERTAKEN:
                assert message.script_finished != COMPILED
                return page

    def say(self, message: BackMsg) -> None:
        self._socket.send(message.SerializeToString())

    def throw(self, data: bytes) -> None:
        """Send without listening."""
        self._socket.send(data)

    def settle(self) -> None:
        """Listen until the server has nothing more to say."""
        with suppress(TimeoutError):
            while True:
                self._socket.recv(1.5, decode=False)

    def until(self, kind: str) -> ForwardMsg:
        """The next message of this kind."""
        while True:
            message = ForwardMsg.FromString(self._socket.recv(PATIENCE, decode=False))
            if message.WhichOneof("type") == kind:
                return message

    def send(self, data: bytes | str) -> int | None:
        """Say anything; the code that the socket is closed with, None while it stays open."""
        self._socket.send(data)
        try:
            while True:
                self._socket.recv(2.0, decode=False)
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        except TimeoutError:
            return None

    def upload(self, uploader, name: str, content: bytes, *, session: str | None = None) -> int:
        """Give a file to an uploader; status of the request that carries it."""
        self.file = str(uuid.uuid4())
        page = self.ask("GET", "/_stcore/health", Accept="text/html")
        token = re.search(r"_streamlit_xsrf=([^;]*)", page[1].get("Set-Cookie", "") or "")
        border = "b0rder"
        head = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        cookie = f"{self.cookie}; _streamlit_xsrf={token[1]}" if token else self.cookie
        return self.ask(
            "PUT",
            f"/_stcore/upload_file/{session or self.session}/{self.file}",
            body,
            cookie=cookie,
            Content_Type=f"multipart/form-data; boundary={border}",
            X_Xsrftoken=token[1] if token else "",
            Origin=f"http://{self.host}",
        )[0]

    def close(self) -> None:
        self._open.close()
