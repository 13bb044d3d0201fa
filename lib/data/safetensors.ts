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
import { InternalError, UserError } from "../errors.ts";

/** The element types that are read and written, in the order that the library sorts by, narrowest first. */
const DTYPES = {
  BOOL: { bytes: 1, array: Uint8Array },
  U8: { bytes: 1, array: Uint8Array },
  I8: { bytes: 1, array: Int8Array },
  I16: { bytes: 2, array: Int16Array },
  U16: { bytes: 2, array: Uint16Array },
  F16: { bytes: 2, array: Uint16Array },
  BF16: { bytes: 2, array: Uint16Array },
  I32: { bytes: 4, array: Int32Array },
  U32: { bytes: 4, array: Uint32Array },
  F32: { bytes: 4, array: Float32Array },
  F64: { bytes: 8, array: Float64Array },
  I64: { bytes: 8, array: BigInt64Array },
  U64: { bytes: 8, array: BigUint64Array },
} as const;

/** An element type as the header names it. */
export type SafetensorsDtype = keyof typeof DTYPES;

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

/** What the header says of one tensor; offsets in bytes from the end of the header. */
export interface TensorEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
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
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new UserError({ what: `cannot read ${path}: there is no such file`, cause });
  }
  try {
    const size = (await file.stat()).size;
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
  tensors: Iterable<readonly [string, TensorData]>,
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
  for (const [i, [name, { dtype, shape, data }]] of sorted.entries()) {
    const bytes = shape.reduce((product, n) => product * n, 1) * DTYPES[dtype].bytes;
    if (bytes !== data.byteLength || name === "__metadata__" || name === sorted[i - 1]?.[0]) {
      throw new InternalError(
        `tensor ${name}: ${data.byteLength} bytes for ${dtype} [${shape}], or its name is taken`,
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
    for (const [, { data }] of sorted) {
      await writeFully(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
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

/** Checks that the header's tensors cover the data from first to last byte without gap or overlap. */
function parseHeader(
  text: string,
  { path, dataSize }: { path: string; dataSize: number },
): { entries: Map<string, TensorEntry>; metadata: Record<string, string> } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw damaged(path, `its header is not JSON (${(cause as Error).message})`);
  }
  if (!isObject(json)) throw damaged(path, "its header is not a JSON object");
  const twice = duplicateKey(text);
  if (twice !== undefined) throw damaged(path, `tensor "${twice}" is described twice`);

  const metadata: Record<string, string> = {};
  const found: [string, TensorEntry][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") {
      if (!isObject(value)) throw damaged(path, "its __metadata__ is not an object");
      for (const [key, entry] of Object.entries(value)) {
        if (typeof entry !== "string") {
          throw damaged(path, `__metadata__ "${key}" is not a string`);
        }
        metadata[key] = entry;
      }
    } else {
      found.push([name, parseEntry(value, { path, name, dataSize })]);
    }
  }
  found.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  let before = "the header";
  for (const [name, entry] of found) {
    if (entry.begin < end) {
      throw damaged(path, `tensor "${name}" overlaps "${before}" (${entry.begin} < ${end})`);
    }
    if (entry.begin > end) {
      const gap = entry.begin - end;
      throw damaged(path, `there are ${gap} bytes of no tensor between "${before}" and "${name}"`);
    }
    end = entry.end;
    before = name;
  }
  if (end < dataSize) {
    throw damaged(path, `there are ${dataSize - end} bytes of no tensor at its end`);
  }
  return { entries: new Map(found), metadata };
}

function parseEntry(
  value: unknown,
  { path, name, dataSize }: { path: string; name: string; dataSize: number },
): TensorEntry {
  const wrong = (why: string): UserError => damaged(path, `tensor "${name}" ${why}`);
  if (!isObject(value)) throw wrong("is not described by an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") throw wrong("has no dtype");
  if (!isDtype(dtype)) {
    throw new UserError({
      what: `cannot read ${path}: tensor "${name}" has dtype ${dtype}`,
      requirement: `dtypes that are read: ${Object.keys(DTYPES).join(", ")}`,
    });
  }
  if (!isSizes(shape)) throw wrong("has a shape that is not a list of sizes");
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw wrong("has data_offsets that are not two byte positions");
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end || end > dataSize) {
    throw wrong(`lies at bytes ${begin} to ${end}, the file has ${dataSize} bytes of data`);
  }
  const bytes = shape.reduce((product, n) => product * n, DTYPES[dtype].bytes);
  if (bytes !== end - begin) {
    throw wrong(`is ${dtype} [${shape}], ${bytes} bytes, but lies in ${end - begin} bytes`);
  }
  return { dtype, shape, begin, end };
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

/** JSON.parse keeps the last of two equal keys; the format forbids them. Expects valid JSON. */
function duplicateKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  let previous = "";
  for (let i = 0; i < json.length; i++) {
    const c = json[i]!;
    if (c === " " || c === "\n" || c === "\t" || c === "\r") continue;
    if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
    else if (c === '"') {
      const start = i++;
      while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
      // The whole header is an object, so at depth 1 what follows `{` or `,` is a key.
      if (depth === 1 && (previous === "{" || previous === ",")) {
        const key: string = JSON.parse(json.slice(start, i + 1));
        if (seen.has(key)) return key;
        seen.add(key);
      }
    }
    previous = c;
  }
  return undefined;
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

function damaged(path: string, why: string): UserError {
  return new UserError({
    what: `cannot read ${path}: ${why}`,
    remedy: "the file is damaged or no safetensors file; fetch or make it again",
  });
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

function isDtype(name: string): name is SafetensorsDtype {
  return Object.hasOwn(DTYPES, name);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
