"""Writes rwkv.json: transformers' RWKV, its linear attention on the CPU and both halves of its block, on small inputs.

Run with torch 2.13 and transformers 5.18 (CPU): python test/vectors/make_rwkv.py
Everything is drawn at random and rounded to 5 significant digits. The linear attention rounds keys and states to float32 itself;
the rest is computed in float64. The halves are called directly, so that the model's rescaling of weights (rescale_every) plays no part.
"""

import json
import os

import torch
import transformers
from transformers import RwkvConfig
from transformers.models.rwkv.modeling_rwkv import RwkvFeedForward, RwkvSelfAttention, rwkv_linear_attention_cpu

torch.manual_seed(20230522)
torch.set_default_dtype(torch.float64)


def numbers(tensor, digits=8):
    return [float(f"{x:.{digits}g}") for x in tensor.detach().flatten().tolist()]


def draw(*shape, scale=1.0):
    # Rounded, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(scale * torch.randn(*shape), 5)).reshape(shape)


def attention(name, B, T, C, keys, decays=1.0, start=False):
    decay, first = draw(C, scale=decays), draw(C)
    key, value = draw(B, T, C, scale=keys), draw(B, T, C)
    # A past of three tokens, in the reference's own order: numerator, denominator, maximum.
    state = None
    if start:
        _, state = rwkv_linear_attention_cpu(decay, first, draw(B, 3, C), draw(B, 3, C), return_state=True)
        state = [torch.tensor(numbers(part, 7)).reshape(B, C) for part in state]
    given = None if state is None else [part.clone() for part in state]
    y, after = rwkv_linear_attention_cpu(decay, first, key, value, state=given, return_state=True)
    record = {"decay": decay, "u": first, "k": key, "v": value, "y": y, "after": torch.stack(list(after))}
    if state is not None:
        record["start"] = torch.stack(state)
    return {"name": name, "shape": [B, T, C]} | {part: numbers(x) for part, x in record.items()}


def weights_of(named):
    return {part: {"shape": list(w.shape), "data": numbers(w)} for part, w in named.items()}


def filled(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(draw(*parameter.shape, scale=0.5))
    return module.eval()


def time_mixing(name, B, T, C, A):
    config = RwkvConfig(hidden_size=C, attention_hidden_size=A, num_hidden_layers=2)
    layer = filled(RwkvSelfAttention(config).double())
    x = draw(B, T, C)
    with torch.no_grad():
        y, _ = layer(x)
    weights = weights_of(
        {
            "mixR": layer.time_mix_receptance.flatten(),
            "mixK": layer.time_mix_key.flatten(),
            "mixV": layer.time_mix_value.flatten(),
            "wr": layer.receptance.weight.T,
            "wk": layer.key.weight.T,
            "wv": layer.value.weight.T,
            "decay": layer.time_decay,
            "bonus": layer.time_first,
            "wo": layer.output.weight.T,
        }
    )
    return {"name": name, "shape": [B, T, C], "weights": weights, "x": numbers(x), "y": numbers(y)}


def channel_mixing(name, B, T, C, F):
    config = RwkvConfig(hidden_size=C, intermediate_size=F, num_hidden_layers=2)
    layer = filled(RwkvFeedForward(config).double())
    x = draw(B, T, C)
    with torch.no_grad():
        y, _ = layer(x)
    weights = weights_of(
        {
            "mixR": layer.time_mix_receptance.flatten(),
            "mixK": layer.time_mix_key.flatten(),
            "wr": layer.receptance.weight.T,
            "wk": layer.key.weight.T,
            "wv": layer.value.weight.T,
        }
    )
    return {"name": name, "shape": [B, T, C], "weights": weights, "x": numbers(x), "y": numbers(y)}


record = {
    "torch": torch.__version__.split("+")[0],
    "transformers": transformers.__version__,
    "attention": [
        attention("two batches", 2, 9, 3, keys=1.0),
        attention("large keys", 1, 12, 3, keys=40.0, decays=2.0),
        attention("from a state", 2, 5, 2, keys=1.0, start=True),
        attention("one token", 1, 1, 2, keys=1.0),
    ],
    "timeMixing": [time_mixing("as wide as the model", 2, 6, 3, 3), time_mixing("wider", 1, 5, 2, 4)],
    "channelMixing": [channel_mixing("two batches", 2, 5, 3, 4)],
}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rwkv.json")
with open(path, "w") as file:
    json.dump(record, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
