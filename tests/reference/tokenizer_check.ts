/**
 * Holds a tokenizer to the Rust package: ids, offsets and texts of random and nasty strings, and pairs that
 * are truncated and padded. TEMPER_TOKENIZER_TEXTS says how many strings each gets.
 *
 * @module
 */
import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import type { Encoding, EncodingOptions } from "../../lib/tokenizers/encodings/encoding.ts";
import { loadTokenizer, type Tokenizer } from "../../lib/tokenizers/load.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { LINES, nastyText } from "./nasty_texts.ts";
import { hasPackages, runScript } from "./python.ts";

/** Why the tests that need the package are left out, for their names; empty where they are not. */
export const WITHOUT_TOKENIZERS: string = await hasPackages("tokenizers")
  ? ""
  : " (skipped: no Python with tokenizers)";

const TEXTS = Number(Deno.env.get("TEMPER_TOKENIZER_TEXTS") ?? 2000);
/** Texts of a run of Python. */
const BATCH = 10_000;

/** What the script says of a text. */
type TextResult = readonly [ids: number[], offsets: number[], decoded: string, halfDecoded: string];

/** What it says of an encoding. */
type Whole = readonly [number[], number[], number[], number[], number[], Whole[]];

interface Pair {
  readonly texts: readonly string[];
  readonly special: boolean;
  readonly truncation: Record<string, unknown> | null;
  readonly padding: Record<string, unknown> | null;
}

interface Result {
  readonly texts: readonly TextResult[];
  readonly pairs: readonly (Whole | string)[];
}

/** A pair of texts, or one alone, with drawn options. */
function randomPair(random: ReturnType<typeof randomStream>): Pair {
  const pick = <T>(from: readonly T[]): T => from[random.nextBelow(from.length)]!;
  const max_length = random.nextBelow(40);
  return {
    texts: Array.from({ length: pick([1, 2, 2]) }, () => nastyText(random)),
    special: pick([true, true, false]),
    truncation: pick([true, true, false])
      ? {
        max_length,
        stride: pick([0, 0, 1, 3]),
        strategy: pick(["longest_first", "longest_first", "only_first", "only_second"]),
        direction: pick(["left", "right"]),
      }
      : null,
    padding: pick([true, false])
      ? {
        direction: pick(["left", "right"]),
        pad_id: 1,
        pad_type_id: pick([0, 2]),
        length: pick([null, random.nextBelow(60)]),
        pad_to_multiple_of: pick([null, 8]),
      }
      : null,
  };
}

function ownWhole(encoding: Encoding): Whole {
  return [
    Array.from(encoding.ids),
    Array.from(encoding.offsets),
    Array.from(encoding.typeIds),
    Array.from(encoding.specialTokensMask),
    Array.from(encoding.attentionMask),
    encoding.overflowing.map(ownWhole),
  ];
}

function ownPair(
  tokenizer: Tokenizer,
  { texts, special, truncation, padding }: Pair,
): Whole | string {
  const options = {
    addSpecialTokens: special,
    ...truncation === null
      ? {}
      : { truncation: { ...truncation, maxLength: truncation.max_length } },
    ...padding === null ? {} : {
      padding: {
        direction: padding.direction,
        id: padding.pad_id,
        typeId: padding.pad_type_id,
        ...padding.length === null ? {} : { length: padding.length },
        ...padding.pad_to_multiple_of === null ? {} : { multipleOf: padding.pad_to_multiple_of },
      },
    },
  } as EncodingOptions;
  const [first, second] = texts as [string, string?];
  try {
    const text = second === undefined ? first : [first, second] as const;
    return ownWhole(tokenizer.encodeWithOffsets(text, options));
  } catch (error) {
    return (error as Error).message;
  }
}

