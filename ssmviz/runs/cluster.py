"""Looks at a cluster before runs are sent there: `python -m ssmviz.runs.cluster check`; see docs/cluster.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import ssmviz
from ssmviz.runs import backends

if TYPE_CHECKING:
    from ssmviz.runs.backends.ray_nodes import Node

OPEN = "no token is asked for: whoever reaches these ports can run programs there; set RAY_AUTH_MODE=token"


def main(arguments: Sequence[str]) -> int:
    """Print what the cluster has; 1 when runs would not work there."""
    parser = argparse.ArgumentParser(prog="python -m ssmviz.runs.cluster", description=__doc__)
    parser.add_argument("command", choices=["check"])
    parser.parse_args(arguments)
    try:
        choice = backends.chosen(os.environ | {backends.VARIABLES["backend"]: "ray"})
        from ssmviz.runs.backends import ray_nodes

        ray_nodes.connect(choice.address, "ssmviz-check")
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    text, works = report(ray_nodes.nodes(choice.runs_per_gpu), choice.runs_per_gpu)
    sys.stdout.write(text)
    if os.environ.get("RAY_AUTH_MODE") != "token":
        sys.stdout.write(f"Security: {OPEN}.\n")
    return 0 if works else 1


def report(nodes: Sequence[Node], runs_per_gpu: int) -> tuple[str, bool]:
    """What there is, in words, and whether runs would work there."""
    lines = []
    for node in nodes:
        has = f"{node.cpus:g} processors, {node.gpus:g} GPUs, room for {node.slots} runs"
        lines.append(f"{node.name}: {has}; ssmviz {node.version}{f', {node.device}' if node.device else ''}")
    slots = sum(node.slots for node in nodes)
    share = f", {runs_per_gpu} on a GPU" if any(node.gpus for node in nodes) else ""
    lines.append(f"{slots} runs at a time{share}.")
    works = slots > 0
    if not slots:
        lines.append("No node has processors to give away: start one with `ray start --address=...`.")
    wrong = [node.name for node in nodes if node.slots and node.version != ssmviz.__version__]
    if wrong:
        lines.append(f"Install ssmviz {ssmviz.__version__}, as here, on {', '.join(wrong)}.")
    return "\n".join(lines) + "\n", works and not wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
