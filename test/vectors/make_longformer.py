"""Writes longformer.json: what transformers' LongformerSelfAttention gives on small inputs, in float64, and what PyTorch's
scaled_dot_product_attention gives under a dense mask where transformers has no such option (dilation, causal).

Run with torch 2.13 and transformers 5.18 (CPU): python test/vectors/make_longformer.py
Inputs are drawn with 6 significant digits; outputs are computed in float64 and written with 7.
"""

import json
import os

import torch
import transformers
from torch.nn.functional import scaled_dot_product_attention as sdpa
from transformers.models.longformer.modeling_longformer import LongformerConfig, LongformerSelfAttention

torch.manual_seed(20200410)


def numbers(tensor, digits=7):
    return [float(f"{x:.{digits}g}") for x in tensor.flatten().tolist()]


def draw(*shape, scale=1.0):
    # Rounded inputs, so that the file holds exactly what torch was given.
    values = scale * torch.randn(*shape, dtype=torch.float64)
    return torch.tensor(numbers(values, 6), dtype=torch.float64).reshape(shape)


def layer_case(name, B, T, C, H, window, globals_, lengths=None):
    """The whole layer before its output projection; T must be a multiple of the window there."""
    config = LongformerConfig(
        hidden_size=C, num_attention_heads=H, attention_window=[window], attention_probs_dropout_prob=0.0
    )
    attention = LongformerSelfAttention(config, layer_id=0).double().eval()
    weights = {}
    for part in ["query", "key", "value", "query_global", "key_global", "value_global"]:
        linear = getattr(attention, part)
        weight = draw(C, C, scale=C**-0.5)
        weights[part] = numbers(weight, 6)
        linear.weight.data = weight.T.contiguous()  # x W here, x Wᵀ in torch
        linear.bias.data.zero_()
    x = draw(B, T, C)
    x[:, T // 2] *= 6  # an outlier
    x = torch.tensor(numbers(x, 6), dtype=torch.float64).reshape(B, T, C)
    lengths = lengths or [T] * B
    mask = torch.zeros(B, T, dtype=torch.float64)
    for b, length in enumerate(lengths):
        mask[b, length:] = -10000.0
    mask[:, globals_] = 10000.0
    with torch.no_grad():
        out = attention(
            x,
            attention_mask=mask,
            is_index_masked=mask < 0,
            is_index_global_attn=mask > 0,
            is_global_attn=bool((mask > 0).any()),
        )[0]
    record = {"name": name, "sizes": {"B": B, "T": T, "C": C, "H": H}, "window": window, "globals": globals_}
    return record | {"lengths": lengths, "x": numbers(x, 6), "weights": weights, "out": numbers(out)}


def dense_case(name, B, H, T, D, window, dilation, globals_, causal):
    """Rows of global tokens from their own q, k, v; all others from one softmax over window and global keys."""
    q, k, v = draw(B, H, T, D), draw(B, H, T, D), draw(B, H, T, D)
    gq, gk, gv = draw(B, H, len(globals_), D), draw(B, H, T, D), draw(B, H, T, D)
    i, j = torch.arange(T)[:, None], torch.arange(T)[None]
    allowed = ((i - j).abs() <= window // 2 * dilation) & ((i - j) % dilation == 0)
    allowed[:, globals_] = True
    if causal:
        allowed &= j <= i
    out = sdpa(q, k, v, attn_mask=allowed)
    for n, p in enumerate(globals_):
        past = (j <= p) if causal else torch.ones(1, T, dtype=torch.bool)
        out[:, :, p] = sdpa(gq[:, :, n : n + 1], gk, gv, attn_mask=past)[:, :, 0]
    record = {"name": name, "sizes": {"B": B, "H": H, "T": T, "D": D}, "window": window, "dilation": dilation}
    record |= {"globals": globals_, "causal": causal}
    tensors = {"q": q, "k": k, "v": v, "gq": gq, "gk": gk, "gv": gv}
    return record | {key: numbers(value, 6) for key, value in tensors.items()} | {"out": numbers(out)}


layers = [
    layer_case("a window alone", 1, 12, 4, 2, 4, []),
    layer_case("two global tokens, one in the middle", 2, 12, 4, 2, 4, [0, 7]),
    layer_case("padding", 2, 12, 4, 1, 4, [0], lengths=[12, 7]),
]
dense = [
    dense_case("dilation 3", 1, 2, 13, 3, 4, 3, [], False),
    dense_case("dilation 2, two global tokens", 1, 2, 11, 3, 4, 2, [10, 3], False),
    dense_case("causal, one global token", 1, 2, 11, 3, 6, 1, [2], True),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "longformer.json")
with open(path, "w") as file:
    versions = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    json.dump(versions | {"layers": layers, "dense": dense}, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
