"""Opens what `train` wrote and prints the logits that transformers and peft compute with it.

Reads a list of {"ids": [[...]], "model": FOLDER, "base"?: FOLDER, "adapter"?: FOLDER}; prints for each {"model":
logits, "unexpected": names, "missing": names} and, with an adapter, "adapter" (peft on the base), "unmerged" (how
far peft's own merged weights are from the model's) and "warnings" about its keys.
"""
import json
import sys
import warnings

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def logits(model, ids):
    model.eval()
    with torch.no_grad():
        return model(ids).logits.tolist()


def result(job):
    ids = torch.tensor(job["ids"])
    model, info = AutoModelForCausalLM.from_pretrained(job["model"], output_loading_info=True)
    plain = {
        "model": logits(model, ids),
        "unexpected": sorted(info["unexpected_keys"]),
        "missing": sorted(info["missing_keys"]),
    }
    if "adapter" not in job:
        return plain
    base = AutoModelForCausalLM.from_pretrained(job["base"])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        adapted = PeftModel.from_pretrained(base, job["adapter"])
    with_adapter = logits(adapted, ids)
    merged = adapted.merge_and_unload().state_dict()
    return {
        **plain,
        "adapter": with_adapter,
        "unmerged": max(
            (merged[name] - value).abs().max().item()
            for name, value in model.state_dict().items()
        ),
        "warnings": [text for text in (str(w.message) for w in caught) if "key" in text.lower()],
    }


print(json.dumps([result(job) for job in json.load(open(sys.argv[1]))]))
