"""One Mamba block, token by token (Gu & Dao 2023, figure 3 and Algorithm 2), with the weights of this page."""

import json
from pathlib import Path

import numpy as np

file = json.loads((Path(__file__).parents[1] / "lessons" / "weights" / "mamba.json").read_text())
W = {name: np.array(file["weights"][name]).reshape(shape) for name, shape in file["shapes"].items()}
P = {name.removeprefix("layers.0.mixer."): w for name, w in W.items()}
tokens = ["ABCDEFG>".index(c) for c in "CFA>DBEGCADBFEGACBD>"]


def silu(v):
    return v / (1 + np.exp(-v))


def norm(v, gain):
    return v / np.sqrt((v * v).mean() + 1e-5) * gain


A = -np.exp(P["A_log"])  # (D, N), the same for every token
D, N = A.shape
R = P["dt_proj.weight"].shape[1]
window, h, delta = np.zeros((D, 4)), np.zeros((D, N)), []
for token in tokens:
    u = W["embedding.weight"][token]
    x, z = np.split(P["in_proj.weight"] @ norm(u, W["layers.0.norm.weight"]), 2)
    window = np.column_stack([window[:, 1:], x])  # this token and the three before it
    x = silu((window * P["conv1d.weight"][:, 0]).sum(1) + P["conv1d.bias"])
    dt, B, C = np.split(P["x_proj.weight"] @ x, [R, R + N])
    delta.append(np.log1p(np.exp(P["dt_proj.weight"] @ dt + P["dt_proj.bias"])))
    h = np.exp(delta[-1][:, None] * A) * h + np.outer(delta[-1] * x, B)
    y = h @ C + P["D"] * x
    out = u + P["out_proj.weight"] @ (y * silu(z))
logits = W["lm_head.weight"] @ norm(out, W["norm_f.weight"])
print("after the last token:", "ABCDEFG>"[logits.argmax()])
