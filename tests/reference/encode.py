"""Makes tokenizers of a family with the Rust package, as it is used for real models, and encodes texts.

A job is {"family", "file", "lines", "texts", "pairs"}: a tokenizer trained on the lines is saved as the file
(or read from "from", or made by transformers of the folder "pretrained"), and what it makes of the texts is printed.
"""
import json
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
QWEN = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
CAPITALS, SMALLS = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{CAPITALS}*{SMALLS}+{CONTRACTIONS}?"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{CAPITALS}+{SMALLS}*{CONTRACTIONS}?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + SPACES
)
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
    r""" ?[\p{P}\p{S}]+[\r\n]*|""" + SPACES
)
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
ALPHABET = pre_tokenizers.ByteLevel.alphabet()


def byte_level(lines, specials, normalizer=None, pre_tokenizer=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=specials,
        initial_alphabet=ALPHABET,
        show_progress=False,
        **({"end_of_word_suffix": model["end_of_word_suffix"]} if "end_of_word_suffix" in model else {}),
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def split(pattern, *more):
    byte = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    parts = [pre_tokenizers.Split(Regex(each), "isolated") for each in (pattern, *more)]
    return pre_tokenizers.Sequence([*parts, byte])


def template(tokenizer, single, pair, *tokens):
    ids = [(token, tokenizer.token_to_id(token)) for token in tokens]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)


def gpt2(lines):
    tokenizer = byte_level(lines, ["<|endoftext|>"])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def roberta(lines):
    tokenizer = byte_level(
        lines, ["<s>", "<pad>", "</s>"], pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)
    )
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.add_tokens([AddedToken("sea", single_word=True), AddedToken("[R]", rstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def llama3(lines):
    tokenizer = byte_level(
        lines, ["<|begin_of_text|>", "<|eot_id|>"], pre_tokenizer=split(LLAMA3), ignore_merges=True
    )
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        template(
            tokenizer,
            "<|begin_of_text|> $A",
            "<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
            "<|begin_of_text|>",
        ),
    ])
    return tokenizer


def qwen(lines):
    tokenizer = byte_level(
        lines, ["<|im_start|>", "<|im_end|>"], normalizer=normalizers.NFC(), pre_tokenizer=split(QWEN)
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=False)
    return tokenizer


def o200k(lines):
    return byte_level(lines, ["<|endoftext|>"], pre_tokenizer=split(O200K))


def deepseek(lines):
    pattern = split(r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK)
    return byte_level(lines, ["<|endoftext|>"], pre_tokenizer=pattern)


def clip(lines):
    tokenizer = byte_level(
        lines,
        ["<|startoftext|>", "<|endoftext|>"],
        normalizer=normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        ),
        pre_tokenizer=pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(CLIP), "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]),
        unk_token="<|endoftext|>",
        end_of_word_suffix="</w>",
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False
    )
    return tokenizer


def sentencepiece_bpe(lines, byte_fallback=True, fuse_unk=True):
    # Marks of their own in the lines, so that words and runs of spaces become tokens.
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=fuse_unk, byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=["<unk>", "<s>", "</s>", *(BYTES if byte_fallback else [])],
        limit_alphabet=90,
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    # Bytes are no added tokens in real files.
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = file["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(file))
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
        decoders.Strip(" ", 1, 0),
    ])
    tokenizer.post_processor = template(tokenizer, "<s> $A", "<s> $A <s>:1 $B:1", "<s>")
    return tokenizer


def llama2(lines):
    tokenizer = sentencepiece_bpe(lines)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.pre_tokenizer = None
    return tokenizer


def mistral(lines):
    tokenizer = sentencepiece_bpe(lines)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return tokenizer


def gemma(lines):
    tokenizer = sentencepiece_bpe(lines)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.add_tokens([AddedToken("\n\n", normalized=False), "[SEA]"])
    return tokenizer


def unknown_bpe(lines):
    tokenizer = sentencepiece_bpe(lines, byte_fallback=False)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    return tokenizer


def bert(lines, **normalizer):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(**normalizer)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=900,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = template(
        tokenizer, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", "[CLS]", "[SEP]"
    )
    return tokenizer


def bert_cased(lines):
    tokenizer = bert(lines, lowercase=False, strip_accents=False)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_tokens(["Whale", AddedToken("ship", single_word=True, lstrip=True)])
    return tokenizer


def bert_accents(lines):
    return bert(lines, clean_text=False, strip_accents=True, lowercase=False)


def openai_gpt(lines):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def prefixed_bpe(lines):
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", continuing_subword_prefix="##"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["[UNK]"],
        limit_alphabet=60,
        continuing_subword_prefix="##",
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def unigram(lines, specials=("<pad>", "</s>", "<unk>")):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=700, special_tokens=list(specials), unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def t5(lines):
    tokenizer = unigram(lines)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.add_special_tokens(["<extra_id_0>", "<extra_id_1>"])
    tokenizer.post_processor = template(tokenizer, "$A </s>", "$A </s> $B </s>", "</s>")
    return tokenizer


