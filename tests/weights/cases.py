"""Files of a small Mamba: made, changed, and what they mean by the paper alone."""

import json

import numpy as np
from safetensors.numpy import load, save

from ssmviz.weights import write
from ssmviz.weights.layouts import Sizes

SIZES = Sizes(vocab=16, d_model=16, n_layers=2, D=32, N=4, dt_rank=1)
EMBEDDING = {"hf": "backbone.embeddings.weight", "original": "backbone.embedding.weight"}


def changed(tensors, name, value, layout="hf"):
    """A file with one tensor, by its published name, replaced or (None) left out."""
    found = load(write(tensors, layout))
    found.pop(name, None)
    return save(found | ({} if value is None else {name: value}), {"format": "pt"})


def same_bits(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k].view(np.uint32), b[k].view(np.uint32)) for k in a)


def framed(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def algorithm_2(file, tokens):
    """Logits, number by number: figure 3 and Algorithm 2 (Gu & Dao 2023), B_bar = Delta B as in the released code."""
    W = {name: array.astype(float) for name, array in file.items()}
    E = W["backbone.embeddings.weight"]
    norm = lambda v, gain: v / np.sqrt(np.mean(v**2) + 1e-5) * gain  # noqa: E731
    sigmoid = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    stream = [E[t] for t in tokens]
    i = 0
    while f"backbone.layers.{i}.norm.weight" in W:
        P = {k.split("mixer.")[1]: v for k, v in W.items() if k.startswith(f"backbone.layers.{i}.mixer.")}
        D, N = P["A_log"].shape
        R = P["dt_proj.weight"].shape[1]
        xs, zs = [], []
        for u in stream:
            both = P["in_proj.weight"] @ norm(u, W[f"backbone.layers.{i}.norm.weight"])
            xs.append(both[:D])
            zs.append(both[D:])
        h = np.zeros((D, N))
        for t in range(len(tokens)):
            x, y = np.empty(D), np.empty(D)
            for d in range(D):
                c = P["conv1d.bias"][d]
                for k in range(4):
                    c += P["conv1d.weight"][d, 0, k] * (xs[t - 3 + k][d] if t - 3 + k >= 0 else 0.0)
                x[d] = c * sigmoid(c)
            s = P["x_proj.weight"] @ x
            B, C = s[R : R + N], s[R + N :]
            delta = np.log(1 + np.exp(P["dt_proj.weight"] @ s[:R] + P["dt_proj.bias"]))
            for d in range(D):
                for n in range(N):
                    A = -np.exp(P["A_log"][d, n])
                    h[d, n] = np.exp(delta[d] * A) * h[d, n] + delta[d] * B[n] * x[d]
                y[d] = h[d] @ C + P["D"][d] * x[d]
            stream[t] = stream[t] + P["out_proj.weight"] @ (y * zs[t] * sigmoid(zs[t]))
        i += 1
    head = W.get("lm_head.weight", E)
    return np.stack([head @ norm(u, W["backbone.norm_f.weight"]) for u in stream])
