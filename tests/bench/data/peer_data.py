"""The way of data in `datasets` and `tokenizers`: load parquet, filter, split, tokenize, with the seconds of each.

peer_data.py CORPUS TOKENIZER.json FOLDER PROCESSES prints one JSON line. Near duplicates are left out: neither
package finds them. Exact ones are found by a set of hashes.
"""
import glob
import hashlib
import html
import json
import re
import resource
import sys
import time

corpus, tokenizer_file, folder, processes = sys.argv[1:]
processes = int(processes)

from datasets import disable_progress_bars, load_dataset
from tokenizers import Tokenizer

disable_progress_bars()
tokenizer = Tokenizer.from_file(tokenizer_file)
tokenizer.enable_truncation(512)
TAG = re.compile(r"<br\s*/?>|<[^>]+>")
SPACE = re.compile(r"\s+")


def clean(batch):
    texts = [SPACE.sub(" ", html.unescape(TAG.sub("\n", text))).strip() for text in batch["text"]]
    return {"text": texts, "hash": [hashlib.sha256(text.encode()).hexdigest() for text in texts]}


def encode(batch):
    return {"input_ids": [encoding.ids for encoding in tokenizer.encode_batch(batch["text"])]}


seconds = {}


def timed(name, work):
    start = time.perf_counter()
    result = work()
    seconds[name] = time.perf_counter() - start
    return result


def filtered(rows):
    rows = rows.map(clean, batched=True, num_proc=processes)
    seen = set()

    def wanted(batch):
        keep = []
        for text, digest in zip(batch["text"], batch["hash"]):
            keep.append(len(text.split()) >= 20 and digest not in seen)
            seen.add(digest)
        return keep

    # In one process: the set is shared by all rows.
    return rows.filter(wanted, batched=True).remove_columns("hash")


def split(rows):
    first = rows.train_test_split(test_size=0.2, seed=1)
    second = first["test"].train_test_split(test_size=0.5, seed=1)
    return {"train": first["train"], "validation": second["train"], "test": second["test"]}


files = sorted(glob.glob(f"{corpus}/*.parquet"))
rows = timed(
    "download",
    lambda: load_dataset("parquet", data_files=files, split="train", cache_dir=folder),
)
rows = timed("filter", lambda: filtered(rows))
parts = timed("split", lambda: {
    # What comes out is written, as a stage writes it.
    name: (part.to_parquet(f"{folder}/{name}.parquet"), part)[1] for name, part in split(rows).items()
})
tokens = timed("tokenize", lambda: {
    name: part.map(encode, batched=True, remove_columns=part.column_names, num_proc=processes)
    for name, part in parts.items()
})
print(json.dumps({
    "seconds": seconds,
    "rows": sum(len(part) for part in tokens.values()),
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
}))
