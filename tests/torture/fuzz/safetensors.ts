/** Safetensors: what was written is read back, and a damaged file is told or means what it says. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  openSafetensors,
  readSafetensors,
  type SafetensorsDtype,
  type TensorArray,
  type TensorData,
  writeSafetensors,
} from "../../../lib/data/formats/safetensors.ts";
import { checkSafetensorsHeader } from "../../../lib/data/formats/safetensors_check.ts";
import { DTYPES } from "../../../lib/data/formats/safetensors_header.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, isUsableName, MAX_LEVELS, told } from "./fuzzing.ts";
import { damagedBytes, damagedJson } from "./mutations.ts";

const name = fc.oneof(
  fc.constantFrom("w", "a.b", "", "toString", "constructor", "10", "é", "𝄞", '"', "\0", "\n"),
  fc.string({ unit: "grapheme", maxLength: 8 }),
).filter((text) => text.isWellFormed() && text !== "__metadata__" && isUsableName(text));

const tensor: fc.Arbitrary<TensorData> = fc.record({
  dtype: fc.constantFrom(...Object.keys(DTYPES) as SafetensorsDtype[]),
  shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  seed: fc.nat(255),
}).map(({ dtype, shape, seed }) => {
  const bytes = shape.reduce((a, b) => a * b, 1) * DTYPES[dtype].bytes;
  const { buffer } = Uint8Array.from({ length: bytes }, (_, i) => (i * 37 + seed) & 0xff);
  return { dtype, shape, data: new DTYPES[dtype].array(buffer) as TensorArray };
});

interface File {
  readonly tensors: readonly (readonly [string, TensorData])[];
  readonly metadata: Record<string, string> | undefined;
}

const file: fc.Arbitrary<File> = fc.record({
  tensors: fc.uniqueArray(fc.tuple(name, tensor), { selector: ([key]) => key, maxLength: 4 }),
  metadata: fc.option(fc.dictionary(name, name, { maxKeys: 3 }), { nil: undefined }),
});

/** The bytes of a file, laid out by hand, so that the header can be anything. */
function bytesOf(header: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

/** Header and data of tensors one behind the other. */
function layout(
  { tensors, metadata }: File,
): { header: Record<string, unknown>; data: Uint8Array } {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  const parts: number[] = [];
  for (const [key, { dtype, shape, data }] of tensors) {
    const begin = parts.length;
    parts.push(...new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    header[key] = { dtype, shape, data_offsets: [begin, parts.length] };
  }
  return { header, data: Uint8Array.from(parts) };
}

const whole = file.map((made) => {
  const { header, data } = layout(made);
  return bytesOf(JSON.stringify(header), data);
});

type Input =
  | { readonly kind: "round trip"; readonly file: File }
  | { readonly kind: "damaged"; readonly bytes: Uint8Array<ArrayBuffer> };

const levels = fc.integer({ min: 1, max: MAX_LEVELS });

export const fuzz: Fuzz<Input> = {
  name: "fuzz-safetensors",
  promise: "what was written is read back, and a damaged file is told or read as it says",
  perCase: 1000,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.oneof(
    // Writing waits for the disk.
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("round trip" as const), file }) },
    {
      weight: 9,
      arbitrary: fc.record({
        kind: fc.constant("damaged" as const),
        bytes: fc.oneof(
          { weight: 4, arbitrary: damagedBytes(whole) },
          {
            weight: 4,
            arbitrary: file.chain((made) => {
              const { header, data } = layout(made);
              return damagedJson(fc.constant(header)).map((other) =>
                bytesOf(JSON.stringify(other) ?? "", data)
              );
            }),
          },
          {
            weight: 1,
            arbitrary: levels.map((n) => bytesOf("[".repeat(n) + "]".repeat(n), new Uint8Array(3))),
          },
          {
            weight: 1,
            arbitrary: levels.map((n) =>
              bytesOf(`{"a":${'{"a":'.repeat(n)}1${"}".repeat(n + 1)}`, new Uint8Array())
            ),
          },
        ),
      }),
    },
  ),
  async check(input, folder): Promise<void> {
    const path = `${folder}/a.safetensors`;
    if (input.kind === "round trip") {
      const { tensors, metadata } = input.file;
      await writeSafetensors(path, tensors, metadata);
      const read = await readSafetensors(path);
      assert.deepEqual(Object.fromEntries(read.tensors), Object.fromEntries(tensors));
      assert.deepEqual(read.metadata, { ...metadata });
      const first = await Deno.readFile(path);
      await writeSafetensors(path, [...tensors].reverse(), metadata);
      assert.deepEqual(await Deno.readFile(path), first, "in another order, other bytes");
      await checkSafetensorsHeader(path, "a");
      return;
    }
    await Deno.writeFile(path, input.bytes);
    await told(() => checkSafetensorsHeader(path, "a"));
    const opened = await told(() => openSafetensors(path));
    if (opened.errors !== undefined) {
      assert.ok(opened.errors.every(({ message }) => message.includes(path)), "names the file");
      return;
    }
    opened.value.close();
    const { tensors } = await readSafetensors(path, { widen: true });
    let bytes = 0;
    for (const [, { shape, data }] of tensors) {
      assert.equal(data.length, shape.reduce((a, b) => a * b, 1), "a size that is not the shape");
    }
    for (const { begin, end } of opened.value.entries.values()) bytes += end - begin;
    const header = Number(new DataView(input.bytes.buffer).getBigUint64(0, true));
    assert.equal(8 + header + bytes, input.bytes.length, "bytes that belong to no tensor");
  },
};

/** Attacks safetensors files. */
export const safetensors: Part = fuzzPart(fuzz, import.meta.url);
