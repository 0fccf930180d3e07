"""The two layouts in which Mamba's weights are published: names, shapes and settings of the same network.

Ours are the names of `ssmviz.models.Network`. Both layouts put `backbone.` before them and differ in one name:
`hf` (transformers) says `backbone.embeddings.weight`, `original` (mamba_ssm) `backbone.embedding.weight`, with a row
count padded to a multiple of 8. Where the head is tied to the embedding, `lm_head.weight` may be absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

Layout = Literal["hf", "original"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
EMBEDDING: dict[Layout, str] = {"hf": "backbone.embeddings.weight", "original": "backbone.embedding.weight"}
HEAD = "lm_head.weight"
PADDED = 8  # the original's row count is a multiple of it
D_CONV = 4
MAX_LAYERS = 512
DTYPE = "F32"  # what is written
DTYPES = (DTYPE, "F16", "BF16")  # what is read, as float32
LAYER = re.compile(r"backbone\.layers\.(0|[1-9]\d{0,5})\.")
INDEX = re.compile(r"layers\.\d+\.")

MIXER = {  # of every layer, in the words of the sizes
    "norm.weight": "(d_model)",
    "mixer.in_proj.weight": "(2 D, d_model)",
    "mixer.conv1d.weight": "(D, 1, 4)",
    "mixer.conv1d.bias": "(D)",
    "mixer.x_proj.weight": "(dt_rank + 2 N, D)",
    "mixer.dt_proj.weight": "(D, dt_rank)",
    "mixer.dt_proj.bias": "(D)",
    "mixer.A_log": "(D, N)",
    "mixer.D": "(D)",
    "mixer.out_proj.weight": "(d_model, D)",
}
ENDS = {"embedding.weight": "(vocab, d_model)", "norm_f.weight": "(d_model)"}


@dataclass(frozen=True)
class Sizes:
    """Of a network of Mamba blocks."""

    vocab: int  # rows of the embedding
    d_model: int
    n_layers: int
    D: int  # channels, expand * d_model
    N: int  # states a channel
    dt_rank: int

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of every tensor by our names, the head's own matrix included."""
        d, D, N, R = self.d_model, self.D, self.N, self.dt_rank
        layer: dict[str, tuple[int, ...]] = {
            "norm.weight": (d,),
            "mixer.in_proj.weight": (2 * D, d),
            "mixer.conv1d.weight": (D, 1, D_CONV),
            "mixer.conv1d.bias": (D,),
            "mixer.x_proj.weight": (R + 2 * N, D),
            "mixer.dt_proj.weight": (D, R),
            "mixer.dt_proj.bias": (D,),
            "mixer.A_log": (D, N),
            "mixer.D": (D,),
            "mixer.out_proj.weight": (d, D),
        }
        layers = {f"layers.{i}.{name}": shape for i in range(self.n_layers) for name, shape in layer.items()}
        return {"embedding.weight": (self.vocab, d), **layers, "norm_f.weight": (d,), HEAD: (self.vocab, d)}

    def __str__(self) -> str:
        return (
            f"vocab={self.vocab}, d_model={self.d_model}, {self.n_layers} layers, D={self.D}, N={self.N}, "
            f"dt_rank={self.dt_rank}"
        )


class Header(NamedTuple):
    """What is known of a tensor before it is read."""

    dtype: str
    shape: tuple[int, ...]


def published(name: str, layout: Layout) -> str:
    """The published name of a tensor of ours."""
    if name == HEAD:
        return HEAD
    return EMBEDDING[layout] if name == "embedding.weight" else f"backbone.{name}"


def layout_of(names: Iterable[str]) -> Layout:
    """Which layout it is.

    Raises:
        ValueError: neither, or both.
    """
    names = set(names)
    found = [layout for layout in LAYOUTS if EMBEDDING[layout] in names]
    if len(found) != 1:
        got = "both" if found else ", ".join(_cut(name) for name in sorted(names)[:3]) or "nothing"
        raise ValueError(
            f"expected one of {EMBEDDING['hf']} (hf) and {EMBEDDING['original']} (original), got {got}; "
            "give the weights of a Mamba language model (the first Mamba, not Mamba-2)"
        )
    return found[0]


