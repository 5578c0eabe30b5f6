"""Writes performer.json: what performer-pytorch's features, and attention over them, give on small inputs.

Run with torch 2.13 and performer-pytorch 1.1.4 (CPU): python test/vectors/make_performer.py
Inputs are drawn with 5 significant digits. Everything is computed in float64 and without the library's ε, so that its
maxima of w·x and ours of the whole exponent cancel alike.
"""

import json
import os

import torch
from performer_pytorch.performer_pytorch import linear_attention, softmax_kernel

torch.manual_seed(20200930)


def numbers(tensor, digits=7):
    return [float(f"{x:.{digits}g}") for x in tensor.flatten().tolist()]


def draw(*shape, scale=1.0):
    # Rounded inputs, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(scale * torch.randn(*shape), 5), dtype=torch.float64).reshape(shape)


def case(name, B, H, T, D, E, m, scale=1.0):
    q, k, v, w = draw(B, H, T, D, scale=scale), draw(B, H, T, D, scale=scale), draw(B, H, T, E), draw(m, D)
    phi_q = softmax_kernel(q, projection_matrix=w, is_query=True, eps=0)
    phi_k = softmax_kernel(k, projection_matrix=w, is_query=False, eps=0)
    out = linear_attention(phi_q, phi_k, v)
    # A causal row is the last row of attention over the keys up to it; the shared maximum stays that of all keys.
    rows = [linear_attention(phi_q[:, :, t : t + 1], phi_k[:, :, : t + 1], v[:, :, : t + 1]) for t in range(T)]
    record = {"name": name, "sizes": {"B": B, "H": H, "T": T, "D": D, "E": E, "m": m}}
    record |= {"q": numbers(q), "k": numbers(k), "v": numbers(v), "w": numbers(w)}
    return record | {"out": numbers(out), "causal": numbers(torch.cat(rows, 2))}


cases = [
    case("two batches, two heads", 2, 2, 5, 4, 3, 6),
    case("long queries and keys", 1, 2, 6, 5, 3, 8, scale=2.0),
    case("one position, one feature", 1, 1, 1, 3, 2, 1),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "performer.json")
with open(path, "w") as file:
    record = {"torch": torch.__version__.split("+")[0], "performer-pytorch": "1.1.4", "cases": cases}
    json.dump(record, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
