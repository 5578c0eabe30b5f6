"""Writes hyena.json: what PyTorch gives for Hyena's convolution, recurrence, filters and layer on small inputs.

Run with torch 2.13 and numpy (CPU): python test/vectors/make_hyena.py
Written from the paper's equations (definition 3.1, eq. 7, algorithms 1 to 3) and independent of lib/: transforms of length 2T by
torch.fft, checked here against numpy.convolve; features as complex exponentials; the short convolution as conv1d with groups.
Inputs are drawn with 5 significant digits, some of them outliers; everything is computed in float64.
"""

import json
import math
import os

import numpy
import torch

torch.manual_seed(20230221)
torch.set_default_dtype(torch.float64)


def numbers(tensor, digits=9):
    return [float(f"{x:.{digits}g}") for x in tensor.flatten().tolist()]


def draw(*shape, outlier=1.0):
    x = torch.randn(*shape)
    x.view(-1)[::7] *= outlier
    # Rounded inputs, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(x, 5)).reshape(shape)


def convolve(u, h, b):
    T = u.shape[-1]
    y = torch.fft.irfft(torch.fft.rfft(u, n=2 * T) * torch.fft.rfft(h, n=2 * T), n=2 * T)[..., :T]
    for batch in range(u.shape[0]):
        for c in range(u.shape[1]):
            direct = numpy.convolve(u[batch, c].numpy(), h[c].numpy())[:T]
            assert numpy.allclose(direct, y[batch, c].numpy(), atol=1e-9)
    return y + b[:, None] * u


def recurrence(v, gates, filters, biases):
    for x, h, b in zip(gates, filters, biases):
        v = x * convolve(v, h, b)
    return v


def operator(name, B, C, T, N, outlier=1.0):
    v, gates = draw(B, C, T, outlier=outlier), [draw(B, C, T) for _ in range(N)]
    filters, biases = [draw(C, T) for _ in range(N)], [draw(C) for _ in range(N)]
    record = {"name": name, "sizes": {"B": B, "C": C, "T": T, "N": N}, "v": numbers(v)}
    for key, tensors in (("gates", gates), ("filters", filters), ("biases", biases)):
        record[key] = [numbers(x) for x in tensors]
    return record | {"out": numbers(recurrence(v, gates, filters, biases))}


def network(I, F, E, layers):
    return {
        "w": [draw(I if n == 0 else F, F) * 0.5 for n in range(layers)],
        "b": [draw(F) * 0.5 for _ in range(layers)],
        "frequency": draw(F),
        "out": draw(F, E),
    }


def filters(net, T, L, C):
    bands = (net["w"][0].shape[0] - 1) // 2
    t = torch.arange(T)
    waves = torch.exp(-1j * torch.linspace(1e-4, bands - 1, bands)[None] * (2 * math.pi * t / L)[:, None])
    z = torch.cat([(t / (L - 1))[:, None], waves.real, waves.imag], dim=-1)
    for w, b in zip(net["w"], net["b"]):
        z = torch.sin(net["frequency"] * (z @ w + b))
    h = (z @ net["out"]).T
    rates = torch.linspace(math.log(1e-2) / 1.5, math.log(1e-2) / 0.3, C).abs()
    window = torch.exp(-rates[:, None] * t / (L - 1))
    return [h[n : n + C] * window for n in range(0, h.shape[0], C)]


def layer(name, B, C, T, N, L):
    x, net = draw(B, T, C, outlier=5.0), network(5, 6, N * C, 3)
    into, into_bias = draw(C, (N + 1) * C), draw((N + 1) * C)
    short, short_bias, biases = draw(3, (N + 1) * C), draw((N + 1) * C), draw(N, C)
    out, out_bias = draw(C, C), draw(C)
    entering = (x @ into + into_bias).transpose(1, 2)
    mixed = torch.nn.functional.conv1d(
        torch.nn.functional.pad(entering, (2, 0)), short.T[:, None], short_bias, groups=(N + 1) * C
    )
    v, *gates = mixed.split(C, dim=1)
    h = filters(net, T, L, C)
    y = recurrence(v, gates, h, biases).transpose(1, 2) @ out + out_bias
    record = {"name": name, "sizes": {"B": B, "C": C, "T": T, "N": N, "L": L, "I": 5, "F": 6}}
    record["filter"] = {key: [numbers(w) for w in value] if isinstance(value, list) else numbers(value) for key, value in net.items()}
    tensors = {"x": x, "into": into, "intoBias": into_bias, "short": short, "shortBias": short_bias}
    tensors |= {"biases": biases, "outWeights": out, "outBias": out_bias, "out": y}
    return record | {key: numbers(value) for key, value in tensors.items()} | {"filters": [numbers(x) for x in h]}


result = {
    "torch": torch.__version__.split("+")[0],
    "operators": [
        operator("two batches, order 2", 2, 3, 7, 2),
        operator("order 3, outliers", 1, 2, 9, 3, outlier=20.0),
        operator("order 1, one position", 1, 2, 1, 1),
    ],
    "layers": [layer("order 2", 2, 3, 6, 2, 16), layer("order 3, as long as it gets", 1, 2, 5, 3, 5)],
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "hyena.json")
with open(path, "w") as file:
    json.dump(result, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
