"""Writes mamba.json: transformers' Mamba mixer (Euler), and zero-order hold from matrix exponentials, on small inputs.

Run with torch 2.13 and transformers 5.18 (CPU): python test/vectors/make_mamba.py
Weights are drawn at random and rounded to 5 significant digits; torch computes in float64. For zero-order hold, exp of the block matrix
[[A, B], [0, 0]] times Δ holds Ā and B̄ in its first row (Van Loan, 1978): no formula for B̄ is used.
"""

import json
import os

import torch
import transformers
from transformers import MambaConfig
from transformers.models.mamba.modeling_mamba import MambaMixer

torch.manual_seed(20231201)
torch.set_default_dtype(torch.float64)


def numbers(tensor, digits=8):
    return [float(f"{x:.{digits}g}") for x in tensor.detach().flatten().tolist()]


def draw(*shape, scale=1.0):
    # Rounded, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(scale * torch.randn(*shape), 5)).reshape(shape)


def block(name, B, T, C, E, N, R, W, outlier=1):
    config = MambaConfig(
        hidden_size=C, state_size=N, conv_kernel=W, intermediate_size=E, expand=E // C, time_step_rank=R, use_bias=False
    )
    mixer = MambaMixer(config, layer_idx=0).eval().double()
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.copy_(draw(*parameter.shape, scale=0.5))
    x = draw(B, T, C)
    x[:, 1::4] *= outlier
    weights = {
        "into": mixer.in_proj.weight.T,
        "conv": mixer.conv1d.weight[:, 0].T,
        "convBias": mixer.conv1d.bias,
        "select": mixer.x_proj.weight.T,
        "step": mixer.dt_proj.weight.T,
        "stepBias": mixer.dt_proj.bias,
        "logA": mixer.A_log,
        "skip": mixer.D,
        "out": mixer.out_proj.weight.T,
    }
    with torch.no_grad():
        y = mixer(x)
    stored = {key: {"shape": list(w.shape), "data": numbers(w)} for key, w in weights.items()}
    return {"name": name, "shape": [B, T, C], "weights": stored, "x": numbers(x), "y": numbers(y)}


def hold(name, T, D, N, steps):
    x, B, C = draw(T, D), draw(T, N), draw(T, N)
    delta, A = draw(T, D).abs() * steps, -draw(D, N).abs()
    y = torch.zeros(T, D)
    for d in range(D):
        h = torch.zeros(N)
        for t in range(T):
            for n in range(N):
                system = torch.tensor([[A[d, n], B[t, n]], [0.0, 0.0]]) * delta[t, d]
                step = torch.linalg.matrix_exp(system)
                h[n] = step[0, 0] * h[n] + step[0, 1] * x[t, d]
            y[t, d] = C[t] @ h
    record = {"x": x, "delta": delta, "A": A, "B": B, "C": C, "y": y}
    return {"name": name, "sizes": {"T": T, "D": D, "N": N}} | {key: numbers(value, 9) for key, value in record.items()}


blocks = [
    block("two batches", B=2, T=9, C=3, E=6, N=4, R=2, W=4),
    block("outliers", B=1, T=7, C=4, E=8, N=2, R=1, W=3, outlier=6),
    block("one token", B=1, T=1, C=2, E=4, N=3, R=1, W=4),
]
holds = [hold("long steps", 7, 3, 4, 2.0), hold("short steps", 5, 2, 3, 1e-3)]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mamba.json")
with open(path, "w") as file:
    versions = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    json.dump(versions | {"blocks": blocks, "holds": holds}, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
