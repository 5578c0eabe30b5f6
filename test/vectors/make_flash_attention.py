"""Writes flash-attention.json: outputs, gradients and logarithms of sums that PyTorch gives on small inputs.

Run with torch 2.13 (CPU): python test/vectors/make_flash_attention.py
Outputs and gradients are scaled_dot_product_attention's, by autograd, in float64; L is torch.logsumexp of the masked scores.
Inputs are drawn with 5 significant digits, some of them outliers; queries see keys up to t + (S - T) where causal.
"""

import json
import os

import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

torch.manual_seed(20220527)


def numbers(tensor, digits=7):
    return [float(f"{x:.{digits}g}") for x in tensor.flatten().tolist()]


def draw(*shape):
    # Rounded inputs, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(torch.randn(*shape, dtype=torch.float64), 5)).double().reshape(shape)


def case(name, B, H, T, S, D, E, *, causal=False, scale=None):
    q, k, v = draw(B, H, T, D), draw(B, H, S, D), draw(B, H, S, E)
    q[..., 0, :] *= 8
    k[..., 1::3, :] *= 4
    d_out = draw(B, H, T, E)
    leaves = [x.requires_grad_() for x in (q, k, v)]
    mask = torch.ones(T, S, dtype=torch.bool).tril(S - T) if causal else None
    out = sdpa(*leaves, attn_mask=mask, scale=scale)
    gradients = torch.autograd.grad(out, leaves, d_out)
    scores = q @ k.transpose(-1, -2) * (D**-0.5 if scale is None else scale)
    lse = (scores if mask is None else scores.masked_fill(~mask, float("-inf"))).logsumexp(-1)
    record = {"name": name, "sizes": {"B": B, "H": H, "T": T, "S": S, "D": D, "E": E}, "causal": causal, "scale": scale}
    tensors = {"q": q, "k": k, "v": v, "dOut": d_out, "out": out, "lse": lse}
    tensors |= dict(zip(("dq", "dk", "dv"), gradients))
    return record | {key: numbers(x.detach()) for key, x in tensors.items()}


cases = [
    case("two batches, two heads", 2, 2, 5, 7, 4, 3),
    case("causal", 1, 2, 9, 9, 4, 4, causal=True),
    case("causal, more keys than queries, a scale of its own", 1, 1, 3, 8, 4, 2, causal=True, scale=0.25),
    case("one position", 1, 1, 1, 1, 3, 2),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flash-attention.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__.split("+")[0], "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
