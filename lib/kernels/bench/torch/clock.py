"""Milliseconds per run, of batches: CUDA's events on a GPU, the wall on a processor."""

import statistics
from time import perf_counter

import torch

PATIENCE = 5.0  # seconds; slow runs get fewer batches
MOST_RUNS = 50


def time(run, device, batches, milliseconds):
    """Median and interquartile range over `batches` of about so many milliseconds each, after a warm-up."""
    for _ in range(2):
        once = batch(run, device, 1)
    runs = max(1, min(MOST_RUNS, round(milliseconds / max(once, 1e-3))))
    if runs > 1:
        runs = max(1, min(MOST_RUNS, round(milliseconds / max(batch(run, device, runs), 1e-3))))
    samples, start = [], perf_counter()
    while len(samples) < batches and (not samples or perf_counter() - start < PATIENCE):
        samples.append(batch(run, device, runs))
    if len(samples) < 2:
        return samples[0], 0.0
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return statistics.median(samples), high - low


def batch(run, device, runs):
    if device != "cuda":
        start = perf_counter()
        for _ in range(runs):
            run()
        return 1000 * (perf_counter() - start) / runs
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    for _ in range(runs):
        run()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / runs
