/**
 * Checkpoints of work in progress: a folder with one folder for each, `checkpoint-<number>`, of which the
 * newest are kept.
 *
 * Each holds `arrays.f32`, float32 arrays one after the other in the byte order of this machine, and
 * `checkpoint.json` with their names, sizes and checksums, and any other values. A checkpoint is written
 * under another name, forced to the disk and then renamed, so a kill or a power cut leaves it whole or not
 * at all; the checksums (CRC-32, one for each array and one for the values) find what a disk did to it
 * since. They guard against damage, not against forgery. Left out: reading on a machine of other byte order.
 *
 * @module
 */
import { isJsonObject, type JsonObject, parseJson } from "../../base/json.ts";
import { crc32 } from "node:zlib";

/** An array that goes into a checkpoint. */
export interface CheckpointArray {
  readonly name: string;
  readonly elements: number;
  /** Its values; asked for once, when it is written. */
  read(): Promise<Float32Array>;
}

/** What a checkpoint is made of. */
export interface CheckpointContent {
  /** JSON; numbers must be finite. */
  readonly values: JsonObject;
  readonly arrays: readonly CheckpointArray[];
}

/** A checkpoint whose every byte was found as it was written. */
export interface FoundCheckpoint {
  readonly number: number;
  readonly values: JsonObject;
  /** Names and sizes of its arrays, in their order. */
  readonly arrays: readonly { readonly name: string; readonly elements: number }[];
  /**
   * Reads the arrays, one after the other.
   *
   * @param each Called with the values of each; they are its own to keep.
   */
  read(each: (name: string, values: Float32Array<ArrayBuffer>) => void): Promise<void>;
}

const FORMAT = 1;
/** How many are kept: where the newest is damaged there is one before it. */
const GENERATIONS = 2;
const PREFIX = "checkpoint-";
/** What is being written. There is one writer at a time. */
const INCOMING = "incoming";
/** Bytes that are read or written at once. */
const PIECE = 1 << 23;

/**
 * Writes a checkpoint, then removes those that are not among the newest.
 *
 * @param dir Folder of the checkpoints, which exists; nobody else writes there meanwhile.
 * @param content Its number, at least 0 (one of that number is replaced), what goes into it, and how many
 * checkpoints are kept, at least 1, default 2.
 */
export async function writeCheckpoint(
  dir: string,
  { number, values, arrays, keep = GENERATIONS }: CheckpointContent & {
    readonly number: number;
    readonly keep?: number;
  },
): Promise<void> {
  const incoming = `${dir}/${INCOMING}`;
  await remove(incoming);
  await Deno.mkdir(incoming);
  const entries: ArrayEntry[] = [];
  {
    using file = await Deno.open(`${incoming}/arrays.f32`, { write: true, createNew: true });
    for (const { name, elements, read } of arrays) {
      const data = await read();
      if (data.length !== elements) throw new RangeError(`${name} has ${data.length} elements`);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      entries.push({ name, elements, crc32: await writePieces(file, bytes) });
    }
    await file.sync();
  }
  const content = { format: FORMAT, number, values, arrays: entries };
  {
    using file = await Deno.open(`${incoming}/checkpoint.json`, { write: true, createNew: true });
    const text = JSON.stringify({ crc32: crc32(JSON.stringify(content)), content });
    await writePieces(file, new TextEncoder().encode(text));
    await file.sync();
  }
  await syncFolder(incoming);
  const path = pathOf(dir, number);
  await remove(path);
  await Deno.rename(incoming, path);
  await syncFolder(dir);
  const old = (await checkpointNumbers(dir)).slice(keep);
  for (const each of old) await removeCheckpoint(dir, each);
}

/** Numbers of the checkpoints in a folder, highest first. None is known to be sound. */
export async function checkpointNumbers(dir: string): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { name } of Deno.readDir(dir)) {
    const number = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : "";
    if (/^\d+$/.test(number)) numbers.push(Number(number));
  }
  return numbers.sort((a, b) => b - a);
}

