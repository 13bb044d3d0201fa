"""The matrix products of a training step, each timed alone in PyTorch on the CPU: their sum and rate.

Reads a JSON list of products from standard input: the shapes `a` and `b`, whether each is transposed
(`transA`, `transB`), how many of them a step has (`count`) and the `flops` of one. Prints one JSON line.
"""

import argparse
import json
import statistics
import sys
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--threads", type=int, default=2)
torch.set_num_threads(parser.parse_args().threads)

LEAST, MOST, ENOUGH_SECONDS = 3, 20, 0.3

total_seconds = 0.0
total_flops = 0.0
for product in json.load(sys.stdin):
    a, b = torch.rand(product["a"]), torch.rand(product["b"])
    left = a.transpose(-1, -2) if product["transA"] else a
    right = b.transpose(-1, -2) if product["transB"] else b
    result = torch.matmul(left, right)
    seconds = []
    begun = time.perf_counter()
    while len(seconds) < LEAST or len(seconds) < MOST and time.perf_counter() - begun < ENOUGH_SECONDS:
        start = time.perf_counter()
        torch.matmul(left, right, out=result)
        seconds.append(time.perf_counter() - start)
    total_seconds += statistics.median(seconds) * product["count"]
    total_flops += product["flops"] * product["count"]
print(json.dumps({
    "products_ms": total_seconds * 1e3,
    "products_gflops": total_flops / total_seconds / 1e9,
}))
