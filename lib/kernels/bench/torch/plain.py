"""PyTorch by itself: its fused attention, its Fourier transforms, and eager compositions of what it has no kernel for.

Every problem is the one that lib/kernels/bench/<kernel>.ts states, with its inputs in that order and of those shapes.
"""

import math

import torch
from torch.nn.functional import scaled_dot_product_attention

from way import Way

EAGER = "eager composition"


def ways(problem, options):
    known = {
        "copy": lambda: [Way("clone", torch.clone)],
        "product": lambda: [Way("matmul", torch.matmul)],
        "attention": lambda: [Way("scaled_dot_product_attention", fused_causal), Way(EAGER, causal)],
        "decode": lambda: [Way("scaled_dot_product_attention", fused_decode), Way(EAGER, decode)],
        "packed": lambda: packed(options["lengths"]),
        "linear attention": lambda: [Way(EAGER, fading)],
        "delta rule": lambda: [Way(EAGER, delta_rule)],
        "selective scan": lambda: [Way(EAGER, selective_scan)],
        "wkv": lambda: [Way(EAGER, wkv)],
        "long convolution": lambda: [Way("torch.fft", convolution)],
    }
    return known[problem]() if problem in known else []


def fused_causal(q, k, v):
    return scaled_dot_product_attention(q, k, v, is_causal=True)


def causal(q, k, v):
    T = q.shape[2]
    hidden = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
    scores = (q @ k.mT / math.sqrt(q.shape[3])).masked_fill(hidden, -math.inf)
    return scores.softmax(-1) @ v


def fused_decode(q, k, v):
    return scaled_dot_product_attention(q, k, v, enable_gqa=q.shape[1] != k.shape[1])


def decode(q, k, v):
    (B, H, T, D), G = q.shape, k.shape[1]
    rows = q.reshape(B, G, H // G * T, D)
    return ((rows @ k.mT / math.sqrt(D)).softmax(-1) @ v).reshape(B, H, T, v.shape[3])


def packed(lengths):
    """q, k, v [N, H, D]: texts one behind another."""

    def each(q, k, v):
        texts = zip(*(x.transpose(0, 1).split(lengths, 1) for x in (q, k, v)))
        return torch.cat([scaled_dot_product_attention(*text) for text in texts], 1).transpose(0, 1)

    def nested(q, k, v):
        heads = [jagged(x).transpose(1, 2) for x in (q, k, v)]
        return scaled_dot_product_attention(*heads).transpose(1, 2).values()

    def jagged(x):
        offsets = torch.tensor([0, *lengths], device=x.device).cumsum(0)
        return torch.nested.nested_tensor_from_jagged(
            x, offsets, min_seqlen=min(lengths), max_seqlen=max(lengths)
        )

    name = "scaled_dot_product_attention"
    return [Way(f"{name}, text by text", each), Way(f"{name}, nested", nested)]


def chunks(x, c):
    """[B, H, T, D] as [B, H, N, c, D]."""
    return x.unflatten(2, (-1, c))


def fading(q, k, v, log_decay, c=16):
    """Chunk by chunk: products inside of a chunk, and a state between chunks."""
    g = log_decay.expand(q.shape)
    q, k, v, b = chunks(q, c), chunks(k, c), chunks(v, c), chunks(g, c).cumsum(3)
    end = b[..., -1:, :]
    fade = (b.unsqueeze(4) - b.unsqueeze(3)).clamp(max=0).exp()
    inside = (q.unsqueeze(4) * k.unsqueeze(3) * fade).sum(-1).tril()
    added = (k * (end - b).exp()).mT @ v  # [B, H, N, D, E]
    states = scan(end.exp().mT.expand_as(added), added, 2)
    before = torch.cat([torch.zeros_like(states[:, :, :1]), states[:, :, :-1]], 2)
    return (inside @ v + (q * b.exp()) @ before).flatten(2, 3)


def scan(decay, states, axis):
    """h_t = decay_t h_(t-1) + states_t, in log2 T rounds."""
    T, step = states.shape[axis], 1
    while step < T:
        first, later = states.narrow(axis, 0, step), decay.narrow(axis, step, T - step)
        joined = states.narrow(axis, step, T - step) + later * states.narrow(axis, 0, T - step)
        states = torch.cat([first, joined], axis)
        decay = torch.cat([decay.narrow(axis, 0, step), later * decay.narrow(axis, 0, T - step)], axis)
        step *= 2
    return states


def delta_rule(q, k, v, beta, c=32):
    q, k, v = chunks(q, c), chunks(k, c), chunks(v, c)
    beta = beta.unflatten(2, (-1, c)).unsqueeze(-1)
    lower = (k @ k.mT * beta).tril(-1)
    both = torch.cat([v * beta, k * beta], -1)
    solved = torch.linalg.solve_triangular(lower, both, upper=False, unitriangular=True)
    u, w = solved.split([v.shape[-1], k.shape[-1]], -1)
    inside = (q @ k.mT).tril()
    state, outputs = q.new_zeros(*q.shape[:2], k.shape[-1], v.shape[-1]), []
    for n in range(q.shape[2]):
        new = u[:, :, n] - w[:, :, n] @ state
        outputs.append(q[:, :, n] @ state + inside[:, :, n] @ new)
        state = state + k[:, :, n].mT @ new
    return torch.cat(outputs, 2)


def selective_scan(x, delta, A, B, C):
    """x, delta [B, T, D], A [D, N], B, C [B, T, N]; Euler's rule."""
    decay = (delta.unsqueeze(-1) * A).exp()  # [B, T, D, N]
    states = scan(decay, (delta * x).unsqueeze(-1) * B.unsqueeze(2), 1)
    return (states @ C.unsqueeze(-1)).squeeze(-1)


def wkv(w, u, k, v):
    """Sums of e^(k - m) and e^(k - m) v, relative to a maximum m; twice as many positions each round."""
    T, step = k.shape[1], 1
    m, a, b = k, v, torch.ones_like(k)

    def join(earlier, later):
        (m0, a0, b0), (m1, a1, b1) = earlier, later
        m = torch.maximum(m0, m1)
        e0, e1 = (m0 - m).exp(), (m1 - m).exp()
        return m, e0 * a0 + e1 * a1, e0 * b0 + e1 * b1

    while step < T:
        earlier = (m[:, :-step] + step * w, a[:, :-step], b[:, :-step])
        joined = join(earlier, (m[:, step:], a[:, step:], b[:, step:]))
        m, a, b = (torch.cat([x[:, :step], y], 1) for x, y in zip((m, a, b), joined))
        step *= 2
    # What came before position t has not decayed yet there.
    nothing = torch.full_like(k[:, :1], -1e38), torch.zeros_like(k[:, :1]), torch.zeros_like(k[:, :1])
    before = tuple(torch.cat([x, y[:, :-1]], 1) for x, y in zip(nothing, (m, a, b)))
    _, top, bottom = join(before, (k + u, v, torch.ones_like(k)))
    return top / bottom


def convolution(u, h, bias):
    n = 2 * u.shape[-1]
    product = torch.fft.rfft(u, n) * torch.fft.rfft(h, n)
    return torch.fft.irfft(product, n)[..., : u.shape[-1]] + bias.unsqueeze(-1) * u
