/**
 * Downloads that survive being cut off.
 *
 * The bytes of a file gather in a cache folder under a name made of its URL and id. Whoever wants the
 * file next, in this process or in a later one, asks the server for the rest (RFC 9110, Range) and
 * checks the whole. A lock on the file keeps two processes from writing the same one.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { hashFile, sha256Hex } from "../../base/hash.ts";
import { pieces, reason, request, type RequestOptions, sleep, type Token } from "./http.ts";
import { checkExtent, checkUnchanged, statusError, tooLong } from "./answers.ts";
import { checkRoom, diskFailure } from "./disk.ts";
import { type Limits, limitsWith } from "./limits.ts";
import { checkFile, type Download } from "./pinned_file.ts";
import { withoutSecrets } from "../../base/outside/secrets.ts";

/** Where and how. */
export interface DownloadOptions {
  readonly cacheDir: string;
  readonly token?: Token | undefined;
  /** What is not in the cache already is an error. */
  readonly offline: boolean;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
  /** Called with the number of bytes of this file that are there. */
  readonly progress: (bytes: number) => void;
  readonly remedy?: string;
  /** Bounds other than the usual. */
  readonly limits?: Partial<Limits> | undefined;
}

/** Waits after a connection broke, in milliseconds; progress in between begins anew. */
const RESUME_WAITS = [200, 500, 1500];

/** A try that brings fewer bytes than this is no progress. */
const MIN_PROGRESS = 16_384;

/** Entries of the cache that nobody touched for this long, in milliseconds, are removed: a month. */
const KEEP = 30 * 24 * 3600 * 1000;

/**
 * Makes sure that a file is in the cache, whole and checked, and passes it to `use`.
 *
 * @param use Gets the path while the file is locked; links or copies it to where it is needed.
 * @throws {UserError} Where the server fails, or what it sends is not what was announced.
 */
export async function download(
  file: Download,
  options: DownloadOptions & { use: (path: string) => Promise<void> },
): Promise<void> {
  await Deno.mkdir(options.cacheDir, { recursive: true });
  const path = cachePath(file, options.cacheDir);
  using handle = await openLocked(path, options);
  if (!await isComplete(path, file)) {
    if (options.offline) {
      throw new UserError({
        what: `${file.written} is not on this machine, and --offline forbids downloading it`,
        remedy: "run once without --offline",
      });
    }
    await complete(path, { file, handle, options });
    await Deno.writeTextFile(
      `${path}.json`,
      JSON.stringify({ url: file.url, sha256: (await hashFile(path)).digest }),
    );
  }
  options.progress((await Deno.stat(path)).size);
  await options.use(path);
}

/** Removes files from the cache, when all that was made of them is safe. */
export async function forget(files: readonly Download[], cacheDir: string): Promise<void> {
  for (const file of files) await removeEntry(cachePath(file, cacheDir));
}

/** Removes what was left behind long ago. */
export async function prune(cacheDir: string, now: number = Date.now()): Promise<void> {
  for await (const { name } of Deno.readDir(cacheDir)) {
    const path = `${cacheDir}/${name}`;
    const modified = (await statIfThere(path))?.mtime?.getTime() ?? now;
    if (now - modified > KEEP) await removeEntry(path.replace(/\.json$/, ""));
  }
}

