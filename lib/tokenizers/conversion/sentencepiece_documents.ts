/**
 * tokenizer.json of a model of SentencePiece: T5, XLNet, ALBERT (Unigram), Llama and Mistral (BPE).
 *
 * @module
 */
import type { Json, JsonObject } from "../../base/json.ts";
import { UserError } from "../../base/errors.ts";
import { addedTokens, settingOf, template, tokenOf } from "./document.ts";
import { PIECE, type SentencePieceModel } from "./sentencepiece_model.ts";

/** What a document is made from beside the model. */
interface Context {
  readonly name: string | undefined;
  readonly config: JsonObject;
  /** For messages. */
  readonly file: string;
}

const UNIGRAM = 1;
const BPE = 2;

/** The document of a model. */
export function sentencePieceDocument(model: SentencePieceModel, context: Context): JsonObject {
  if (model.modelType === BPE) return llamaDocument(model, context.config);
  if (model.modelType !== UNIGRAM) {
    throw new UserError({
      what: `${context.file} is a model of words or characters`,
      requirement: "models of SentencePiece are Unigram or BPE",
    });
  }
  const has = (piece: string): boolean => model.pieces.some((each) => each.piece === piece);
  const kind = context.name ?? (has("<cls>") ? "xlnet" : has("[CLS]") ? "albert" : "t5");
  const { config } = context;
  switch (kind) {
    case "t5":
    case "mt5":
    case "umt5":
      return t5Document(model, config);
    case "xlnet":
      return xlnetDocument(model, config);
    case "albert":
      return albertDocument(model, config);
    default:
      throw new UserError({
        what: `${context.file} is a model of SentencePiece for a tokenizer "${kind}"`,
        requirement:
          "without a tokenizer.json those of T5, XLNet, ALBERT, Llama and Mistral are read",
        remedy: "use a repository that carries tokenizer.json, " +
          "or save it once with transformers: AutoTokenizer.from_pretrained(…).save_pretrained(…)",
      });
  }
}

function metaspace(scheme: string, split = true): JsonObject {
  return { type: "Metaspace", replacement: "▁", prepend_scheme: scheme, split };
}

function precompiled({ charsmap }: SentencePieceModel): Json[] {
  return charsmap === "" ? [] : [{ type: "Precompiled", precompiled_charsmap: charsmap }];
}

function replacement(pattern: string, content: string): JsonObject {
  return { type: "Replace", pattern: { String: pattern }, content };
}

/** The model, with further pieces behind its own. */
function unigram(
  { pieces, unkId }: SentencePieceModel,
  more: readonly string[] = [],
): { readonly model: JsonObject; readonly vocab: ReadonlyMap<string, number> } {
  const entries = [
    ...pieces.map(({ piece, score }): [string, number] => [piece, score]),
    ...more.map((piece): [string, number] => [piece, 0]),
  ];
  return {
    model: { type: "Unigram", unk_id: unkId, vocab: entries, byte_fallback: false },
    vocab: new Map(entries.map(([piece], id) => [piece, id])),
  };
}

/** The pieces of a type. */
function piecesOf({ pieces }: SentencePieceModel, type: number): string[] {
  return pieces.filter((piece) => piece.type === type).map(({ piece }) => piece);
}

function t5Document(spm: SentencePieceModel, config: JsonObject): JsonObject {
  const extra = Array.from(
    { length: settingOf(config, "extra_ids", 100) },
    (_, i) => `<extra_id_${i}>`,
  ).reverse();
  const { model, vocab } = unigram(spm, extra);
  const end = tokenOf(config, "eos_token", "</s>");
  const specials = [
    tokenOf(config, "pad_token", "<pad>"),
    end,
    tokenOf(config, "unk_token", "<unk>"),
  ];
  return {
    version: "1.0",
    added_tokens: addedTokens([...specials, ...extra], { vocab }),
    normalizer: precompiled(spm)[0] ?? null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "WhitespaceSplit" }, metaspace("always")],
    },
    post_processor: template(
      { single: `$A:0 ${end}:0`, pair: `$A:0 ${end}:0 $B:0 ${end}:0` },
      vocab,
    ),
    decoder: metaspace("always"),
    model,
  };
}