def xlnet(lines):
    tokenizer = unigram(lines, ["<unk>", "<sep>", "<cls>"])
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Replace("``", '"'),
        normalizers.Replace("''", '"'),
        normalizers.NFKD(),
        normalizers.StripAccents(),
        normalizers.Lowercase(),
        normalizers.Replace(Regex(" {2,}"), " "),
    ])
    tokenizer.post_processor = template(
        tokenizer, "$A:0 <sep>:0 <cls>:2", "$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2", "<sep>", "<cls>"
    )
    return tokenizer


def unigram_bytes(lines):
    tokenizer = unigram(lines, ["<unk>", *BYTES])
    file = json.loads(tokenizer.to_str())
    file["added_tokens"] = file["added_tokens"][:1]
    file["model"]["byte_fallback"] = True
    tokenizer = Tokenizer.from_str(json.dumps(file))
    tokenizer.normalizer = normalizers.NFD()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never")]
    )
    return tokenizer


def word_level(lines):
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Whitespace(),
        pre_tokenizers.Punctuation("contiguous"),
        pre_tokenizers.Digits(individual_digits=True),
    ])
    tokenizer.train_from_iterator(
        lines, trainers.WordLevelTrainer(special_tokens=["[UNK]", "[A B]"], show_progress=False)
    )
    return tokenizer


def characters(lines):
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.train_from_iterator(
        lines, trainers.WordLevelTrainer(special_tokens=["[UNK]"], show_progress=False)
    )
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


FAMILIES = {
    each.__name__: each
    for each in (
        gpt2, roberta, llama3, qwen, o200k, deepseek, clip, llama2, mistral, gemma, unknown_bpe, bert,
        bert_cased, bert_accents, openai_gpt, prefixed_bpe, t5, xlnet, unigram_bytes, word_level, characters,
    )
}


def well_formed(text):
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def flat(offsets):
    return [place for offset in offsets for place in offset]


def whole(encoding, depth=0):
    return [
        encoding.ids,
        flat(encoding.offsets),
        encoding.type_ids,
        encoding.special_tokens_mask,
        encoding.attention_mask,
        # What was cut off of what was cut off is there once more.
        [whole(each, 1) for each in encoding.overflowing] if depth == 0 else [],
    ]


def encoded_pair(tokenizer, pair):
    tokenizer.no_truncation()
    tokenizer.no_padding()
    try:
        if pair["truncation"]:
            tokenizer.enable_truncation(**pair["truncation"])
        if pair["padding"]:
            tokenizer.enable_padding(**pair["padding"])
        texts = [well_formed(text) for text in pair["texts"]]
        return whole(tokenizer.encode(*texts, add_special_tokens=pair["special"]))
    except BaseException as error:  # A panic of Rust is no Exception.
        return str(error)


def train_sentencepiece(file, lines, model_type):
    """Saves a model as Llama's (BPE with bytes) or T5's are."""
    import sentencepiece

    kinds = {
        "bpe": {"vocab_size": 700, "byte_fallback": True, "user_defined_symbols": ["[SEA]"]},
        "unigram": {"vocab_size": 250, "pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1},
    }
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 20),
        model_prefix=file.removesuffix(".model"),
        model_type=model_type,
        hard_vocab_limit=False,
        minloglevel=2,
        **kinds[model_type],
    )


def run(job):
    if "spm" in job:
        train_sentencepiece(job["file"], job["lines"], job["spm"])
        return None
    if "from" in job:
        tokenizer = Tokenizer.from_file(job["from"])
    elif "pretrained" in job:
        tokenizer = AutoTokenizer.from_pretrained(job["pretrained"]).backend_tokenizer
    else:
        tokenizer = FAMILIES[job["family"]]([well_formed(line) for line in job["lines"]])
    if "change" in job:
        file = json.loads(tokenizer.to_str())
        file.update(job["change"])
        tokenizer = Tokenizer.from_str(json.dumps(file))
    tokenizer.save(job["file"])
    texts = []
    for text in job["texts"]:
        encoding = tokenizer.encode(well_formed(text))
        ids = encoding.ids
        texts.append([
            ids,
            flat(encoding.offsets),
            tokenizer.decode(ids, skip_special_tokens=False),
            tokenizer.decode(ids[len(ids) // 2 :], skip_special_tokens=True),
        ])
    return {"texts": texts, "pairs": [encoded_pair(tokenizer, pair) for pair in job["pairs"]]}


if any("pretrained" in job for job in json.load(open(sys.argv[1], encoding="utf-8"))):
    from transformers import AutoTokenizer

print(json.dumps([run(job) for job in json.load(open(sys.argv[1], encoding="utf-8"))]))
