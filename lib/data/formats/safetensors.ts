/**
 * The safetensors format: eight bytes of header length, a JSON header, then the tensors' bytes.
 *
 * Reads and writes what the `safetensors` library does (https://github.com/huggingface/safetensors,
 * "Format"), and refuses what it refuses: a header must describe every byte of the file exactly once.
 * Writing puts tensors in the library's order (dtypes with the widest alignment first, then by name),
 * so equal tensors give equal bytes. Tensors are read one by one from the file, so that a model never
 * lies in memory twice. Leaves out the sub-byte and 8-bit float dtypes, and big-endian machines.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import { isRefusal } from "../../base/json_file.ts";
import {
  damaged,
  DTYPES,
  parseHeader,
  type SafetensorsDtype,
  type TensorEntry,
} from "./safetensors_header.ts";

export type { SafetensorsDtype, TensorEntry } from "./safetensors_header.ts";

/** The arrays that tensors lie in. `F16` and `BF16` that were not widened are their raw 16 bits. */
export type TensorArray =
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

/** One tensor. `data` holds the product of `shape` elements in row-major order. */
export interface TensorData {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: TensorArray;
}

/** A tensor whose bytes, which are too many for the memory, lie in a file of nothing else. */
export interface StoredTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly file: string;
}

/** An open file: the header is checked, the tensors are read when asked for. */
export interface SafetensorsFile extends AsyncDisposable {
  readonly path: string;
  /** By name, in the order of the file. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Reads one tensor.
   *
   * @param name A key of `entries`.
   * @param options `widen`: give `F16` and `BF16` as `F32`.
   * @throws {UserError} where the file ends early.
   */
  read(name: string, options?: { readonly widen?: boolean }): Promise<TensorData>;
  close(): void;
}

/** As in the library: a longer header is refused before it is read. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Opens a safetensors file and checks its header.
 *
 * @param path The file.
 * @returns The open file, which the caller closes (`await using`).
 * @throws {UserError} where the file is missing or breaks the format; the message names the file, the
 * tensor and what is wrong.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new UserError({ what: `cannot read ${path}: there is no such file`, cause });
    }
    if (!isRefusal(cause)) throw cause;
    throw new UserError({ what: `cannot read ${path}: ${cause.message}`, cause });
  }
  try {
    const { size, isDirectory } = await file.stat();
    if (isDirectory) throw damaged(path, "it is a folder");
    const header = await readHeader(file, { path, size });
    const { entries, metadata } = parseHeader(header.text, { path, dataSize: size - header.end });
    const read = async (
      name: string,
      options: { readonly widen?: boolean } = {},
    ): Promise<TensorData> => {
      const entry = entries.get(name);
      if (entry === undefined) throw new InternalError(`${path} has no tensor ${name}`);
      const bytes = new Uint8Array(entry.end - entry.begin);
      await file.seek(header.end + entry.begin, Deno.SeekMode.Start);
      if (!await readFully(file, bytes)) throw damaged(path, `tensor "${name}" is cut short`);
      return toTensor(entry, { bytes, widen: options.widen ?? false });
    };
    return {
      path,
      entries,
      metadata,
      read,
      close: () => file.close(),
      [Symbol.asyncDispose]: () => Promise.resolve(file.close()),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Reads every tensor of a file.
 *
 * @param path The file.
 * @param options `widen`: give `F16` and `BF16` as `F32`.
 * @returns Tensors by name in the order of the file, and the header's metadata.
 * @throws {UserError} as {@linkcode openSafetensors}.
 */
export async function readSafetensors(
  path: string,
  options: { readonly widen?: boolean } = {},
): Promise<{ tensors: Map<string, TensorData>; metadata: Record<string, string> }> {
  await using file = await openSafetensors(path);
  const tensors = new Map<string, TensorData>();
  for (const name of file.entries.keys()) tensors.set(name, await file.read(name, options));
  return { tensors, metadata: { ...file.metadata } };
}

