"""Writes retnet.json: what flash-linear-attention's naive retention gives on small inputs.

Run with torch 2.13 and flash-linear-attention 0.5.2 (CPU): python test/vectors/make_retnet.py
Inputs are drawn with 5 significant digits, some of them outliers. The function takes `[B, H, T, D]`, divides queries by the
square root of D, decays head h by 1 - 2^(-5-h), and computes in float32. It does not rotate: in the case "turned" the inputs
are turned here, pair by pair, as complex numbers.
"""

import json
import os

import torch
from fla.ops.retention.naive import naive_retention

torch.manual_seed(20230717)


def numbers(tensor, digits=7):
    return [float(f"{x:.{digits}g}") for x in tensor.flatten().tolist()]


def draw(*shape):
    # Rounded inputs, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(torch.randn(*shape), 5)).reshape(shape)


def turned(x):
    T, D = x.shape[2:]
    angles = 10000.0 ** -torch.linspace(0, 1, D // 2, dtype=torch.float64)
    phases = torch.exp(1j * torch.arange(T, dtype=torch.float64)[:, None] * angles)
    pairs = torch.view_as_complex(x.double().reshape(*x.shape[:-1], D // 2, 2))
    return torch.view_as_real(pairs * phases).reshape(x.shape).float()


def case(name, B, H, T, D, E, outlier=1, turn=False):
    q, k, v = draw(B, H, T, D), draw(B, H, T, D), draw(B, H, T, E)
    q[..., 0, :] *= outlier
    k[..., 1::3, :] *= outlier
    out = naive_retention(turned(q), turned(k), v) if turn else naive_retention(q, k, v)
    record = {"name": name, "sizes": {"B": B, "H": H, "T": T, "D": D, "E": E}, "turned": turn}
    return record | {"q": numbers(q), "k": numbers(k), "v": numbers(v), "out": numbers(out)}


cases = [
    case("two batches, three heads", 2, 3, 7, 4, 3),
    case("outliers", 1, 2, 9, 5, 4, outlier=8),
    case("turned", 1, 2, 8, 6, 3, turn=True),
    case("one position", 1, 1, 1, 3, 2),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "retnet.json")
with open(path, "w") as file:
    json.dump({"torch": torch.__version__.split("+")[0], "fla": "0.5.2", "cases": cases}, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
