/**
 * The JSON header of a safetensors file: what it may say, and whether it describes every byte of the data
 * exactly once, as the library demands.
 *
 * @module
 */
import { isJsonObject, parseJson } from "../../base/json.ts";
import { UserError } from "../../base/errors.ts";

/** The element types that are read and written, in the order that the library sorts by, narrowest first. */
export const DTYPES = {
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

/** What the header says of one tensor; offsets in bytes from the end of the header. */
export interface TensorEntry {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads the header's text, and checks that its tensors cover the data from first to last byte without
 * gap or overlap.
 *
 * @param text JSON.
 * @param options `path`, for messages; `dataSize`: bytes after the header.
 * @throws {UserError} naming the file, the tensor and what is wrong.
 */
export function parseHeader(
  text: string,
  { path, dataSize }: { path: string; dataSize: number },
): { entries: Map<string, TensorEntry>; metadata: Record<string, string> } {
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (cause) {
    throw damaged(path, `its header is not JSON (${(cause as Error).message})`);
  }
  if (!isJsonObject(json)) throw damaged(path, "its header is not a JSON object");
  const twice = duplicateKey(text);
  if (twice !== undefined) throw damaged(path, `tensor "${twice}" is described twice`);

  const metadata: [string, string][] = [];
  const found: [string, TensorEntry][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") {
      if (!isJsonObject(value)) throw damaged(path, "its __metadata__ is not an object");
      for (const [key, entry] of Object.entries(value)) {
        if (typeof entry !== "string") {
          throw damaged(path, `__metadata__ "${key}" is not a string`);
        }
        metadata.push([key, entry]);
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
  return { entries: new Map(found), metadata: Object.fromEntries(metadata) };
}

function parseEntry(
  value: unknown,
  { path, name, dataSize }: { path: string; name: string; dataSize: number },
): TensorEntry {
  const wrong = (why: string): UserError => damaged(path, `tensor "${name}" ${why}`);
  if (!isJsonObject(value)) throw wrong("is not described by an object");
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

/** A file that breaks the format. */
export function damaged(path: string, why: string): UserError {
  return new UserError({
    what: `cannot read ${path}: ${why}`,
    remedy: "the file is damaged or no safetensors file; fetch or make it again",
  });
}

function isDtype(name: string): name is SafetensorsDtype {
  return Object.hasOwn(DTYPES, name);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
