"""Writes lean-attention.json: what PyTorch's attention gives for new tokens against caches of uneven lengths.

Run with torch 2.13 (CPU): python test/vectors/make_lean_attention.py
Inputs are drawn with 5 significant digits, some of them outliers. The whole is scaled_dot_product_attention in float64 with a mask. Of each
piece of the first text's first key head stand the output and the logarithm of the sum, from the flash kernel for CPUs, which returns both.
"""

import json
import os

import torch
import torch.nn.functional as F

torch.manual_seed(20240517)


def numbers(tensor, digits=7):
    return [float(f"{x:.{digits}g}") for x in tensor.flatten().tolist()]


def draw(*shape):
    # Rounded inputs, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(torch.randn(*shape), 5), dtype=torch.float64).reshape(shape)


def case(name, lengths, H, G, T, D, E, cuts, outlier=1):
    B, S = len(lengths), max(lengths)
    q, k, v = draw(B, H, T, D), draw(B, G, S, D), draw(B, G, S, E)
    q[..., 0, :] *= outlier
    k[..., 1::3, :] *= outlier
    ends = torch.tensor(lengths)[:, None] - (T - 1 - torch.arange(T))
    mask = (torch.arange(S) < ends[:, :, None])[:, None]
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
    edges = [0, *cuts, lengths[0] - T + 1]
    query = q[:1, : H // G, :1]
    pieces = []
    for start, end in zip(edges, edges[1:]):
        shared = [x[:1, :1, start:end].expand(1, H // G, -1, -1).contiguous() for x in (k, v)]
        part, lse = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(query, *shared)
        pieces.append({"from": start, "to": end, "out": numbers(part), "lse": numbers(lse)})
    record = {"name": name, "lengths": lengths, "sizes": {"H": H, "G": G, "T": T, "D": D, "E": E}}
    return record | {"q": numbers(q), "k": numbers(k), "v": numbers(v), "out": numbers(out), "pieces": pieces}


cases = [
    case("one token, grouped heads", [9, 5, 1], 4, 2, 1, 4, 4, [2, 3]),
    case("three tokens, outliers", [11, 4], 2, 2, 3, 5, 5, [6], outlier=6),
    case("one key", [1], 1, 1, 1, 3, 3, []),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lean-attention.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__.split("+")[0], "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
