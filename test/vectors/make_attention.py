"""Writes attention.json: what PyTorch's scaled_dot_product_attention gives on small inputs.

Run with torch 2.13 (CPU): python test/vectors/make_attention.py
Inputs are drawn with 7 significant digits; outputs are computed in float64 and written with as many.
"""

import json
import os

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

torch.manual_seed(20170612)


def numbers(tensor):
    return [float(f"{x:.7g}") for x in tensor.flatten().tolist()]


def draw(*shape):
    # Rounded inputs, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(torch.randn(*shape, dtype=torch.float64))).double().reshape(shape)


def case(name, B, H, G, T, S, D, E, *, causal=False, masked=False, biased=False, scale=None):
    q, k, v = draw(B, H, T, D), draw(B, G, S, D), draw(B, G, S, E)
    # Few queries and keys are outliers: uniform noise proves little.
    q[..., 0, :] *= 8
    mask = torch.rand(B, 1, T, S) < 0.7 if masked else None
    if mask is not None:
        mask[..., 0] = True
    bias = draw(1, H, T, S) if biased else None
    out = sdpa(q, k, v, attn_mask=mask if masked else bias, is_causal=causal, scale=scale, enable_gqa=G < H)
    record = {"name": name, "sizes": {"B": B, "H": H, "G": G, "T": T, "S": S, "D": D, "E": E}}
    record |= {"causal": causal, "scale": scale, "q": numbers(q), "k": numbers(k), "v": numbers(v)}
    record["mask"] = None if mask is None else [int(x) for x in mask.flatten().tolist()]
    record["bias"] = None if bias is None else numbers(bias)
    record["out"] = numbers(out)
    return record


cases = [
    case("plain", 2, 2, 2, 5, 7, 4, 3),
    case("causal", 1, 2, 2, 9, 9, 8, 8, causal=True),
    case("mask", 2, 2, 2, 6, 5, 4, 4, masked=True),
    case("bias and a scale of its own", 1, 2, 2, 5, 6, 4, 4, biased=True, scale=0.25),
    case("grouped heads", 1, 6, 2, 5, 5, 4, 4),
    case("one head for all, causal", 1, 4, 1, 7, 7, 4, 4, causal=True),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "attention.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__.split("+")[0], "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