def checked(found: Mapping[str, Header], layout: Layout) -> Sizes:
    """The sizes that the tensors, by their published names, agree on.

    Raises:
        ValueError: one is missing, unexpected, or of another shape or dtype.
    """
    n_layers = _complete(found, layout)
    sizes = _sizes(found, layout, n_layers)
    for name, shape in sizes.shapes().items():
        got = found.get(published(name, layout), Header(DTYPE, shape))  # only the head may be absent
        if got.shape != shape or got.dtype not in DTYPES:
            raise ValueError(_expected(name, f"= {shape} where {sizes}", got, layout))
    if layout == "original" and sizes.vocab % PADDED:
        raise ValueError(
            f"{EMBEDDING[layout]} must have a multiple of {PADDED} rows in this layout, got {sizes.vocab}; add rows of "
            f"zeros, or rename it to {EMBEDDING['hf']}"
        )
    return sizes


def config(sizes: Sizes, layout: Layout, *, tied: bool) -> dict[str, Any]:
    """What `config.json` beside the weights must say for the layout's own library to build the network."""
    expand = sizes.D // sizes.d_model
    if layout == "hf":
        return {
            "model_type": "mamba",
            "architectures": ["MambaForCausalLM"],
            "vocab_size": sizes.vocab,
            "hidden_size": sizes.d_model,
            "num_hidden_layers": sizes.n_layers,
            "state_size": sizes.N,
            "expand": expand,
            "intermediate_size": sizes.D,
            "conv_kernel": D_CONV,
            "time_step_rank": sizes.dt_rank,
            "layer_norm_epsilon": 1e-5,
            "residual_in_fp32": True,
            "tie_word_embeddings": tied,
        }
    return {
        "d_model": sizes.d_model,
        "n_layer": sizes.n_layers,
        "vocab_size": sizes.vocab,
        "ssm_cfg": {"d_state": sizes.N, "d_conv": D_CONV, "expand": expand, "dt_rank": sizes.dt_rank},
        "rms_norm": True,
        "residual_in_fp32": True,
        "pad_vocab_size_multiple": PADDED,
        "tie_embeddings": tied,
    }


def _complete(found: Mapping[str, Header], layout: Layout) -> int:
    """How many layers there are, none of them with a tensor too few or too many."""
    n_layers = max((int(match[1]) for match in map(LAYER.match, found) if match), default=0) + 1
    if n_layers > MAX_LAYERS:
        raise ValueError(f"layers must be numbered 0 to {MAX_LAYERS - 1}, got a layer {n_layers - 1}; give fewer")
    wanted = {published(name, layout) for name in (*ENDS, *(f"layers.{i}.{n}" for i in range(n_layers) for n in MIXER))}
    missing, strange = sorted(wanted - found.keys()), sorted(found.keys() - wanted - {HEAD})
    problems = [f"{words} {_few(names)}" for words, names in (("lacks", missing), ("has unexpected", strange)) if names]
    if problems:
        raise ValueError(
            f"a Mamba model of {n_layers} layers in the layout {layout} has {len(wanted)} tensors and a head; this one "
            f"{' and '.join(problems)}; save the whole model into one file, and nothing else"
        )
    return n_layers


def _sizes(found: Mapping[str, Header], layout: Layout, n_layers: int) -> Sizes:
    sources = ("embedding.weight", *(f"layers.0.mixer.{n}" for n in ("in_proj.weight", "A_log", "dt_proj.weight")))
    headers = [found[published(name, layout)] for name in sources]
    for name, header in zip(sources, headers, strict=True):
        if len(header.shape) != 2 or 0 in header.shape:
            raise ValueError(_expected(name, "", header, layout))
    (vocab, d_model), (rows, _), (_, N), (_, dt_rank) = (header.shape for header in headers)
    if rows % (2 * d_model):
        raise ValueError(_expected(sources[1], f"with D a multiple of d_model={d_model}", headers[1], layout))
    return Sizes(vocab, d_model, n_layers, rows // 2, N, dt_rank)


def _expected(name: str, where: str, got: Header, layout: Layout) -> str:
    words = MIXER.get(INDEX.sub("", name)) or ENDS.get(name, ENDS["embedding.weight"])
    known = got.dtype in DTYPES
    advice = "the file is damaged, or of another kind of model" if known else f"convert it to {DTYPE}"
    needed = f"{got.dtype if known else ', '.join(DTYPES)} {words} {where}".strip()
    return f"{published(name, layout)} must be {needed}, got {_cut(got.dtype)} {got.shape}; {advice}"


def _few(names: list[str]) -> str:
    return ", ".join(map(_cut, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
