/**
 * `TemplateProcessing`, and `BertProcessing`, a template of old.
 *
 * Source: Hugging Face tokenizers.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject, ownMember } from "../../base/json.ts";
import type { Settings } from "../components/settings.ts";
import { Draft } from "../encodings/draft.ts";
import type { PostProcessor } from "./post_processor.ts";
import { around, isId, specialToken } from "./special_token.ts";

/** `BertProcessing`: `[CLS] A [SEP] B [SEP]`. */
export function bertProcessor(settings: Settings): PostProcessor {
  const [cls, sep] = [specialToken(settings, "cls"), specialToken(settings, "sep")];
  return {
    added: (isPair) => isPair ? 3 : 2,
    process: (drafts, addSpecialTokens) =>
      addSpecialTokens
        ? drafts.map((draft, i) =>
          i === 0
            ? around(draft, { before: cls, after: sep })
            : around(draft, { after: sep, afterType: 1 })
        )
        : [...drafts],
  };
}

/** A piece of a template: one of the two texts, or a special token. */
interface Piece {
  readonly text?: 0 | 1;
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  readonly typeId: number;
}

/** `TemplateProcessing`. */
export function templateProcessor(settings: Settings): PostProcessor {
  const tokens = settings.mapping("special_tokens");
  const single = pieces(settings, { name: "single", tokens });
  const pair = pieces(settings, { name: "pair", tokens });
  if (
    single.filter(({ text }) => text === 0).length !== 1 || single.some(({ text }) => text === 1)
  ) {
    throw settings.wrong("has a template for single texts that does not hold the text once");
  }
  return {
    added: (isPair) => (isPair ? pair : single).reduce((sum, { ids }) => sum + ids.length, 0),
    process: (drafts, addSpecialTokens) => {
      const template = drafts.length > 1 ? pair : single;
      if (!template.some(({ text }) => text === drafts.length - 1)) {
        throw settings.wrong("has no template for pairs");
      }
      return template.flatMap(({ text, ids, tokens, typeId }) => {
        if (text !== undefined) {
          const draft = drafts[text]!;
          draft.setType(typeId);
          return [draft.copy()];
        }
        if (!addSpecialTokens) return [];
        const special = new Draft();
        ids.forEach((id, i) => special.push(id, { token: tokens[i]!, typeId, special: 1 }));
        return [special];
      });
    },
  };
}

function pieces(
  settings: Settings,
  { name, tokens }: { readonly name: string; readonly tokens: JsonObject },
): Piece[] {
  const wrong = (piece: Json): Error =>
    settings.wrong(`has a setting that is of a wrong form: ${name} holds ${JSON.stringify(piece)}`);
  return settings.list(name).map((piece): Piece => {
    if (!isJsonObject(piece)) throw wrong(piece);
    const { Sequence: sequence, SpecialToken: special } = piece;
    const inner = sequence ?? special;
    if (!isJsonObject(inner)) throw wrong(piece);
    const { id, type_id: typeId = 0 } = inner;
    if (!isId(typeId) || typeof id !== "string") throw wrong(piece);
    if (sequence !== undefined) {
      if (id !== "A" && id !== "B") throw wrong(piece);
      return { text: id === "A" ? 0 : 1, ids: [], tokens: [], typeId };
    }
    const entry = ownMember(tokens, id);
    const ids = isJsonObject(entry) && Array.isArray(entry.ids) ? entry.ids : undefined;
    if (ids === undefined || !ids.every(isId)) {
      throw settings.wrong(`lacks the ids of "${id}" in its special_tokens`);
    }
    const spelled = isJsonObject(entry) && Array.isArray(entry.tokens) ? entry.tokens : [];
    return {
      ids,
      tokens: ids.map((_, i) => typeof spelled[i] === "string" ? spelled[i] : id),
      typeId,
    };
  });
}
