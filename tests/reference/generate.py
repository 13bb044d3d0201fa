"""Prints the sequences that transformers generates.

Reads a list of {"model": FOLDER, "prompts": [[id, ...], ...], "settings": {...}}; prints for each, by prompt, the
sequences of `generate`, each prompt by itself: a batch would pad it, and rules would count the padding.
"""
import json
import sys

import torch
from transformers import AutoModelForCausalLM, logging

logging.set_verbosity_error()
torch.set_num_threads(1)
models = {}


def result(job):
    path = job["model"]
    if path not in models:
        models[path] = AutoModelForCausalLM.from_pretrained(path).eval()
    model = models[path]
    sequences = []
    for prompt in job["prompts"]:
        ids = torch.tensor([prompt])
        with torch.no_grad():
            found = model.generate(
                ids, attention_mask=torch.ones_like(ids), pad_token_id=0, **{"do_sample": False, **job["settings"]}
            )
        sequences.append(found.tolist())
    return sequences


print(json.dumps([result(job) for job in json.load(open(sys.argv[1]))]))
