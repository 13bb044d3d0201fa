/**
 * Downloads that survive being cut off.
 *
 * The bytes of a file gather in a cache folder under a name made of its URL and id. Whoever wants the
 * file next, in this process or in a later one, looks whether they are still those that came, asks the
 * server for the rest (RFC 9110, Range) and checks the whole. A lock on the file keeps two processes
 * from writing the same one.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { diskTime } from "../../base/disk_time.ts";
import { sha256Hex } from "../../base/hash.ts";
import { pieces, reason, request, type RequestOptions, sleep, type Token } from "./http.ts";
import { checkExtent, checkUnchanged, statusError, tooLong } from "./answers.ts";
import { CachedFile, cachedPathOf, removeCached } from "./cache/cached_file.ts";
import { checkRoom, diskFailure } from "./cache/disk.ts";
import { type Limits, limitsWith } from "./limits.ts";
import { checkFile, type Download, splitId } from "./pinned_file.ts";
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
  options: DownloadOptions & { use: (path: string, encoding?: string) => Promise<void> },
): Promise<void> {
  await Deno.mkdir(options.cacheDir, { recursive: true });
  const path = cachePath(file, options.cacheDir);
  using cached = await CachedFile.open(path, {
    url: file.url,
    onWait: () => options.log("waiting for another stage that downloads the same file"),
  });
  const found = await cached.takeUp();
  const isWhole = found === "whole" && await checkFile(path, file) === undefined;
  if (found === "whole" && !isWhole) await cached.clear();
  if (found === "damaged") {
    options.log(`${file.path}: the part downloaded earlier is damaged, starting over`);
  }
  if (!isWhole) {
    if (options.offline) {
      throw new UserError({
        what: `${file.written} is not on this machine, and --offline forbids downloading it`,
        remedy: "run once without --offline",
      });
    }
    await complete({ file, cached, options });
  }
  options.progress(cached.size);
  await options.use(path, cached.encoding);
}

/** Removes files from the cache, when all that was made of them is safe. */
export async function forget(files: readonly Download[], cacheDir: string): Promise<void> {
  for (const file of files) await removeCached(cachePath(file, cacheDir));
}

/**
 * Removes what was left behind long ago.
 *
 * @param now Milliseconds since 1970; default what the disk's clock says.
 */
export async function prune(cacheDir: string, now?: number): Promise<void> {
  const time = now ?? await diskTime(cacheDir);
  for await (const { name } of Deno.readDir(cacheDir)) {
    const path = `${cacheDir}/${name}`;
    const modified = (await Deno.stat(path).catch(() => undefined))?.mtime?.getTime() ?? time;
    if (time - modified > KEEP) await removeCached(cachedPathOf(path));
  }
}

function cachePath(file: Download, cacheDir: string): string {
  return `${cacheDir}/${sha256Hex(JSON.stringify([file.url, file.id ?? null, file.size ?? null]))}`;
}

interface Task {
  readonly file: Download;
  readonly cached: CachedFile;
  readonly options: DownloadOptions;
}

/** Fetches what is missing of a file and checks it. */
async function complete(task: Task): Promise<void> {
  const { file, cached, options } = task;
  const resumed = cached.size > 0;
  for (let attempt = 0;; attempt++) {
    const pieces = await fetchRest(task);
    const wrong = await checkFile(cached.path, file);
    if (wrong === undefined) {
      if (!await cached.isSound()) {
        await cached.clear();
        throw lostOnDisk(file, options.cacheDir);
      }
      return await onDisk(task, () => cached.note({ whole: true }));
    }
    await cached.clear();
    // The first part may be of another version of the file: once more, from the start.
    if (attempt > 0 || (!resumed && pieces < 2)) {
      throw new UserError({
        what:
          `the download of ${file.written} (${file.url}) is damaged: expected ${wrong.expected}, got ${wrong.got}`,
        requirement: "what the server sent is not what it announced; nothing of it is kept",
        remedy: /#sha-?256[=:]/i.test(file.written)
          ? "the server has another file than its checksum says: check both"
          : "run the same command again; if it stays, the file on the server was changed or " +
            "damaged: --update takes what the server announces now",
      });
    }
    task.options.log(`${file.path}: the part downloaded earlier does not fit, starting over`);
  }
}

/** Fetches until all is there. @returns How many requests brought something. */
async function fetchRest(task: Task): Promise<number> {
  const { file, cached, options } = task;
  const limits = limitsWith(options.limits);
  const state: State = { ranges: true };
  // Without a digest or anything that the server says of its version, the parts of two can't be told apart.
  if (file.id === undefined) await cached.clear();
  // A digest tells the parts apart, and the servers of one file may name its version differently.
  if (["sha256", "git"].includes(splitId(file.id)[0])) cached.etag = undefined;
  await checkRoom(file, { folder: options.cacheDir, have: cached.size });
  let failures = 0;
  let parts = 0;
  let most = cached.size;
  for (let requests = 0;; requests++) {
    const have = cached.size;
    options.progress(have);
    if (file.size !== undefined && have > file.size) {
      await cached.clear();
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
    } finally {
      if (cached.size !== file.size) await onDisk(task, () => cached.note());
    }
    const now = cached.size;
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
  /** Whether the server sends the part that it was asked for. */
  ranges: boolean;
}

/** One request. @returns Whether the body came to its end. */
async function fetchOnce(
  task: Task,
  have: number,
  { state, limits }: { state: State; limits: Limits },
): Promise<boolean> {
  const { file, cached, options } = task;
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
      if (file.size === undefined && !whole) await cached.clear();
      return whole;
    }
    if (!response.ok) throw await statusError(response, file);
    checkUnchanged(response, file);
    const from = checkExtent(response, { file, limits, have: asksRange ? have : 0 });
    const etag = response.headers.get("etag") ?? undefined;
    const moved = from !== undefined && from > 0 && cached.etag !== undefined &&
      cached.etag !== etag;
    if (from === undefined || moved) {
      // Bytes of another place or another version: from the start, and without asking for a part.
      state.ranges = from !== undefined;
      await cached.clear();
      throw new Error(
        moved ? "the file changed in between" : "another part came than was asked for",
      );
    }
    if (from !== have) await cached.clear();
    cached.etag = etag;
    cached.encoding = response.headers.get("content-encoding") ?? undefined;
    let at = from;
    const most = file.size ?? limits.maxBytes;
    for await (const piece of pieces(response, limits)) {
      at += piece.length;
      if (at > most) {
        await cached.clear();
        throw tooLong(file, most);
      }
      await onDisk(task, () => cached.write(piece, file));
      options.progress(at);
    }
    return true;
  } finally {
    stop.abort();
  }
}

/** Writes to the cache; a full disk is no failure of the network. */
async function onDisk({ file, options }: Task, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw diskFailure(error, { file, folder: options.cacheDir });
  }
}

function lostOnDisk(file: Download, folder: string): UserError {
  return new UserError({
    what: `${folder} does not give back the bytes of ${file.written} that were written there`,
    requirement: "nothing of it is kept",
    remedy: "check the disk and the memory of this machine, then run again",
  });
}