/** Removes a file of the cache and its note, unless another process is using them. */
async function removeEntry(path: string): Promise<void> {
  if (await statIfThere(path) === undefined) return await removeIfThere(`${path}.json`);
  try {
    using handle = await Deno.open(path, { read: true, write: true });
    // Whoever has it will remove it.
    if (!await handle.tryLock(true)) return;
    await removeIfThere(`${path}.json`);
    await removeIfThere(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function cachePath(file: Download, cacheDir: string): string {
  return `${cacheDir}/${sha256Hex(JSON.stringify([file.url, file.id ?? null, file.size ?? null]))}`;
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Opens a file of the cache for this process alone; waits where another one has it. */
async function openLocked(path: string, { log }: DownloadOptions): Promise<Deno.FsFile> {
  for (;;) {
    const handle = await Deno.open(path, { read: true, write: true, create: true });
    if (!await handle.tryLock(true)) {
      log("waiting for another stage that downloads the same file");
      await handle.lock(true);
    }
    // Whoever had the lock may have removed the file: then this is one that nobody will find.
    const here = await statIfThere(path);
    if (here !== undefined && here.ino === (await handle.stat()).ino) return handle;
    handle.close();
  }
}

/** Whether an earlier call finished this file, and its bytes are still the same. */
async function isComplete(path: string, file: Download): Promise<boolean> {
  let sha256: unknown;
  try {
    sha256 = JSON.parse(await Deno.readTextFile(`${path}.json`)).sha256;
  } catch {
    return false; // No note, or half of one: the file is checked again when the rest is there.
  }
  if ((await hashFile(path)).digest === sha256 && await checkFile(path, file) === undefined) {
    return true;
  }
  await removeIfThere(`${path}.json`);
  await Deno.truncate(path, 0);
  return false;
}

interface Task {
  readonly file: Download;
  readonly handle: Deno.FsFile;
  readonly options: DownloadOptions;
}

/** Fetches what is missing of a file and checks it. */
async function complete(path: string, task: Task): Promise<void> {
  const { file, handle } = task;
  const resumed = (await handle.stat()).size > 0;
  for (let attempt = 0;; attempt++) {
    const pieces = await fetchRest(task);
    const wrong = await checkFile(path, file);
    if (wrong === undefined) return;
    await handle.truncate(0);
    // The first part may be of another version of the file: once more, from the start.
    if (attempt > 0 || (!resumed && pieces < 2)) {
      throw new UserError({
        what:
          `the download of ${file.written} (${file.url}) is damaged: expected ${wrong.expected}, got ${wrong.got}`,
        requirement: "what the server sent is not what it announced; nothing of it is kept",
        remedy:
          "run the same command again; if it stays, the file on the server was changed or damaged: " +
          "--update takes what the server announces now",
      });
    }
    task.options.log(`${file.path}: the part downloaded earlier does not fit, starting over`);
  }
}

/** Fetches until all is there. @returns How many requests brought something. */
async function fetchRest(task: Task): Promise<number> {
  const { file, handle, options } = task;
  const limits = limitsWith(options.limits);
  const state: State = { etag: undefined, ranges: true };
  // Without a digest or anything that the server says of its version, the parts of two can't be told apart.
  if (file.id === undefined) await handle.truncate(0);
  await checkRoom(file, { folder: options.cacheDir, have: (await handle.stat()).size });
  let failures = 0;
  let parts = 0;
  let most = (await handle.stat()).size;
  for (let requests = 0;; requests++) {
    const have = (await handle.stat()).size;
    options.progress(have);
    if (file.size !== undefined && have > file.size) {
      await handle.truncate(0);
      continue;
    }
    if (have === file.size) return parts;
    if (requests >= limits.requests) {
      throw new UserError({
        what:
          `the download of ${file.written} (${file.url}) is not done after ${requests} requests`,
        requirement: `${have} bytes of ${file.size ?? "an unknown number"} are there, and kept`,
        remedy: options.remedy ?? "run the same command again to go on from there",
      });
    }
    let failure: string | undefined;
    try {
      const finished = await fetchOnce(task, have, { state, limits });
      if (file.size === undefined && finished) return parts + 1;
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof UserError) throw error;
      failure = reason(error);
    }
    const now = (await handle.stat()).size;
    if (now > have) parts++;
    if (now === file.size) return parts;
    // A few bytes a try, or the same ones again and again, would go on for ever.
    failures = now >= most + MIN_PROGRESS ? 0 : failures + 1;
    most = Math.max(most, now);
    const wait = RESUME_WAITS[failures];
    // A server that ends a body early without any error has no more: a second try would not help.
    if (wait === undefined || (failures > 1 && failure === undefined)) {
      throw new UserError({
        what: `the download of ${file.written} (${file.url}) was cut off: expected ${
          file.size ?? "more"
        } bytes, got ${now}${failure === undefined ? "" : ` (${failure})`}`,
        requirement: "the part that arrived is kept",
        remedy: options.remedy ?? "run the same command again to go on from there",
      });
    }
    options.log(
      withoutSecrets(
        `${file.path}: ${failure ?? "the server stopped"} after ${now} bytes, going on`,
      ),
    );
    await sleep(wait * limits.patience, options.signal);
  }
}

/** What the requests for one file learn from each other. */
interface State {
  /** The version that the bytes so far are of. */
  etag: string | undefined;
  /** Whether the server sends the part that it was asked for. */
  ranges: boolean;
}

/** One request. @returns Whether the body came to its end. */
async function fetchOnce(
  { file, handle, options }: Task,
  have: number,
  { state, limits }: { state: State; limits: Limits },
): Promise<boolean> {
  const stop = new AbortController();
  const asksRange = have > 0 && state.ranges;
  const init: RequestOptions = {
    headers: asksRange ? { range: `bytes=${have}-` } : {},
    token: options.token,
    signal: AbortSignal.any([options.signal, stop.signal]),
    limits: options.limits,
    ...(options.remedy === undefined ? {} : { remedy: options.remedy }),
  };
  const response = await request(file.url, init);
  try {
    if (response.status === 416) {
      // There is nothing after what is here: the end, or less than was announced.
      const whole = response.headers.get("content-range") === `bytes */${have}`;
      if (file.size === undefined && !whole) await handle.truncate(0);
      return whole;
    }
    if (!response.ok) throw await statusError(response, file);
    checkUnchanged(response, file);
    const from = checkExtent(response, { file, limits, have: asksRange ? have : 0 });
    const etag = response.headers.get("etag") ?? undefined;
    const moved = from !== undefined && from > 0 && state.etag !== undefined && state.etag !== etag;
    state.etag = etag;
    if (from === undefined || moved) {
      // Bytes of another place or another version: from the start, and without asking for a part.
      state.ranges = from !== undefined;
      await handle.truncate(0);
      throw new Error(
        moved ? "the file changed in between" : "another part came than was asked for",
      );
    }
    if (from !== have) await handle.truncate(0);
    await handle.seek(from, Deno.SeekMode.Start);
    let at = from;
    const most = file.size ?? limits.maxBytes;
    for await (const piece of pieces(response, limits)) {
      at += piece.length;
      if (at > most) {
        await handle.truncate(0);
        throw tooLong(file, most);
      }
      await write(handle, piece, { file, folder: options.cacheDir });
      options.progress(at);
    }
    return true;
  } finally {
    stop.abort();
  }
}

/** Writes all of a piece; a full disk is no failure of the network. */
async function write(
  handle: Deno.FsFile,
  piece: Uint8Array,
  { file, folder }: { file: Download; folder: string },
): Promise<void> {
  try {
    for (let done = 0; done < piece.length;) done += await handle.write(piece.subarray(done));
  } catch (error) {
    throw diskFailure(error, { file, folder });
  }
}
