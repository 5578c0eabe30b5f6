"""Writes adamw.json: what PyTorch's AdamW does to two small parameters, with clipping and without.

The loss is sum(w * (p - target)^2) over both parameters, so that its gradient is 2 w (p - target).
Run with a Python that has torch: python make_adamw.py > adamw.json
"""

import json

import torch

torch.manual_seed(0)
double = {"dtype": torch.float64}
start = [torch.randn(3, 2, **double), torch.randn(4, **double)]
target = [torch.randn(3, 2, **double), torch.randn(4, **double)]
weight = [torch.rand(3, 2, **double) * 3, torch.rand(4, **double) * 3]
steps = 8
runs = []
for clip in (None, 0.5):
    for decay in (0.0, 0.3):
        params = [p.clone().requires_grad_() for p in start]
        optimiser = torch.optim.AdamW(
            [{"params": params[:1], "weight_decay": decay}, {"params": params[1:], "weight_decay": 0.0}],
            betas=(0.8, 0.95),
            eps=1e-3,
        )
        path = []
        for step in range(steps):
            for group in optimiser.param_groups:
                group["lr"] = 0.1 / (step + 1)
            optimiser.zero_grad()
            sum((w * (p - t) ** 2).sum() for w, p, t in zip(weight, params, target)).backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(params, clip)
            optimiser.step()
            path.append([p.detach().flatten().tolist() for p in params])
        runs.append({"clipNorm": clip, "weightDecay": decay, "path": path})
flat = lambda tensors: [t.flatten().tolist() for t in tensors]
print(
    json.dumps(
        {
            "torch": torch.__version__,
            "shapes": [[3, 2], [4]],
            "start": flat(start),
            "target": flat(target),
            "weight": flat(weight),
            "beta1": 0.8,
            "beta2": 0.95,
            "epsilon": 1e-3,
            "learningRates": [0.1 / (step + 1) for step in range(steps)],
            "runs": runs,
        }
    )
)