/** A case in which both do otherwise. */
function compare(
  tokenizer: Tokenizer,
  { texts, pairs, result }: {
    readonly texts: readonly string[];
    readonly pairs: readonly Pair[];
    readonly result: Result;
  },
): unknown[] {
  const different: unknown[] = [];
  for (const [i, text] of texts.entries()) {
    const [ids, offsets, decoded, half] = result.texts[i]!;
    const encoding = tokenizer.encodeWithOffsets(text);
    const own = {
      ids: tokenizer.encode(text),
      alignedIds: Array.from(encoding.ids),
      offsets: Array.from(encoding.offsets),
      decoded: tokenizer.decode(ids, { cleanUpTokenizationSpaces: false }),
      half: tokenizer.decode(ids.slice(ids.length >> 1), {
        skipSpecialTokens: true,
        cleanUpTokenizationSpaces: false,
      }),
    };
    const theirs = { ids, alignedIds: ids, offsets, decoded, half };
    for (const name of Object.keys(own) as (keyof typeof own)[]) {
      if (JSON.stringify(own[name]) === JSON.stringify(theirs[name])) continue;
      different.push({ name, text, own: own[name], theirs: theirs[name], ids });
      break;
    }
  }
  for (const [i, pair] of pairs.entries()) {
    const [own, theirs] = [ownPair(tokenizer, pair), result.pairs[i]!];
    // Where one refuses, the other has to: in words of its own.
    const isSame = typeof own === "string" || typeof theirs === "string"
      ? typeof own === typeof theirs
      : JSON.stringify(own) === JSON.stringify(theirs);
    // The reference cuts nothing where special tokens alone are too many, and refuses some strides untried.
    const isRefused = typeof own === "string"
      ? own.includes("beside the special ones")
      : typeof theirs === "string" && theirs.startsWith("tokenizer stride set");
    if (!isSame && !isRefused) different.push({ pair, ...firstDifference(own, theirs) });
  }
  return different;
}

/** The first list in which two encodings differ: the rest would hide it. */
function firstDifference(own: Whole | string, theirs: Whole | string): Record<string, unknown> {
  if (typeof own === "string" || typeof theirs === "string") return { own, theirs };
  for (const [i, name] of ["ids", "offsets", "types", "special", "attention"].entries()) {
    if (JSON.stringify(own[i]) !== JSON.stringify(theirs[i])) {
      return { name, own: own[i], theirs: theirs[i] };
    }
  }
  const [ours, others] = [own[5], theirs[5]];
  if (ours.length !== others.length) {
    return { own: ours.map(([ids]) => ids), theirs: others.map(([ids]) => ids) };
  }
  const at = ours.findIndex((one, i) => JSON.stringify(one) !== JSON.stringify(others[i]));
  return { overflow: at, ...firstDifference(ours[at]!, others[at]!) };
}

/** Compares the tokenizer that a job makes, or that of a folder. */
export async function check(
  job: Record<string, unknown>,
  { seed, folder }: { readonly seed: number; readonly folder?: string },
): Promise<void> {
  const dir = await temporaryDirectory();
  const random = randomStream(seed);
  let count = 0;
  const different: unknown[] = [];
  for (let done = 0; done < TEXTS; done += BATCH) {
    const length = Math.min(BATCH, TEXTS - done);
    const texts = Array.from({ length }, () => nastyText(random));
    const pairs = Array.from({ length: length / 4 }, () => randomPair(random));
    const file = `${dir}/tokenizer.json`;
    const [result] = await runScript<Result>("encode.py", [
      { ...job, file, lines: LINES, texts, pairs },
    ]);
    const found = compare(await loadTokenizer(folder ?? dir), { texts, pairs, result: result! });
    count += found.length;
    different.push(...found);
  }
  if (Deno.env.has("TEMPER_TOKENIZER_TEXTS")) console.log(`${count} of ${TEXTS} differ`);
  // Long lists in full would be compared for minutes.
  const shown = different.slice(0, 5).map((each) => JSON.stringify(each).slice(0, 2000));
  assert.equal(count, 0, `${count} differ:\n${shown.join("\n")}`);
}
