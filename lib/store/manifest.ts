/**
 * The manifest of an artifact: its files, sorted by path.
 *
 * @module
 */
import { isJsonObject, parseJsonObject } from "../base/json.ts";
import { portabilityMistake } from "../base/outside/portable_name.ts";
import { type Digest, isDigest } from "../base/hash.ts";

/** One file of an artifact. */
export interface ManifestFile {
  /** Relative, with `/`, without `.` and `..`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Executable or not; nothing else of the mode is kept. */
  readonly mode: "0644" | "0755";
  readonly digest: Digest;
}

/** What an artifact consists of. */
export interface Manifest {
  /** `rows`, `tokens`, `model`, `metrics` or `texts`; the store does not mind. */
  readonly kind: string;
  /** Sorted by path in UTF-16 code units, no path twice. */
  readonly files: readonly ManifestFile[];
}

/** Reads a manifest's text; undefined where it is none. */
export function parseManifest(text: string): Manifest | undefined {
  const { kind, files } = parseJsonObject(text) ?? {};
  if (typeof kind !== "string" || !Array.isArray(files)) return undefined;
  const parsed: ManifestFile[] = [];
  for (const file of files) {
    const entry = parseFile(file);
    if (entry === undefined) return undefined;
    const previous = parsed.at(-1);
    if (previous !== undefined && previous.path >= entry.path) return undefined;
    parsed.push(entry);
  }
  return { kind, files: parsed };
}

/** Whether a path stays inside the folder it counts from and means the same on every system. */
export function isPlainPath(path: string): boolean {
  return path.split("/").every((part) => portabilityMistake(part) === undefined);
}

function parseFile(value: unknown): ManifestFile | undefined {
  if (!isJsonObject(value)) return undefined;
  const { path, size, mode, digest } = value;
  if (typeof path !== "string" || !isPlainPath(path)) return undefined;
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) return undefined;
  if (mode !== "0644" && mode !== "0755") return undefined;
  return isDigest(digest) ? { path, size, mode, digest } : undefined;
}
