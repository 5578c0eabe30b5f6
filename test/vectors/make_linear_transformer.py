"""Writes linear-transformer.json: what flash-linear-attention's naive loop gives on small inputs.

Run with torch 2.13 and flash-linear-attention 0.5.2 (CPU): python test/vectors/make_linear_transformer.py
Inputs are drawn with 5 significant digits, some of them outliers. The loop computes in float32 and wants `[B, T, H, D]`,
features instead of queries and keys, and no scale.
"""

import json
import os

import torch
from fla.ops.linear_attn.naive import naive_recurrent_linear_attn
from torch.nn.functional import elu

torch.manual_seed(20200629)


def numbers(tensor, digits=7):
    return [float(f"{x:.{digits}g}") for x in tensor.flatten().tolist()]


def draw(*shape):
    # Rounded inputs, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(torch.randn(*shape), 5)).reshape(shape)


def case(name, B, H, T, D, E, outlier=1):
    q, k, v = draw(B, H, T, D), draw(B, H, T, D), draw(B, H, T, E)
    q[..., 0, :] *= outlier
    k[..., 1::3, :] *= outlier
    heads_last = [x.transpose(1, 2).contiguous() for x in (elu(q) + 1, elu(k) + 1, v)]
    out, _ = naive_recurrent_linear_attn(*heads_last, scale=1.0, normalize=True)
    record = {"name": name, "sizes": {"B": B, "H": H, "T": T, "D": D, "E": E}}
    return record | {"q": numbers(q), "k": numbers(k), "v": numbers(v), "out": numbers(out.transpose(1, 2))}


cases = [
    case("two batches, two heads", 2, 2, 7, 4, 3),
    case("outliers", 1, 2, 9, 5, 4, outlier=8),
    case("one position", 1, 1, 1, 3, 2),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "linear-transformer.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__.split("+")[0], "fla": "0.5.2", "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
