/**
 * Undoes the packing of a file that its server did by itself, for the way alone: the header
 * Content-Encoding (RFC 9110, 8.4).
 *
 * Downloads ask for none, and some servers pack nevertheless. The bytes are kept as they came, so that a
 * download can go on where it was cut off. Left out: `deflate`, which servers mean in two ways.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import { bounded, fileBytes } from "./bytes.ts";
import type { InputFile } from "../row_file.ts";

type Bytes = AsyncIterable<Uint8Array<ArrayBuffer>>;

/** How a file of each encoding is unpacked. */
const UNPACKED: Readonly<Record<string, (file: InputFile, signal: AbortSignal) => Bytes>> = {
  identity: (file, signal) => fileBytes({ ...file, name: "plain" }, { signal }),
  gzip: (file, signal) => fileBytes({ ...file, name: `${file.name}.gz` }, { signal }),
  zstd: (file, signal) => fileBytes({ ...file, name: `${file.name}.zst` }, { signal }),
  br: brotli,
};

/**
 * Unpacks a file.
 *
 * @param path As it came.
 * @param encoding The header: what was done to it, the last at the end.
 * @param options `to`: where it goes. `name`: what people call it.
 * @throws {UserError} Where an encoding is not known, or the file is damaged or a trap.
 */
export async function undoEncoding(
  path: string,
  encoding: string,
  { to, name, signal }: {
    readonly to: string;
    readonly name: string;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const encodings = encoding.toLowerCase().split(",").map((each) => each.trim().replace(/^x-/, ""))
    .filter((each) => each !== "").reverse();
  let from = path;
  for (const [i, each] of encodings.entries()) {
    const unpack = Object.hasOwn(UNPACKED, each) ? UNPACKED[each] : undefined;
    if (unpack === undefined) {
      throw new UserError({
        what: `the server packed ${name} with "${each}"`,
        requirement: `known are ${Object.keys(UNPACKED).join(", ")}`,
        remedy: "download it by hand, or from elsewhere",
      });
    }
    const into = i === encodings.length - 1 ? to : `${to}.${i}`;
    using file = await Deno.open(into, { write: true, create: true, truncate: true });
    for await (const chunk of unpack({ path: from, name }, signal)) {
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    }
    if (from !== path) await Deno.remove(from);
    from = into;
  }
}

async function* brotli(
  file: InputFile,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { size } = await Deno.stat(file.path);
  const packed = ReadableStream.from(fileBytes({ ...file, name: "packed" }, { signal }));
  // The types lag behind: node:zlib takes a file that is cut off for a whole one.
  const stream = packed.pipeThrough(new DecompressionStream("brotli" as "gzip"));
  try {
    yield* bounded(stream, { file, size });
  } catch (cause) {
    if (cause instanceof UserError || signal.aborted) throw cause;
    throw new UserError({
      what: `${file.name} cannot be unpacked as its server says: ${(cause as Error).message}`,
      remedy: "run the same command again; it was damaged on its way, or by its server",
      cause,
    });
  }
}
