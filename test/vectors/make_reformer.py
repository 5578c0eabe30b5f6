"""Writes reformer.json: what transformers' Reformer gives on small inputs, in float64, and what PyTorch's
scaled_dot_product_attention gives under the union of several rounds, which transformers lacks.

Run with torch 2.13 and transformers 5.18 (CPU): python test/vectors/make_reformer.py
transformers lets a query see other buckets in its two chunks, lets the first chunk look back at the last one, and counts
a pair once for every round that finds it. So its buckets are masked here (`same_bucket`), and where it runs two rounds they
have no pair in common. It adds 10⁻⁶ to the mean square of a key; here the key is divided by its length. Inputs are drawn with 6 significant digits; outputs are computed in float64 and written with 7.
"""

import json
import os
from unittest import mock

import torch
import transformers
from torch.nn.functional import scaled_dot_product_attention as sdpa
from transformers.models.reformer.modeling_reformer import LSHSelfAttention, ReformerConfig

torch.manual_seed(20200113)


def numbers(tensor, digits=7):
    return [float(f"{x:.{digits}g}") for x in tensor.flatten().tolist()]


def draw(*shape):
    # Rounded inputs, so that the file holds exactly what torch was given.
    return torch.tensor(numbers(torch.randn(*shape, dtype=torch.float64), 6), dtype=torch.float64).reshape(shape)


def layer(C, H, chunk, rounds, causal, buckets=None):
    config = ReformerConfig(
        hidden_size=C,
        num_attention_heads=H,
        attention_head_size=C // H,
        lsh_attn_chunk_length=chunk,
        num_hashes=rounds,
        num_buckets=buckets,
        is_decoder=causal,
        lsh_attention_probs_dropout_prob=0.0,
        lsh_num_chunks_after=0,
        lsh_num_chunks_before=1,
    )
    return LSHSelfAttention(config, layer_idx=0).double().eval()


