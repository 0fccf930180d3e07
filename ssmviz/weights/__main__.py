"""Convert Mamba's weights between the published layouts, or make a random model: python -m ssmviz.weights --help."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ssmviz.weights import LAYOUTS, Array, Layout, config, read, write
from ssmviz.weights.layouts import D_CONV, Sizes

TINY = Sizes(vocab=64, d_model=32, n_layers=4, D=64, N=16, dt_rank=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status; what was written, and the config.json that goes with it, are said on stdout."""
    parser = argparse.ArgumentParser(prog="python -m ssmviz.weights", description=__doc__)
    parser.add_argument("source", type=Path, nargs="?", metavar="IN", help="a safetensors file in either layout")
    parser.add_argument("target", type=Path, metavar="OUT", help="the safetensors file to write")
    parser.add_argument("--layout", choices=LAYOUTS, default="hf", help="of OUT (default: %(default)s)")
    parser.add_argument("--random", type=int, metavar="SEED", help=f"without IN: random weights, {TINY}")
    given = parser.parse_args(arguments)
    if (given.source is None) == (given.random is None):
        parser.error("give either IN or --random SEED")
    try:
        sizes, data, tied = _made(given.source, given.random, given.layout)
        partial = given.target.with_name(given.target.name + ".part")
        partial.write_bytes(data)
        partial.replace(given.target)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"nothing was written: {error}\n")
        return 1
    sys.stdout.write(f"{given.target}: {len(data):,} bytes, {sizes}, {'tied head' if tied else 'a head of its own'}\n")
    sys.stdout.write(f"config.json for it: {json.dumps(config(sizes, given.layout, tied=tied))}\n")
    return 0


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


def _made(source: Path | None, seed: int | None, layout: Layout) -> tuple[Sizes, bytes, bool]:
    """Sizes of what is written (padding included), its bytes, and whether the head is tied."""
    tensors = random_weights(TINY, seed or 0) if source is None else read(source).tensors
    data = write(tensors, layout)
    written = read(data)
    rows = -(-written.sizes.vocab // 8) * 8 if layout == "original" else written.sizes.vocab
    return Sizes(**vars(written.sizes) | {"vocab": rows}), data, written.tied


if __name__ == "__main__":
    sys.exit(main())
