/** Tokens artifacts: what was written is read back, and damage to tokens.json or its files is told. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { rowsProblem, type TokenRows } from "../../../lib/data/tokens/rows.ts";
import { readTokens, writeTokens } from "../../../lib/data/tokens/tokens.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, told } from "./fuzzing.ts";
import { damagedBytes, damagedJson, damagedText } from "./mutations.ts";

const VOCABULARY = 16;

const rows: fc.Arbitrary<TokenRows> = fc.record({
  lengths: fc.array(fc.nat(3), { maxLength: 5 }),
  labels: fc.constantFrom("none", "token", "row"),
  wide: fc.boolean(),
  pad: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  seed: fc.nat(15),
}).map(({ lengths, labels, wide, pad, seed }) => {
  const offsets = Float64Array.from([0, ...lengths.map(((sum) => (n: number) => sum += n)(0))]);
  const total = offsets.at(-1)!;
  const ids = (count: number): Int32Array<ArrayBuffer> =>
    Int32Array.from({ length: count }, (_, i) => (i * 7 + seed) % VOCABULARY);
  const row = Int32Array.from(lengths, (_, i) => i % 2);
  const twice = offsets.map((offset) => offset * 2);
  return {
    rows: lengths.length,
    columns: {
      input_ids: { per: "token", data: ids(total), offsets, pad },
      ...(labels === "token" ? { labels: { per: "token", data: ids(total), offsets, pad } } : {}),
      ...(labels === "row" ? { labels: { per: "row", data: row, pad: -100 } } : {}),
      ...(wide ? { other: { per: "token", data: ids(2 * total), offsets: twice, pad: 1 } } : {}),
    },
  };
});

type Damage =
  | { readonly file: "tokens.json"; readonly change: (text: string) => string }
  | { readonly file: "train.safetensors"; readonly change: (bytes: Bytes) => Bytes };
type Bytes = Uint8Array<ArrayBuffer>;

/** A change that is drawn before what it changes: fast-check draws it again from its own seed. */
const seeded = fc.nat();

const damage: fc.Arbitrary<Damage> = fc.oneof(
  {
    weight: 5,
    arbitrary: seeded.map((seed): Damage => ({
      file: "tokens.json",
      change: (text) =>
        JSON.stringify(drawn(damagedJson(fc.constant(JSON.parse(text))), seed)) ?? "",
    })),
  },
  {
    weight: 1,
    arbitrary: seeded.map((seed): Damage => ({
      file: "tokens.json",
      change: (text) => {
        // JSON that is no JSON is refused by another test until it is a mistake everywhere.
        const other = drawn(
          damagedText(fc.constant(text), ["null", "{", "[", '"', "-1", "1e999"]),
          seed,
        );
        return isJson(other) ? other : text;
      },
    })),
  },
  {
    weight: 4,
    arbitrary: seeded.map((seed): Damage => ({
      file: "train.safetensors",
      change: (bytes) => drawn(damagedBytes(fc.constant(bytes)), seed),
    })),
  },
);

function drawn<T>(arbitrary: fc.Arbitrary<T>, seed: number): T {
  return fc.sample(arbitrary, { seed, numRuns: 1 })[0]!;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

type Input =
  | { readonly kind: "round trip"; readonly rows: TokenRows }
  | { readonly kind: "damaged"; readonly of: number; readonly damage: Damage };

/** What is damaged: writing waits for the disk, so that it is done once for many inputs. */
const SAMPLES = fc.sample(rows, { seed: 8, numRuns: 16 });

interface Written {
  readonly text: string;
  readonly bytes: Bytes;
}

const written = new Map<number, Written>();

async function sample(of: number, folder: string): Promise<Written> {
  const known = written.get(of);
  if (known !== undefined) return known;
  await write(SAMPLES[of]!, folder);
  const text = await Deno.readTextFile(`${folder}/tokens.json`);
  const made = { text, bytes: await Deno.readFile(`${folder}/train.safetensors`) };
  written.set(of, made);
  return made;
}

async function write(rows: TokenRows, folder: string): Promise<void> {
  const labels = rows.columns.labels?.per === "row" ? { labels: ["no", "yes"] } : {};
  const info = {
    vocab_size: VOCABULARY,
    max_length: null,
    packed: false,
    eos_token_id: 0,
    bos_token_id: null,
    pad_token_id: 1,
    ...labels,
    tokenizer: { source: "input", type: "BPE" } as const,
  };
  await writeTokens(folder, { info, splits: { train: rows } });
}

export const fuzz: Fuzz<Input> = {
  name: "fuzz-tokens",
  promise: "tokens that were written are read back, and damaged ones are told",
  perCase: 1000,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.oneof(
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("round trip" as const), rows }) },
    {
      weight: 19,
      arbitrary: fc.record({
        kind: fc.constant("damaged" as const),
        of: fc.nat(SAMPLES.length - 1),
        damage,
      }),
    },
  ),
  async check(input, folder): Promise<void> {
    if (input.kind === "round trip") {
      await write(input.rows, folder);
      assert.deepEqual((await readTokens(folder)).splits, { train: input.rows });
      return;
    }
    const { damage } = input;
    const { text, bytes } = await sample(input.of, folder);
    await Deno.writeTextFile(
      `${folder}/tokens.json`,
      damage.file === "tokens.json" ? damage.change(text) : text,
    );
    await Deno.writeFile(
      `${folder}/train.safetensors`,
      damage.file === "train.safetensors" ? damage.change(bytes) : bytes,
    );
    const { value } = await told(() => readTokens(folder));
    if (value === undefined) return;
    // What is read has the form that everything downstream counts on.
    for (const split of Object.values(value.splits)) {
      assert.equal(rowsProblem(split), undefined);
      const { data } = split.columns.input_ids;
      assert.ok(data.every((id) => id >= 0 && id < value.info.vocab_size), "ids of the vocabulary");
    }
    assert.ok(Number.isSafeInteger(value.info.vocab_size));
    for (const id of [value.info.eos_token_id, value.info.bos_token_id, value.info.pad_token_id]) {
      assert.ok(id === null || Number.isSafeInteger(id), "special tokens are ids");
    }
    assert.ok(value.info.max_length === null || Number.isSafeInteger(value.info.max_length));
    assert.equal(typeof value.info.packed, "boolean");
    assert.equal(typeof value.info.tokenizer.type, "string");
    for (const name of value.info.labels ?? []) assert.equal(typeof name, "string");
    for (const { file } of Object.values(value.info.splits)) {
      assert.ok(!/[/\\]/.test(file), "files of the folder alone");
    }
  },
};

/** Attacks tokens artifacts. */
export const tokens: Part = fuzzPart(fuzz, import.meta.url);
