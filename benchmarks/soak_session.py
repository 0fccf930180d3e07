"""A browser without a screen: Streamlit's protocol on one socket, the lab's live socket on another."""

from __future__ import annotations

import asyncio
import json
import struct
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import numpy as np
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from ssmviz import frames

PREFIX = struct.Struct("<II")  # of a live frame: index of the run, step
SETTLED = 4000
PATIENCE = 60.0  # seconds until a rerun that does not finish is an error
FINISHED = (
    ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY,
    ForwardMsg.ScriptFinishedStatus.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
)


@dataclass
class Counts:
    """What all sessions saw."""

    reruns: list[tuple[float, float]] = field(default_factory=list)  # (when, seconds until the script had finished)
    opened: list[float] = field(default_factory=list)  # seconds until a new visitor's first script had finished
    frames: int = 0
    torn: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: int = 0  # a class has limits; what they refuse is not lost
    started: dict[str, Session] = field(default_factory=dict)  # experiments, by who pressed Train


class Session:
    """One visitor of one page.

    Args:
        port: of the server on this machine.
        path: of the page.
        query: of the address.
        counts: where everything goes.
    """

    def __init__(self, port: int, path: str, query: str, counts: Counts) -> None:
        self.host = f"127.0.0.1:{port}"
        self.path, self.query, self.counts = path, query, counts
        self.buttons: dict[str, str] = {}  # by their labels: ids
        self.numbers: dict[str, tuple[str, str]] = {}  # by their keys: ids, and the fragments they lie in
        self.alerts: list[str] = []  # of the last run of the script
        self._values: dict[str, int] = {}
        self._hash = ""
        self._cookie = ""
        self._socket: ClientConnection | None = None

    async def open(self) -> None:
        """Fetch the page (and with it a cookie), connect, run the script once."""
        self._cookie = await asyncio.to_thread(self._fetch)
        headers = {"Cookie": self._cookie} if self._cookie else {}
        self._socket = await connect(
            f"ws://{self.host}/_stcore/stream",
            origin=f"http://{self.host}",
            subprotocols=["streamlit"],
            additional_headers=headers,
            max_size=None,
            compression=None,
        )
        self.counts.opened.append(await self._run())

    async def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            await self._socket.close()

    async def rerun(self, press: str = "") -> float:
        """Run the page's script again, as after a change of a control; seconds until it had finished.

        Args:
            press: label of a button.
        """
        return self._counted(await self._run(press))

    async def change(self, key: str, value: int) -> float:
        """Set a number; what runs again is the part of the page that it lies in, as in a browser."""
        return self._counted(await self._run(number=(key, value)))

    def _counted(self, seconds: float) -> float:
        self.counts.reruns.append((time.monotonic(), seconds))
        return seconds

    @property
    def experiment(self) -> str:
        """What the address names."""
        return parse_qs(self.query).get("run", [""])[0]

    async def watch(self, experiment: str) -> bool:
        """Look at an experiment until it has settled, drawing every picture; False when it is not ours to see."""
        headers = {"Cookie": self._cookie} if self._cookie else {}
        address = f"ws://{self.host}/api/experiments/{experiment}/live"
        async with connect(
            address, origin=f"http://{self.host}", additional_headers=headers, max_size=None, compression=None
        ) as socket:
            with suppress(websockets.ConnectionClosed):
                async for message in socket:
                    if isinstance(message, bytes):
                        index = self._look_at(message)
                        await socket.send(json.dumps({"type": "ack", "run": index}))
                    else:
                        json.loads(message)
            return socket.close_code == SETTLED

    def _fetch(self) -> str:
        request = urllib.request.Request(f"http://{self.host}{self.path}?{self.query}", headers={"Accept": "text/html"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            answer.read()
            cookies = answer.headers.get_all("Set-Cookie") or []
        return "; ".join(cookie.partition(";")[0] for cookie in cookies)

    async def _run(self, press: str = "", number: tuple[str, int] | None = None) -> float:
        if self._socket is None:
            raise RuntimeError("open the session first")
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_script_hash = self._hash
        state.page_name = "" if self._hash else self.path.strip("/")
        state.context_info.url = f"http://{self.host}{self.path}"
        if press:
            widget = state.widget_states.widgets.add()
            widget.id = self.buttons[press]
            widget.trigger_value = True
        if number is not None:
            self._values[number[0]] = number[1]
            state.fragment_id = self.numbers[number[0]][1]
        for key, value in self._values.items():  # a browser sends all that was changed, every time
            widget = state.widget_states.widgets.add()
            widget.id = self.numbers[key][0]
            widget.int_value = value
        self.alerts = []
        began = time.monotonic()
        await self._socket.send(message.SerializeToString())
        while True:
            data = await asyncio.wait_for(self._socket.recv(decode=False), PATIENCE)
            if self._take(ForwardMsg.FromString(data)):
                return time.monotonic() - began

    def _take(self, message: ForwardMsg) -> bool:
        """Understand one message; whether it says that the script has finished."""
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "page_not_found":
            self.counts.errors.append(f"there is no page {self.path}")
        elif kind == "delta":
            self._take_element(message.delta.new_element, message.delta.fragment_id)
        elif kind == "script_finished" and message.script_finished not in FINISHED:
            status = ForwardMsg.ScriptFinishedStatus.Name(message.script_finished)
            if status != "FINISHED_EARLY_FOR_RERUN":
                self.counts.errors.append(f"{self.path} ended with {status}")
            return status != "FINISHED_EARLY_FOR_RERUN"
        return kind == "script_finished"

    def _take_element(self, element: Element, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "button":
            self.buttons[element.button.label] = element.button.id
        elif kind == "number_input":
            key = element.number_input.id.rpartition("-")[2]
            self.numbers[key] = element.number_input.id, fragment
        elif kind == "exception":
            self.counts.errors.append(f"{self.path}: {element.exception.message}"[:300])
        elif kind == "alert":
            self.alerts.append(element.alert.body)

    def _look_at(self, message: bytes) -> int:
        """Check every byte of a frame; the index of its run."""
        index, step = PREFIX.unpack_from(message)
        self.counts.frames += 1
        try:
            frame = frames.unpack(message[PREFIX.size :])
            problem = _problem(frame, step)
        except (ValueError, KeyError) as error:
            problem = str(error)
        if problem:
            self.counts.torn.append(f"run {index} step {step}: {problem}"[:300])
        return int(index)


def _problem(frame: dict[str, np.ndarray], step: int) -> str:
    about = frame["__metadata__"]
    if int(about["step"]) != step:
        return f"says step {about['step']}"
    for name, values in frame.items():
        unasked = name == "wanted"  # NaN where nothing is asked
        if isinstance(values, np.ndarray) and values.dtype.kind == "f" and not (unasked or np.isfinite(values).all()):
            return f"{name} is not finite"
    return "" if len(frame["tokens"]) else "no tokens"
