"""Encoding speed of the Rust package: MB/s over documents of 2,000 characters, on one thread and on all.

peer_tokenize.py TOKENIZER.json TEXT prints one JSON line.
"""
import json
import os
import sys
import time

from tokenizers import Tokenizer

text = open(sys.argv[2], encoding="utf-8").read()
documents = [text[i : i + 2000] for i in range(0, len(text), 2000)]
figures = {"bytes": len(text.encode())}
for name, parallel in (("one thread", "false"), ("all threads", "true")):
    os.environ["TOKENIZERS_PARALLELISM"] = parallel
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.encode_batch(documents)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(documents))
        best = min(best, time.perf_counter() - start)
    figures[name] = {"mb_per_s": figures["bytes"] / best / 1e6, "tokens": tokens}
print(json.dumps(figures))
