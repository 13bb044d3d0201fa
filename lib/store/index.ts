/**
 * The index: a SQLite file of things that could be found out again, to find them out faster.
 *
 * Two tables: digests of files by path and `stat`, and JSON by namespace and key. Files are the
 * truth; the index may be deleted or overwritten with rubbish at any moment, also while it is open.
 * So every row carries a check of its content, a broken file is silently made anew, and where
 * nothing can be written the index remembers nothing.
 *
 * A remembered digest counts only where path, size, mtime, ctime, inode and device are the same
 * and the file had been left alone for a while before it was hashed: a write in the same tick of
 * the file system's clock changes none of them (git calls such an entry "racily clean"). Deno tells
 * ctime in whole seconds, so that tick is long.
 *
 * @module
 */
import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type Digest, hashFile, isDigest, sha256Hex } from "../base/hash.ts";
import { parseJson } from "../base/json.ts";
import { secretIn } from "../base/outside/secrets.ts";

/** Raised when the tables change; an index of another version is made anew. */
const VERSION = 1;
/** How long to wait for another process that writes, in milliseconds: it blocks this thread. */
const BUSY = 500;
/**
 * How long a file must have rested before it was hashed, in milliseconds. Deno tells ctime in whole
 * seconds, so one second of rest could still share a tick.
 */
export const REST = 2000;

/** Up to this many bytes a file is read at once. */
const SMALL = 1 << 16;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, stamp TEXT NOT NULL, digest TEXT NOT NULL, sum TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS cache (
    namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, sum TEXT NOT NULL,
    PRIMARY KEY (namespace, key)
  ) WITHOUT ROWID;
  PRAGMA user_version = ${VERSION};
