"""Kernels of other packages, each where it is installed: flash-linear-attention (`fla`) and mamba_ssm.

Their float32 kernels multiply in TF32 where Triton's `dot` does by default ("tf32" below): fewer digits than ours, in more time
than bfloat16 would take. The layout [B, T, H, D] is made before the clock starts.
"""

import importlib
import importlib.metadata
import os


from way import Way

absent = {}
versions = {}
_found = {}


def load(device):
    """Imports what is there; `absent` says why the rest is not."""
    packages = {"fla": "flash-linear-attention", "mamba_ssm": "mamba-ssm"}
    modules = {"fla": "fla.ops", "mamba_ssm": "mamba_ssm.ops.selective_scan_interface"}
    for name, package in packages.items():
        # Triton's interpreter runs tiny sizes on a processor: to try whether all of this works.
        if device != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
            absent[package] = "needs an NVIDIA GPU"
            continue
        try:
            _found[name] = importlib.import_module(modules[name])
            versions[package] = importlib.metadata.version(package)
        except Exception as error:  # absent, or built for another PyTorch
            absent[package] = f"{type(error).__name__}: {error}".split("\n")[0]


def ways(problem, options):
    known = {
        ("fla", "linear attention"): lambda: linear_attention(options.get("decay", "channel")),
        ("fla", "delta rule"): delta_rule,
        ("fla", "wkv"): wkv,
        ("mamba_ssm", "selective scan"): selective_scan,
    }
    return [way for (name, asked), make in known.items() if asked == problem and name in _found for way in make()]


def heads_last(tensors):
    """[B, H, T, ...] as [B, T, H, ...], and back."""
    return [x.transpose(1, 2).contiguous() for x in tensors]


def in_bfloat16(tensors):
    return [x.bfloat16() for x in heads_last(tensors)]


def linear_attention(decay):
    from fla.ops.gla import chunk_gla, fused_recurrent_gla
    from fla.ops.linear_attn import chunk_linear_attn
    from fla.ops.retention import chunk_retention

    channel = lambda run: lambda q, k, v, g: run(q, k, v, g, scale=1)[0]
    kernels = {
        "channel": [
            ("fla chunk_gla", "tf32", channel(chunk_gla)),
            ("fla fused_recurrent_gla", "float32", channel(fused_recurrent_gla)),
        ],
        "none": [
            ("fla chunk_linear_attn", "tf32", lambda q, k, v, _: chunk_linear_attn(q, k, v, scale=1, normalize=False)[0])
        ],
        "head": [("fla chunk_retention", "tf32", lambda q, k, v, _: chunk_retention(q, k, v, scale=1)[0])],
    }
    return [Way(name, run, precision, heads_last, heads_last) for name, precision, run in kernels[decay]]


def delta_rule():
    from fla.ops.delta_rule import chunk_delta_rule, fused_recurrent_delta_rule

    call = lambda run: lambda q, k, v, beta: run(q, k, v, beta, scale=1)[0]
    return [
        Way("fla chunk_delta_rule", call(chunk_delta_rule), "bfloat16", in_bfloat16, heads_last),
        Way("fla fused_recurrent_delta_rule", call(fused_recurrent_delta_rule), "float32", heads_last, heads_last),
    ]


def wkv():
    from fla.ops.rwkv4 import fused_recurrent_rwkv4

    def run(w, u, k, v):
        state = k.new_zeros(k.shape[0], 3, 1, k.shape[2])
        state[:, 2] = -1e38
        return fused_recurrent_rwkv4((-w).log(), u, k, v, state)[0]

    return [Way("fla fused_recurrent_rwkv4", run)]


def selective_scan():
    function = _found["mamba_ssm"].selective_scan_fn

    def time_last(tensors):
        x, delta, A, B, C = tensors
        return [x.mT.contiguous(), delta.mT.contiguous(), A, B.mT.contiguous(), C.mT.contiguous()]

    def time_first(tensors):
        return [x.mT.contiguous() if x.dim() == 3 else x for x in tensors]

    return [Way("mamba_ssm selective_scan_fn", function, "float32", time_last, time_first)]