function xlnetDocument(spm: SentencePieceModel, config: JsonObject): JsonObject {
  const { model, vocab } = unigram(spm);
  const [cls, sep] = [tokenOf(config, "cls_token", "<cls>"), tokenOf(config, "sep_token", "<sep>")];
  const mask = tokenOf(config, "mask_token", "<mask>");
  const others = ["<s>", "</s>", "<unk>", "<pad>"];
  return {
    version: "1.0",
    added_tokens: addedTokens([...piecesOf(spm, PIECE.control), ...others, cls, sep, mask], {
      vocab,
      plain: piecesOf(spm, PIECE.userDefined),
    }),
    normalizer: {
      type: "Sequence",
      normalizers: [
        replacement("``", '"'),
        replacement("''", '"'),
        { type: "NFKD" },
        { type: "StripAccents" },
        ...settingOf(config, "do_lower_case", false) ? [{ type: "Lowercase" }] : [],
        ...precompiled(spm),
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "WhitespaceSplit" }, metaspace("always")],
    },
    post_processor: template({
      single: `$A:0 ${sep}:0 ${cls}:2`,
      pair: `$A:0 ${sep}:0 $B:1 ${sep}:1 ${cls}:2`,
    }, vocab),
    decoder: metaspace("always"),
    model,
  };
}

function albertDocument(spm: SentencePieceModel, config: JsonObject): JsonObject {
  const { model, vocab } = unigram(spm);
  const [cls, sep] = [tokenOf(config, "cls_token", "[CLS]"), tokenOf(config, "sep_token", "[SEP]")];
  const mask = tokenOf(config, "mask_token", "[MASK]");
  return {
    version: "1.0",
    added_tokens: addedTokens(
      [...piecesOf(spm, PIECE.control), "<pad>", "<unk>", cls, sep, mask],
      { vocab, plain: piecesOf(spm, PIECE.userDefined) },
    ),
    normalizer: {
      type: "Sequence",
      normalizers: [
        replacement("``", '"'),
        replacement("''", '"'),
        ...settingOf(config, "keep_accents", false)
          ? []
          : [{ type: "NFKD" }, { type: "StripAccents" }],
        ...settingOf(config, "do_lower_case", true) ? [{ type: "Lowercase" }] : [],
        ...precompiled(spm),
        { type: "Replace", pattern: { Regex: " {2,}" }, content: " " },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [{ type: "WhitespaceSplit" }, metaspace("always")],
    },
    post_processor: template({
      single: `${cls}:0 $A:0 ${sep}:0`,
      pair: `${cls}:0 $A:0 ${sep}:0 $B:1 ${sep}:1`,
    }, vocab),
    decoder: metaspace("always"),
    model,
  };
}

function llamaDocument(spm: SentencePieceModel, config: JsonObject): JsonObject {
  const vocab = new Map(spm.pieces.map(({ piece }, id) => [piece, id]));
  const begin = tokenOf(config, "bos_token", "<s>");
  const end = tokenOf(config, "eos_token", "</s>");
  const unknown = tokenOf(config, "unk_token", "<unk>");
  const around = (text: string, type: number): string =>
    [
      ...settingOf(config, "add_bos_token", true) ? [`${begin}:${type}`] : [],
      `${text}:${type}`,
      ...settingOf(config, "add_eos_token", false) ? [`${end}:${type}`] : [],
    ].join(" ");
  const scheme = settingOf(config, "legacy", false) ? "always" : "first";
  return {
    version: "1.0",
    added_tokens: addedTokens([...piecesOf(spm, PIECE.control), unknown, begin, end], {
      vocab,
      plain: piecesOf(spm, PIECE.userDefined),
    }),
    normalizer: null,
    pre_tokenizer: metaspace(scheme, false),
    post_processor: template({
      single: around("$A", 0),
      pair: `${around("$A", 0)} ${around("$B", 1)}`,
    }, vocab),
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknown,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: mergesOf(vocab),
    },
  };
}

/** Every way to make a piece of two others, in the order of the pieces' ids. */
function mergesOf(vocab: ReadonlyMap<string, number>): [string, string][] {
  const merges: { readonly pair: [string, string]; readonly id: number }[] = [];
  for (const [piece, id] of vocab) {
    const chars = Array.from(piece);
    const own: [string, string][] = [];
    for (let at = 1; at < chars.length; at++) {
      const [left, right] = [chars.slice(0, at).join(""), chars.slice(at).join("")];
      if (vocab.has(left) && vocab.has(right)) own.push([left, right]);
    }
    own.sort((a, b) => vocab.get(a[0])! - vocab.get(b[0])! || vocab.get(a[1])! - vocab.get(b[1])!);
    for (const pair of own) merges.push({ pair, id });
  }
  const length = (text: string): number => Array.from(text).length;
  merges.sort((a, b) =>
    a.id - b.id || length(a.pair[0]) - length(b.pair[0]) || length(a.pair[1]) - length(b.pair[1])
  );
  return merges.map(({ pair }) => pair);
}
