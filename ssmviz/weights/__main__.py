"""Convert Mamba's weights between the published layouts, make a random model, or let one read a prompt."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ssmviz.weights import LAYOUTS, Layout, config, read, told, write
from ssmviz.weights.layouts import D_CONV, Sizes
from ssmviz.weights.tensors import Array

USAGE = """python -m ssmviz.weights IN OUT [--layout hf|original]
       python -m ssmviz.weights --random SEED OUT [--layout hf|original]
       python -m ssmviz.weights IN --prompt 1 2 3 [--more COUNT]"""
TINY = Sizes(vocab=64, d_model=32, n_layers=4, D=64, N=16, dt_rank=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status; what was written or read, and the config.json that goes with it, are said on stdout."""
    parser = argparse.ArgumentParser(prog="python -m ssmviz.weights", description=__doc__, usage=USAGE)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="safetensors in either layout: IN, OUT")
    parser.add_argument("--layout", choices=LAYOUTS, default="hf", help="of OUT (default: %(default)s)")
    parser.add_argument("--random", type=int, metavar="SEED", help=f"without IN: random weights, {TINY}")
    parser.add_argument("--prompt", nargs="+", metavar="ID", help="read these token ids with IN; it may be of any size")
    parser.add_argument("--more", type=int, default=12, metavar="COUNT", help="tokens to add (default: %(default)s)")
    given = parser.parse_args(arguments)
    if len(given.files) != (1 if given.prompt or given.random is not None else 2) or (
        given.prompt and given.random is not None
    ):
        parser.error("give IN OUT, or --random SEED OUT, or IN --prompt ID ...")
    try:
        return _tell(given) if given.prompt else _write(given)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"nothing was {'read' if given.prompt else 'written'}: {error}\n")
        return 1


def _write(given: argparse.Namespace) -> int:
    target = given.files[-1]
    sizes, data, tied, note = _made(given.files[0] if given.random is None else None, given.random, given.layout)
    partial = target.with_name(target.name + ".part")
    partial.write_bytes(data)
    partial.replace(target)
    head = "tied head" if tied else "a head of its own"
    sys.stdout.write(f"{target}: {len(data):,} bytes, {sizes}, {head}{note and f'; {note}'}\n")
    sys.stdout.write(f"config.json for it: {json.dumps(config(sizes, given.layout, tied=tied))}\n")
    return 0


def _tell(given: argparse.Namespace) -> int:
    model = read(given.files[0], mapped=True)
    prompt = told.prompt_of(given.prompt, model.sizes.vocab, told.MOST_TOKENS)
    most = told.MOST_TOKENS - len(prompt)
    if not 0 <= given.more <= most:
        raise ValueError(f"--more must be 0 to {most} after this prompt, got {given.more}")
    head = "tied head" if model.tied else "a head of its own"
    note = f"; {model.note}" if model.note else ""
    sys.stdout.write(f"{model.sizes}, layout {model.layout}; {model.parameters:,} parameters, {head}{note}\n")
    for line in told.told(model, prompt, given.more, progress=_progress):
        sys.stdout.write(f"{line}\n")
    return 0


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{words:30}\r")


def random_weights(sizes: Sizes, seed: int) -> dict[str, Array]:
    """A = -(1..N), Delta of no input log-uniform on [.001, .1], D = 1, as a training begins; the head is tied.

    Embedding (normal, deviation .3) and projections (uniform within 2 / sqrt(inputs)) are wider than there, so that
    Delta depends on the tokens and the network says more than the token that it has just read.
    """
    rng = np.random.default_rng(seed)
    made: dict[str, Array] = {}
    for name, shape in sizes.shapes().items():
        kind = name.split(".", 2)[-1] if name.startswith("layers.") else name
        fan_in = D_CONV if "conv1d" in kind else shape[-1]
        if kind == "mixer.A_log":
            value = np.broadcast_to(np.log(np.arange(1, sizes.N + 1)), shape)
        elif kind == "mixer.dt_proj.bias":
            value = np.log(np.expm1(np.exp(rng.uniform(np.log(1e-3), np.log(1e-1), shape))))  # softplus gives Delta
        elif kind == "mixer.D" or kind.startswith("norm"):
            value = np.ones(shape)
        elif kind == "embedding.weight":
            value = rng.normal(0, 0.3, shape)
        else:
            value = rng.uniform(-2, 2, shape) / np.sqrt(fan_in)
        made[name] = value.astype(np.float32)
    return made | {"lm_head.weight": made["embedding.weight"]}


def _made(source: Path | None, seed: int | None, layout: Layout) -> tuple[Sizes, bytes, bool, str]:
    """Sizes of what is written (padding included), its bytes, whether the head is tied, and how IN is stored."""
    model = None if source is None else read(source)
    tensors = random_weights(TINY, seed or 0) if model is None else model.tensors
    data = write(tensors, layout)
    written = read(data)
    rows = -(-written.sizes.vocab // 8) * 8 if layout == "original" else written.sizes.vocab
    return replace(written.sizes, vocab=rows), data, written.tied, model.note if model else ""


if __name__ == "__main__":
    sys.exit(main())