/**
 * Writes tensors to a file: to a temporary name first, synced, then renamed.
 *
 * @param path The file to make or replace.
 * @param tensors Names and tensors in any order; the names differ.
 * @param metadata Goes under `__metadata__`; `{format: "pt"}` is what transformers wants of a model.
 * @throws {InternalError} where a tensor's size does not fit its shape or a name occurs twice.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, TensorData | StoredTensor]>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const sorted = [...tensors].sort(([a, x], [b, y]) =>
    rank(y.dtype) - rank(x.dtype) || compareUtf8(a, b)
  );
  // Entries are joined as text: an object would put names such as "10" first and lose "__proto__".
  const fields: string[] = [];
  if (metadata !== undefined) {
    const pairs = Object.entries(metadata).sort(([a], [b]) => compareUtf8(a, b));
    const text = pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    fields.push(`"__metadata__":{${text.join(",")}}`);
  }
  let offset = 0;
  for (const [i, [name, tensor]] of sorted.entries()) {
    const { dtype, shape } = tensor;
    const bytes = shape.reduce((product, n) => product * n, 1) * DTYPES[dtype].bytes;
    const own = "file" in tensor ? (await Deno.stat(tensor.file)).size : tensor.data.byteLength;
    if (bytes !== own || name === "__metadata__" || name === sorted[i - 1]?.[0]) {
      throw new InternalError(
        `tensor ${name}: ${own} bytes for ${dtype} [${shape}], or its name is taken`,
      );
    }
    const end = offset + bytes;
    fields.push(
      `${
        JSON.stringify(name)
      }:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);

  const temporary = `${path}.tmp`;
  {
    using file = await Deno.open(temporary, { write: true, create: true, truncate: true });
    await writeFully(file, header);
    for (const [, tensor] of sorted) {
      if ("file" in tensor) {
        using stored = await Deno.open(tensor.file);
        await copyFully(stored, file);
        continue;
      }
      const { buffer, byteOffset, byteLength } = tensor.data;
      await writeFully(file, new Uint8Array(buffer, byteOffset, byteLength));
    }
    await file.sync();
  }
  await Deno.rename(temporary, path);
}

/**
 * Widens 16-bit floats.
 *
 * @param bits Raw elements, any number.
 * @param dtype Which of the two layouts they have.
 * @returns As many float32 with exactly the same values.
 */
export function widenHalf(
  bits: Uint16Array<ArrayBuffer>,
  dtype: "F16" | "BF16",
): Float32Array<ArrayBuffer> {
  if (dtype === "F16") {
    return new Float32Array(new Float16Array(bits.buffer, bits.byteOffset, bits.length));
  }
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i]! << 16;
  return new Float32Array(wide.buffer);
}

async function readHeader(
  file: Deno.FsFile,
  { path, size }: { path: string; size: number },
): Promise<{ text: string; end: number }> {
  const prefix = new Uint8Array(8);
  if (!await readFully(file, prefix)) {
    throw damaged(path, `it has ${size} bytes, fewer than the 8 of the header's length`);
  }
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(size - 8)) {
    throw damaged(path, `its header claims ${length} bytes, the file has ${size}`);
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw damaged(path, `its header claims ${length} bytes, more than ${MAX_HEADER_BYTES}`);
  }
  const bytes = new Uint8Array(Number(length));
  if (!await readFully(file, bytes)) throw damaged(path, "its header is cut short");
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), end: 8 + bytes.length };
  } catch {
    throw damaged(path, "its header is not UTF-8");
  }
}

function toTensor(
  { dtype, shape }: TensorEntry,
  { bytes, widen }: { bytes: Uint8Array<ArrayBuffer>; widen: boolean },
): TensorData {
  const data = new DTYPES[dtype].array(bytes.buffer);
  if (widen && (dtype === "F16" || dtype === "BF16")) {
    return { dtype: "F32", shape, data: widenHalf(new Uint16Array(bytes.buffer), dtype) };
  }
  return { dtype, shape, data };
}

async function readFully(file: Deno.FsFile, bytes: Uint8Array): Promise<boolean> {
  for (let done = 0; done < bytes.length;) {
    const n = await file.read(bytes.subarray(done));
    if (n === null) return false;
    done += n;
  }
  return true;
}

async function writeFully(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

async function copyFully(from: Deno.FsFile, to: Deno.FsFile): Promise<void> {
  const bytes = new Uint8Array(1 << 20);
  for (let n = await from.read(bytes); n !== null; n = await from.read(bytes)) {
    await writeFully(to, bytes.subarray(0, n));
  }
}

function rank(dtype: SafetensorsDtype): number {
  return Object.keys(DTYPES).indexOf(dtype);
}

/** Order of UTF-8 bytes, as Rust compares strings; JavaScript's own differs beyond U+FFFF. */
function compareUtf8(a: string, b: string): number {
  if (a === b) return 0;
  const x = [...a], y = [...b];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const difference = x[i]!.codePointAt(0)! - y[i]!.codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return x.length - y.length;
}