def attention_case(name, B, T, C, H, chunk, rounds, causal, buckets, lengths=None):
    """qk and v projections of x; with buckets [B, H, rounds, T], also which pairs may meet."""
    attention = layer(C, H, chunk, rounds, causal, buckets=64)
    x, wqk, wv = draw(B, T, C), draw(C, C), draw(C, C)
    attention._len_norm = lambda vectors: vectors * torch.rsqrt((vectors**2).mean(-1, keepdim=True))
    attention.query_key.weight.data = wqk.T.contiguous()  # x W here, x Wᵀ in torch
    attention.value.weight.data = wv.T.contiguous()
    lengths = lengths or [T] * B
    padding = torch.arange(T)[None] < torch.tensor(lengths)[:, None]
    original = attention._compute_attn_mask

    def same_bucket(query, key, attention_mask, shape, standard):
        mask = original(query, key, attention_mask, shape, standard)
        if standard:
            return mask
        flat = buckets.flatten(2)  # [B, H, rounds T]
        chunks = query.shape[2] // rounds
        offset = (torch.arange(query.shape[2]) // chunks * T)[None, None, :, None]
        own = torch.gather(flat, 2, (query + offset).flatten(2)).view(query.shape)
        before = torch.roll(own, 1, dims=2)
        before[:, :, ::chunks] = -1  # the first chunk of a round has none before it
        same = own[..., :, None] == torch.cat([before, own], -1)[..., None, :]
        return same if mask is None else same & mask.bool()

    attention._compute_attn_mask = same_bucket
    given = None
    if buckets is not None:
        given = (buckets + torch.arange(rounds)[:, None] * 64).flatten(2)
    with torch.no_grad():
        out = attention(x, attention_mask=padding if min(lengths) < T else None, buckets=given).hidden_states
    record = {"name": name, "sizes": {"B": B, "T": T, "C": C, "H": H}, "chunk": chunk, "rounds": rounds}
    record |= {"causal": causal, "lengths": lengths}
    record |= {"buckets": [] if buckets is None else buckets.flatten().tolist()}
    return record | {"x": numbers(x, 6), "wqk": numbers(wqk, 6), "wv": numbers(wv, 6), "out": numbers(out)}


def hash_case(name, B, H, T, D, rounds, factors):
    attention = layer(H * D, H, 4, rounds, False, buckets=factors if len(factors) > 1 else factors[0])
    x = draw(B, H, T, D)
    rotations = [draw(H, D, rounds, f // 2) for f in factors]
    for rotation in rotations:
        rotation[:] = rotation[:1]  # the same in all heads
    size = sum(rotation.shape[-1] for rotation in rotations)
    whole = torch.cat(rotations, -1)
    with mock.patch("torch.randn", return_value=whole) as randn:
        buckets = attention._hash_vectors(x, rounds, None)
    assert randn.call_args.args[0][-1] == size
    buckets = buckets.view(B, H, rounds, T)
    product = 1
    for f in factors:
        product *= f
    buckets = buckets - torch.arange(rounds)[:, None] * product  # transformers offsets the rounds
    record = {"name": name, "sizes": {"B": B, "H": H, "T": T, "D": D}, "rounds": rounds, "factors": factors}
    record |= {"x": numbers(x, 6), "rotations": [numbers(r[0], 6) for r in rotations]}
    return record | {"buckets": buckets.flatten().tolist()}


def union_case(name, T, D, chunk, rounds, kinds, causal):
    """One softmax over the union of all rounds' pairs, with PyTorch's own attention."""
    qk, v = draw(1, 1, T, D), draw(1, 1, T, D)
    buckets = torch.randint(kinds, (rounds, T))
    allowed = torch.zeros(T, T, dtype=torch.bool)
    for row in buckets:
        place = torch.argsort(torch.argsort(row, stable=True))
        apart = (place // chunk)[:, None] - (place // chunk)[None]
        allowed |= (row[:, None] == row[None]) & ((apart == 0) | (apart == 1))
    if causal:
        allowed &= torch.ones(T, T, dtype=torch.bool).tril()
    allowed.fill_diagonal_(False)
    alone = ~allowed.any(1)
    allowed |= torch.diag(alone)
    out = sdpa(qk, qk / qk.norm(dim=-1, keepdim=True), v, attn_mask=allowed, scale=1.0)
    record = {"name": name, "sizes": {"T": T, "D": D}, "chunk": chunk, "rounds": rounds, "causal": causal}
    record |= {"buckets": buckets.flatten().tolist(), "qk": numbers(qk, 6), "v": numbers(v, 6)}
    return record | {"out": numbers(out)}


# Two rounds of a grid: rows first, then columns, so that no pair meets twice.
grid = torch.stack([torch.arange(16) // 4, torch.arange(16) % 4])[None, None].expand(1, 2, 2, 16).contiguous()
attentions = [
    attention_case("one chunk", 2, 7, 6, 2, 8, 1, False, None),
    attention_case("one chunk, causal, padding", 2, 7, 6, 2, 8, 1, True, None, [7, 4]),
    attention_case("one round", 1, 16, 6, 2, 4, 1, False, torch.randint(3, (1, 2, 1, 16))),
    attention_case("one round, causal", 1, 16, 6, 2, 4, 1, True, torch.randint(3, (1, 2, 1, 16))),
    attention_case("two rounds, causal", 1, 16, 6, 2, 4, 2, True, grid),
]
hashes = [hash_case("8 buckets", 1, 2, 9, 4, 2, [8]), hash_case("4 x 8 buckets", 1, 1, 12, 4, 2, [4, 8])]
unions = [union_case("three rounds", 14, 4, 4, 3, 3, False), union_case("causal", 14, 4, 4, 3, 2, True)]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reformer.json")
with open(path, "w") as file:
    versions = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    json.dump(versions | {"attentions": attentions, "hashes": hashes, "unions": unions}, file, separators=(",", ":"))
    file.write("\n")
print(path, os.path.getsize(path), "bytes")
