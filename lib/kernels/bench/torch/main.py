"""The yardstick of `npm run bench:gpu -- --python PATH`: PyTorch on the same problems, one JSON line in, some lines out.

First line out: {"hello": {"device", "versions", "absent"}}. Then for each problem, as frame/yardstick.ts asks:

    in   {"problem", "options", "gradients", "inputs": [{"path", "shape"}], "folder", "batches", "milliseconds", "skip"}
    out  {"starting": name} and then {"name", "precision", "milliseconds", "iqr", "outputs"} or {"name", "missing"}, for each way
         that PyTorch has; then {"done": true}

Files hold float32, little-endian. Needs PyTorch and nothing else; flash-linear-attention and mamba_ssm are used where they are.
"""

import ctypes
import json
import os
import sys

import torch

import clock
import libraries
import plain


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = torch.cuda.get_device_name() if device == "cuda" else f"the processor, {torch.get_num_threads()} threads"
    libraries.load(device)
    say({"hello": {"device": f"{device}, {name}", "versions": versions(), "absent": libraries.absent}})
    for line in sys.stdin:
        answer(json.loads(line), device)
        say({"done": True})


def answer(asked, device):
    problem, options = asked["problem"], asked.get("options", {})
    ways = plain.ways(problem, options) + libraries.ways(problem, options)
    if not ways:
        say({"starting": problem})
        say({"name": problem, "missing": "torch/ has no such problem"})
    for way in ways:
        if way.name in asked.get("skip", []):
            continue
        say({"starting": way.name})
        try:
            say({"name": way.name, "precision": way.precision, **measured(way, asked, device)})
        except Exception as error:  # out of memory, a kernel that does not compile, a shape that a library refuses
            say({"name": way.name, "missing": f"{type(error).__name__}: {first_line(error)}"})
        if device == "cuda":
            torch.cuda.empty_cache()


def measured(way, asked, device):
    inputs = way.arrange([read(each, device) for each in asked["inputs"]])
    count = asked.get("gradients", 0)
    if count > 0:
        learned = [each.requires_grad_() for each in inputs[:count]]
        ones = torch.ones_like(way.run(*inputs))
        run = lambda: torch.autograd.grad(way.run(*inputs), learned, ones)
    else:
        run = lambda: (way.run(*inputs),)
    with torch.set_grad_enabled(count > 0):
        results = way.restore([each.detach() for each in run()])
        paths = [write(each, asked["folder"], way.name, i) for i, each in enumerate(results)]
        del results
        median, iqr = clock.time(run, device, asked["batches"], asked["milliseconds"])
    return {"milliseconds": median, "iqr": iqr, "outputs": paths}


def read(tensor, device):
    with open(tensor["path"], "rb") as file:
        data = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    return data.reshape(tensor["shape"]).to(device)


def write(tensor, folder, name, i):
    safe = "".join(letter if letter.isalnum() else "-" for letter in name)
    path = os.path.join(folder, f"torch-{safe}-{i}.bin")
    data = tensor.float().cpu().contiguous()
    with open(path, "wb") as file:
        file.write(ctypes.string_at(data.data_ptr(), 4 * data.numel()))  # as numpy would, which may not be there
    return {"path": path, "shape": list(tensor.shape)}


def versions():
    found = {"PyTorch": torch.__version__}
    if torch.version.cuda is not None:
        found["CUDA"] = torch.version.cuda
    return {**found, **libraries.versions}


def first_line(error):
    return (str(error).strip().split("\n") or [""])[0][:300]


def say(message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    # Libraries print as they like: their words go to stderr, and ours alone to where the answers are read.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    main()
