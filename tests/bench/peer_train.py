"""One training step of GPT-2 in transformers and PyTorch: tokens per second and peak memory.

A step is forward, backward, clipping to 1.0 and AdamW on random tokens; the first does not count.
bfloat16 is torch.autocast. Prints one JSON line.
"""

import argparse
import contextlib
import json
import resource
import statistics
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

parser = argparse.ArgumentParser()
parser.add_argument("--model", help="a model folder; GPT-2 124M with random weights where absent")
parser.add_argument("--batch", type=int, default=2)
parser.add_argument("--length", type=int, default=512)
parser.add_argument("--steps", type=int, default=6)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--dropout", type=float, default=0.1)
parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
parser.add_argument("--dtype", choices=["float32", "tf32", "bfloat16"], default="float32")
options = parser.parse_args()

torch.set_num_threads(options.threads)
torch.backends.cuda.matmul.allow_tf32 = options.dtype == "tf32"
rate = options.dropout
dropout = {"resid_pdrop": rate, "embd_pdrop": rate, "attn_pdrop": rate}
if options.model is None:
    model = GPT2LMHeadModel(GPT2Config(**dropout))
else:
    model = GPT2LMHeadModel.from_pretrained(options.model, **dropout)
model.train().to(options.device)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
tokens = torch.randint(0, model.config.vocab_size, (options.batch, options.length), device=options.device)



def precision():
    if options.dtype == "bfloat16":
        return torch.autocast(options.device, torch.bfloat16)
    return contextlib.nullcontext()


seconds = []
for _ in range(options.steps):
    start = time.perf_counter()
    with precision():
        loss = model(tokens, labels=tokens).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    if options.device == "cuda":
        torch.cuda.synchronize()
    seconds.append(time.perf_counter() - start)
step = statistics.median(seconds[1:])
print(json.dumps({
    "step_s": step,
    "tokens_per_s": options.batch * options.length / step,
    "peak_gpu_mb": torch.cuda.max_memory_allocated() / 1e6 if options.device == "cuda" else None,
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
