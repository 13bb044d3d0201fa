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
import { reason, request, type RequestOptions, sleep, type Token } from "./http.ts";
import { checkFile, type Download, splitId } from "./pinned_file.ts";

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
}

/** Waits after a connection broke, in milliseconds; progress in between begins anew. */
const RESUME_WAITS = [200, 500, 1500];

/** Nothing arriving for this long, in milliseconds, counts as a broken connection. */
const STALL_TIMEOUT = 60_000;

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
  let failures = 0;
  let pieces = 0;
  for (;;) {
    const have = (await handle.stat()).size;
    options.progress(have);
    if (file.size !== undefined && have > file.size) {
      await handle.truncate(0);
      continue;
    }
    if (have === file.size) return pieces;
    let failure: string | undefined;
    try {
      const finished = await fetchOnce(task, have);
      if (file.size === undefined && finished) return pieces + 1;
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof UserError) throw error;
      failure = reason(error);
    }
    const now = (await handle.stat()).size;
    if (now > have) pieces++;
    if (now === file.size) return pieces;
    failures = now > have ? 0 : failures + 1;
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
    options.log(`${file.path}: ${failure ?? "the server stopped"} after ${now} bytes, going on`);
    await sleep(wait, options.signal);
  }
}

/** One request. @returns Whether the body came to its end. */
async function fetchOnce({ file, handle, options }: Task, have: number): Promise<boolean> {
  const stall = new AbortController();
  const headers = have > 0 ? { range: `bytes=${have}-` } : {};
  const init: RequestOptions = {
    headers,
    token: options.token,
    signal: AbortSignal.any([options.signal, stall.signal]),
    ...(options.remedy === undefined ? {} : { remedy: options.remedy }),
  };
  const response = await request(file.url, init);
  if (response.status === 416) {
    await response.body?.cancel();
    // There is nothing after what is here: the end, or less than was announced.
    const whole = response.headers.get("content-range") === `bytes */${have}`;
    if (file.size === undefined && !whole) await handle.truncate(0);
    return whole;
  }
  if (!response.ok) throw await statusError(response, file);
  checkUnchanged(response, file);
  const from = response.status === 206 ? rangeStart(response) : 0;
  if (from !== have) await handle.truncate(0);
  if (from !== 0 && from !== have) {
    await response.body?.cancel();
    return false;
  }
  await handle.seek(from, Deno.SeekMode.Start);
  let at = from;
  let timer = setTimeout(() => stall.abort(new Error("nothing arrived for 60 s")), STALL_TIMEOUT);
  try {
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      for (let done = 0; done < chunk.length;) done += await handle.write(chunk.subarray(done));
      at += chunk.length;
      options.progress(at);
      timer = setTimeout(() => stall.abort(new Error("nothing arrived for 60 s")), STALL_TIMEOUT);
    }
  } finally {
    clearTimeout(timer);
  }
  return true;
}

function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1] ?? 0);
}

/** Refuses a file that is not the one that was pinned, where the server says so itself. */
function checkUnchanged(response: Response, file: Download): void {
  const [kind, value] = splitId(file.id);
  const header = kind === "etag" ? "etag" : kind === "modified" ? "last-modified" : undefined;
  const announced = header === undefined ? null : response.headers.get(header);
  if (announced === null || announced.replace(/^W\//, "").replace(/^"|"$/g, "") === value) return;
  throw new UserError({
    what:
      `${file.written} changed on the server since it was pinned: its ${header} was ${value} and is ${announced}`,
    remedy: "run with --update to take the new one",
  });
}

/** What a status that is no success means for the user; the body of the response is given up. */
export async function statusError(
  response: Response,
  file: { url: string; written: string },
): Promise<UserError> {
  await response.body?.cancel();
  return explainStatus(response, file);
}

/** What a status that is no success means for the user. */
export function explainStatus(
  { status, statusText }: Response,
  file: { url: string; written: string },
): UserError {
  const what = `cannot download ${file.written}: ${file.url} answers ${status} ${statusText}`
    .trimEnd();
  if (status === 401 || status === 403) {
    return new UserError({
      what,
      requirement: "the repository or file is private or gated, or does not exist",
      remedy: "set HF_TOKEN to a token that may read it, and accept its terms on its page",
    });
  }
  if (status === 404) {
    return new UserError({ what, remedy: "check the name, the revision and the path of the file" });
  }
  return new UserError({ what, remedy: "try again later; the same command goes on from here" });
}
