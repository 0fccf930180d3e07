"""Which machines a Ray cluster has, and what runs find there."""

from __future__ import annotations

import logging
import signal
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

SECONDS = 30.0  # for a node to answer: its first process has to start


@dataclass(frozen=True)
class Node:
    """One machine.

    Attributes:
        name: of the host.
        cpus: that Ray may give away.
        gpus: the same.
        slots: runs that fit.
        version: of ssmviz there, or what is wrong.
        device: what torch sees there.
    """

    name: str
    cpus: float
    gpus: float
    slots: int
    version: str = ""
    device: str = ""


def connect(address: str, namespace: str) -> None:
    """Be a driver of the cluster at HOST:PORT.

    Raises:
        OSError: it cannot be reached, or does not let us in.
    """
    host, _, port = address.rpartition(":")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:  # Ray itself would try for a minute
        socket.create_connection((host, int(port)), timeout=1.0).close()
    except OSError as error:
        raise OSError(f"the cluster at {address} cannot be reached: {error.strerror or error}") from error
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
    try:
        ray.init(address, namespace=namespace, **quiet)
    except (RayError, RuntimeError, ValueError) as error:
        raise OSError(str(error).strip().splitlines()[0]) from error
    for number, handler in handlers.items():  # Ray puts its own in their place
        signal.signal(number, handler)


def namespace_of(root: Path) -> str:
    """Of the actors of one store: two heads may share a cluster."""
    path = root / "cluster.id"
    if not path.exists():
        path.write_text(f"ssmviz-{uuid.uuid4()}")
    return path.read_text().strip()


def survey(runs_per_gpu: int) -> tuple[int, bool]:
    """(runs that may compute at the same time, whether there are GPUs).

    Where there are GPUs, a run has a share of one and a processor beside it; else a processor.
    """
    found = _alive()
    gpus = any(_resource(node, "GPU") for node in found)
    return sum(_slots(node, runs_per_gpu, gpus=gpus) for node in found), gpus


def nodes(runs_per_gpu: int) -> list[Node]:
    """Every machine, each asked what it has."""
    found = _alive()
    gpus = any(_resource(node, "GPU") for node in found)
    asked = [_ask(node) for node in found]
    listed = []
    for node, ref in zip(found, asked, strict=True):
        try:
            version, device = ray.get(ref, timeout=SECONDS)
        except (RayError, OSError) as error:
            version, device = f"no answer: {str(error).strip().splitlines()[-1]}", ""
        name, slots = node["NodeManagerHostname"], _slots(node, runs_per_gpu, gpus=gpus)
        listed.append(Node(name, _resource(node, "CPU"), _resource(node, "GPU"), slots, version, device))
    return listed


def describe() -> tuple[str, str]:
    """(version of ssmviz, device) of the machine that this runs on."""
    import ssmviz
    from ssmviz.runs import worker

    return ssmviz.__version__, worker.device()


def _ask(node: dict[str, Any]) -> Any:
    there = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
    gpus = 0.01 if _resource(node, "GPU") else 0
    return ray.remote(describe).options(num_cpus=0, num_gpus=gpus, max_retries=0, scheduling_strategy=there).remote()


def _alive() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _resource(node: dict[str, Any], name: str) -> float:
    return float(node["Resources"].get(name, 0.0))


def _slots(node: dict[str, Any], runs_per_gpu: int, *, gpus: bool) -> int:
    cpus = int(_resource(node, "CPU"))
    return min(cpus, int(_resource(node, "GPU") * runs_per_gpu)) if gpus else cpus