`;

/** What `stat` says of a file, as far as it changes when the content does. */
export interface Stamp {
  /** Size, mtime, ctime, inode and device in one text. */
  readonly text: string;
  /** The same without ctime, which a link to the file moves as well. */
  readonly content: string;
  /** Bytes. */
  readonly size: number;
  /** The later of mtime and ctime, in milliseconds since 1970. */
  readonly changed: number;
}

/** The stamp of a file, following links; undefined where there is no file. */
export function stampOf(path: string): Stamp | undefined {
  const info = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (info === undefined || !info.isFile()) return undefined;
  const { size, mtimeNs, ctimeNs, ino, dev } = info;
  return {
    text: `${size} ${mtimeNs} ${ctimeNs} ${ino} ${dev}`,
    size: Number(size),
    content: `${size} ${mtimeNs} ${ino} ${dev}`,
    changed: Number((mtimeNs > ctimeNs ? mtimeNs : ctimeNs) / 1_000_000n),
  };
}

/** Whether a digest found at time `hashed` may be believed as long as the stamp stays the same. */
export function isSettled(stamp: Pick<Stamp, "changed">, hashed: number): boolean {
  return hashed - stamp.changed >= REST;
}

/** The index of a store. Opened at first use. */
export class StoreIndex implements Disposable {
  readonly #path: string;
  #db: DatabaseSync | undefined;
  #statements = new Map<string, StatementSync>();
  /** Set where the file cannot be used at all: a read-only disk. */
  #off = false;
  /** Whether every file is read again whatever is remembered of it. */
  readonly verify: boolean;

  /**
   * @param path The SQLite file; `:memory:` for one that nobody shares.
   * @param options `verify`: believe no stamp, read every file again.
   */
  constructor(path: string, { verify = false }: { readonly verify?: boolean } = {}) {
    this.#path = path;
    this.verify = verify;
  }

  /**
   * SHA-256 of a file, remembered while nothing about the file changes.
   *
   * @throws What reading the file throws.
   */
  async digestFile(path: string, signal?: AbortSignal): Promise<Digest> {
    const absolute = resolve(path);
    const stamp = stampOf(absolute);
    const known = stamp === undefined ? undefined : this.#known(absolute, stamp);
    if (known !== undefined) return known;
    const began = Date.now();
    // A thousand small files are read in a moment, and in many where each is waited for.
    const digest = stamp !== undefined && stamp.size <= SMALL
      ? sha256Hex(readFileSync(absolute))
      : (await hashFile(absolute, { signal })).digest;
    if (stamp !== undefined && isSettled(stamp, began) && stampOf(absolute)?.text === stamp.text) {
      this.remember(absolute, { stamp, digest });
    }
    return digest;
  }

  /** The digest that is remembered of a file as it is now; undefined where it would have to be read. */
  known(path: string): Digest | undefined {
    const absolute = resolve(path);
    const stamp = stampOf(absolute);
    return stamp === undefined ? undefined : this.#known(absolute, stamp);
  }

  #known(absolute: string, stamp: Stamp): Digest | undefined {
    if (this.verify) return undefined;
    const row = this.#run((get) =>
      get("SELECT stamp, digest, sum FROM files WHERE path = ?").get(absolute)
    );
    return row !== undefined && row.stamp === stamp.text && isDigest(row.digest) &&
        row.sum === check(absolute, stamp.text, row.digest)
      ? row.digest
      : undefined;
  }

  /** Remembers the digest of a file. The caller knows that its bytes were these when it had this stamp. */
  remember(
    path: string,
    { stamp, digest }: { readonly stamp: Stamp; readonly digest: Digest },
  ): void {
    const absolute = resolve(path);
    this.#run((get) =>
      get("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)")
        .run(absolute, stamp.text, digest, check(absolute, stamp.text, digest))
    );
  }

  /** Runs what remembers much in one transaction; nothing in it may wait for anything. */
  batch(work: () => void): void {
    if (this.#db?.isTransaction) return work();
    this.#run(() => this.#db!.exec("BEGIN"));
    try {
      work();
    } finally {
      if (this.#db?.isTransaction) this.#run(() => this.#db!.exec("COMMIT"));
    }
  }

  /** What was remembered under a name, or undefined. The caller checks its shape. */
  get(namespace: string, key: string): unknown {
    const row = this.#run((get) =>
      get("SELECT value, sum FROM cache WHERE namespace = ? AND key = ?").get(namespace, key)
    );
    if (row === undefined || typeof row.value !== "string") return undefined;
    return row.sum === check(namespace, key, row.value) ? parseJson(row.value) : undefined;
  }

  /** Remembers a JSON value under a name. It may be forgotten at any moment; secrets are at once. */
  set(namespace: string, key: string, value: unknown): void {
    const text = JSON.stringify(value);
    if (secretIn(key) !== undefined || secretIn(text) !== undefined) return;
    this.#run((get) =>
      get("INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?)")
        .run(namespace, key, text, check(namespace, key, text))
    );
  }

  /** Closes the file; a later use opens it again. */
  close(): void {
    this.#statements.clear();
    try {
      this.#db?.close();
    } catch {
      // It is broken or closed; nothing in it is needed.
    }
    this.#db = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Runs a query. Whatever goes wrong, the answer is "nothing remembered". */
  #run<T>(query: (get: (sql: string) => StatementSync) => T): T | undefined {
    for (let attempt = 0; attempt < 2 && !this.#off; attempt++) {
      try {
        this.#db ??= this.#open();
        return query((sql) => this.#prepared(sql));
      } catch (error) {
        this.close();
        // Another process is writing: what this one wanted to remember is found out again later.
        if (isBusy(error)) return undefined;
        if (attempt === 0) this.#discard();
        else this.#off = true;
      }
    }
    return undefined;
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db!.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #open(): DatabaseSync {
    if (this.#path !== ":memory:") mkdirSync(dirname(this.#path), { recursive: true });
    const db = new DatabaseSync(this.#path, { timeout: BUSY });
    try {
      const found = db.prepare("PRAGMA user_version").get()?.user_version;
      if (found !== VERSION) {
        if (found !== 0) throw new Error(`an index of version ${found}`);
        // WAL lets readers go on while one process writes. Losing the last rows costs nothing.
        db.exec("PRAGMA journal_mode = WAL");
        db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
      }
      db.exec("PRAGMA synchronous = NORMAL");
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  #discard(): void {
    if (this.#path === ":memory:") return;
    try {
      for (const suffix of ["-wal", "-shm", "-journal", ""]) {
        rmSync(`${this.#path}${suffix}`, { force: true, recursive: true });
      }
    } catch {
      this.#off = true;
    }
  }
}

/** Guards a row against pages that a crash or a deletion at the wrong moment mixed up. */
function check(...parts: readonly string[]): string {
  return sha256Hex(JSON.stringify(parts)).slice(0, 16);
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && /database (is|table is|schema is) locked/.test(error.message);
}
