"""Trains tokenizers with the trainers of the Rust package.

A job is {"type", "texts" or "file", "options"}; printed are the vocabulary (tokens, or pieces with their scores) and,
of BPE, the merges.
"""
import json
import sys

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers


def tokenizer_of(kind, options):
    if kind == "bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        return tokenizer, trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False, **options)
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=options.pop("lowercase", True))
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return tokenizer, trainers.WordPieceTrainer(show_progress=False, **options)
    if kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence(
            [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        return tokenizer, trainers.UnigramTrainer(show_progress=False, **options)
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    whole = {"word": pre_tokenizers.Whitespace(), "char": pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")}
    tokenizer.pre_tokenizer = whole[kind]
    return tokenizer, trainers.WordLevelTrainer(show_progress=False, **options)


def run(job):
    tokenizer, trainer = tokenizer_of(job["type"], job["options"])
    texts = open(job["file"], encoding="utf-8").read().split("\n") if "file" in job else job["texts"]
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        vocab = sorted(vocab, key=vocab.get)
    return {"vocab": vocab, "merges": model.get("merges")}


print(json.dumps([run(job) for job in json.load(open(sys.argv[1], encoding="utf-8"))]))
