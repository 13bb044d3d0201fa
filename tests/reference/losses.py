"""Trains with torch's AdamW as the job says and prints the loss of each step.

Reads a list of {"model": FOLDER, "adapter"?: FOLDER, "freeze"?: [[NAME, ...] of each step], "learning_rates": [...],
"weight_decay": x, "max_grad_norm": x, "batches": [[row, ...] of each step]}. The model has no dropout. Prints
{"losses": [...], "norms": [...]} for each.
"""
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def result(job):
    model = AutoModelForCausalLM.from_pretrained(job["model"])
    if "adapter" in job:
        model = PeftModel.from_pretrained(model, job["adapter"], is_trainable=True)
        for name, parameter in model.named_parameters():
            assert parameter.requires_grad == ("lora_" in name), name
            if "lora_B" in name:
                torch.nn.init.zeros_(parameter)
    model.train()
    named = dict(model.named_parameters())
    decayed = [p for n, p in named.items() if p.ndim > 1]
    others = [p for n, p in named.items() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": job["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    )
    losses, norms = [], []
    for step, rows in enumerate(job["batches"]):
        if "freeze" in job:
            frozen = set(job["freeze"][step])
            assert frozen <= set(named), frozen - set(named)
            for name, parameter in named.items():
                parameter.requires_grad_(name not in frozen)
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        labels = torch.tensor([row + [-100] * (longest - len(row)) for row in rows])
        optimizer.zero_grad(set_to_none=True)
        logits = model(ids).logits
        loss = torch.nn.functional.cross_entropy(
            logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1)
        )
        loss.backward()
        trained = [p for p in named.values() if p.grad is not None]
        norms.append(torch.nn.utils.clip_grad_norm_(trained, job["max_grad_norm"]).item())
        for group in optimizer.param_groups:
            group["lr"] = job["learning_rates"][step]
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "norms": norms}


print(json.dumps([result(job) for job in json.load(open(sys.argv[1]))]))
