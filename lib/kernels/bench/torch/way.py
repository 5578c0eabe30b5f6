"""One way of PyTorch's to compute a problem."""

from dataclasses import dataclass
from typing import Callable


def same(tensors):
    return tensors


@dataclass(frozen=True)
class Way:
    name: str
    # Of the arranged inputs: one tensor.
    run: Callable
    # "float32", or what it computes in instead.
    precision: str = "float32"
    # From the workbook's inputs to its own, before the clock starts.
    arrange: Callable = same
    # From its outputs, or its gradients of the first inputs, to the workbook's.
    restore: Callable = same