/** Removes a checkpoint. */
export async function removeCheckpoint(dir: string, number: number): Promise<void> {
  await remove(pathOf(dir, number));
}

/**
 * Opens a checkpoint, reading every byte of it to see that it is sound.
 *
 * @returns The checkpoint, or what is wrong with it.
 */
export async function openCheckpoint(
  dir: string,
  number: number,
): Promise<FoundCheckpoint | { readonly damage: string }> {
  const path = pathOf(dir, number);
  try {
    const found = readContent(await Deno.readTextFile(`${path}/checkpoint.json`), number);
    if (found === undefined) {
      return { damage: "checkpoint.json has other content than was written" };
    }
    const { values, entries } = found;
    using file = await Deno.open(`${path}/arrays.f32`);
    const size = entries.reduce((sum, { elements }) => sum + 4 * elements, 0);
    const held = (await file.stat()).size;
    if (held !== size) return { damage: `arrays.f32 has ${held} bytes and should have ${size}` };
    const piece = new Uint8Array(Math.min(PIECE, Math.max(1, size)));
    for (const { name, elements, crc32: expected } of entries) {
      let sum = 0;
      for (let left = 4 * elements; left > 0;) {
        const part = piece.subarray(0, Math.min(left, piece.length));
        await readFull(file, part);
        sum = crc32(part, sum);
        left -= part.length;
      }
      if (sum !== expected) {
        return { damage: `${name} in arrays.f32 has other bytes than its checksum` };
      }
    }
    return {
      number,
      values,
      arrays: entries,
      async read(each): Promise<void> {
        using again = await Deno.open(`${path}/arrays.f32`);
        for (const { name, elements } of entries) {
          const array = new Float32Array(elements);
          await readFull(again, new Uint8Array(array.buffer));
          each(name, array);
        }
      },
    };
  } catch (error) {
    if (error instanceof Error) return { damage: error.message };
    throw error;
  }
}

interface ArrayEntry {
  readonly name: string;
  readonly elements: number;
  readonly crc32: number;
}

function readContent(
  text: string,
  number: number,
): { values: JsonObject; entries: ArrayEntry[] } | undefined {
  const whole = parseJson(text);
  if (!isJsonObject(whole) || !isJsonObject(whole.content)) return undefined;
  const { content } = whole;
  if (crc32(JSON.stringify(content)) !== whole.crc32) return undefined;
  const { format, values, arrays } = content;
  if (format !== FORMAT || content.number !== number || !isJsonObject(values)) return undefined;
  if (!Array.isArray(arrays) || !arrays.every(isEntry)) return undefined;
  return { values, entries: arrays };
}

function isEntry(value: unknown): value is ArrayEntry {
  return isJsonObject(value) && typeof value.name === "string" &&
    Number.isSafeInteger(value.elements) && Number(value.elements) >= 0 &&
    typeof value.crc32 === "number";
}

/** Writes all bytes; returns their CRC-32. */
async function writePieces(file: Deno.FsFile, bytes: Uint8Array): Promise<number> {
  let sum = 0;
  for (let begin = 0; begin < bytes.length; begin += PIECE) {
    const piece = bytes.subarray(begin, begin + PIECE);
    sum = crc32(piece, sum);
    let done = 0;
    while (done < piece.length) done += await file.write(piece.subarray(done));
  }
  return sum;
}

async function readFull(file: Deno.FsFile, into: Uint8Array): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const count = await file.read(into.subarray(done));
    if (count === null) throw new Error("arrays.f32 ends early");
    done += count;
  }
}

/** Forces a folder's entries to disk. Folders cannot be opened on Windows, and some file systems refuse. */
async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  using folder = await Deno.open(path, { read: true });
  await folder.sync().catch(() => {});
}

async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

function pathOf(dir: string, number: number): string {
  return `${dir}/${PREFIX}${number}`;
}
