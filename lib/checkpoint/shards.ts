/**
 * Weights in one file, or in several with an index where they are larger than asked: the files that
 * `save_pretrained(max_shard_size=…)` writes.
 *
 * @module
 */
import { InternalError } from "../base/errors.ts";
import { writeJsonObject } from "../base/json_file.ts";
import { type TensorData, writeSafetensors } from "../data/formats/safetensors.ts";

/** What transformers wants to see in a file of weights. */
const METADATA = { format: "pt" } as const;

/**
 * Writes model.safetensors; or, where the tensors take more than `maxShardSize` bytes, shards
 * `model-00001-of-00003.safetensors` and model.safetensors.index.json, which says where each tensor is.
 *
 * @param dir An existing folder.
 * @param tensors Names and tensors; shards are filled in this order.
 * @param options `maxShardSize`: bytes of tensors in a file. A larger tensor has a file of its own.
 */
export async function writeWeights(
  dir: string,
  tensors: readonly (readonly [string, TensorData])[],
  { maxShardSize }: { readonly maxShardSize: number },
): Promise<void> {
  const shards = shardsOf(tensors, maxShardSize);
  if (shards.length <= 1) {
    await writeSafetensors(`${dir}/model.safetensors`, tensors, METADATA);
    return;
  }
  const number = (n: number): string => String(n).padStart(5, "0");
  const map: [string, string][] = [];
  for (const [i, shard] of shards.entries()) {
    const file = `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
    await writeSafetensors(`${dir}/${file}`, shard, METADATA);
    for (const [name] of shard) map.push([name, file]);
  }
  const size = (of: (tensor: TensorData) => number): number =>
    tensors.reduce((sum, [, tensor]) => sum + of(tensor), 0);
  await writeJsonObject(`${dir}/model.safetensors.index.json`, {
    metadata: {
      total_parameters: size(({ data }) => data.length),
      total_size: size(({ data }) => data.byteLength),
    },
    weight_map: Object.fromEntries(map.sort(([a], [b]) => a < b ? -1 : 1)),
  });
}

/** Bytes in one of the units of transformers. */
const SHARD_SIZE = /^([1-9][0-9]*)([KMG]i?B)$/;

const UNITS: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/**
 * Bytes of a size as text.
 *
 * @param text As `max_shard_size` takes it: "5GB", "200MiB", or a number of bytes.
 *
 * @example
 * ```ts
 * import { shardSize } from "./shards.ts";
 * if (shardSize("5GB") !== 5e9 || shardSize("2KiB") !== 2048 || shardSize(7) !== 7) throw new Error();
 * ```
 */
export function shardSize(text: string | number): number {
  if (typeof text === "number") return text;
  const [, digits, unit = ""] = SHARD_SIZE.exec(text) ?? [];
  const factor = UNITS[unit];
  if (digits === undefined || factor === undefined) {
    throw new InternalError(`"${text}" is no size of a shard`);
  }
  return Number(digits) * factor;
}

/** Consecutive tensors of at most `most` bytes together; no shard is empty. */
function shardsOf<T extends readonly [string, TensorData]>(
  tensors: readonly T[],
  most: number,
): T[][] {
  const shards: T[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = tensor[1].data.byteLength;
    if (bytes > room || shards.length === 0) {
      shards.push([]);
      room = most;
    }
    shards.at(-1)!.push(tensor);
    room -= bytes;
  }
  return shards;
}
