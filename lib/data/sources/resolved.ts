/**
 * What a source was resolved to, and the surroundings in which sources are resolved and fetched.
 *
 * Resolving happens in the runner, before a stage's key is computed, and may ask a server what is
 * there; fetching happens in the stage's own process and gets exactly that. In between lies JSON.
 *
 * @module
 */
import type { Limits } from "./limits.ts";
import type { Download, PinnedFile } from "./pinned_file.ts";
import type { HubRepo } from "./source.ts";

/** What resolving may use; the runner's `ResolveContext` has it all. */
export interface ResolveSettings {
  readonly baseDir: string;
  readonly pins: {
    readonly get: (source: string) => unknown;
    readonly set: (source: string, pin: unknown) => void;
  };
  readonly update: boolean;
  readonly offline: boolean;
  readonly digestFile: (path: string) => Promise<string>;
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
  /** Bounds on what servers send, other than the usual. */
  readonly limits?: Partial<Limits> | undefined;
}

/** What fetching may use. */
export interface FetchSettings {
  /** A folder for downloads that are not finished; it outlives the process. */
  readonly cacheDir: string;
  readonly offline: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Where to read a local file as it was when it was resolved. */
  readonly file: (path: string) => string;
  readonly signal: AbortSignal;
  /** Bounds on what servers send, other than the usual. */
  readonly limits?: Partial<Limits> | undefined;
  readonly log: (message: string) => void;
  /** Called with every file in the cache folder that is no longer needed when all has gone well. */
  readonly fetched: (file: Download) => void;
  /** Bytes done of those to fetch, over all files of a source; `total` is 0 where nobody knows it. */
  readonly progress: (done: number, total: number) => void;
}

/** A source that was resolved: everything that fetching it needs, as JSON. */
export type ResolvedSource =
  | {
    readonly type: "file";
    readonly files: readonly { readonly path: string; readonly name: string }[];
  }
  | {
    readonly type: "folder";
    readonly written: string;
    /** `name` is the path below the folder. */
    readonly files: readonly { readonly path: string; readonly name: string }[];
  }
  | {
    readonly type: "npm";
    readonly written: string;
    readonly package: string;
    readonly version: string;
    readonly pattern: string;
    /** Deno's folder of npm packages. */
    readonly cacheDir: string;
    /** How many files of which digest together, where they are pinned. */
    readonly pin?: { readonly files: number; readonly sha256: string };
  }
  | {
    readonly type: "http";
    readonly written: string;
    readonly url: string;
    readonly file: PinnedFile;
  }
  | {
    readonly type: "hub";
    readonly written: string;
    readonly endpoint: string;
    readonly repo: HubRepo;
    /** What stands in URLs: a commit where the server knows them. */
    readonly revision: string;
    readonly files: readonly PinnedFile[];
    /** What a person should know of them, in sentences. */
    readonly notes?: readonly string[];
  };

/** What resolving a source gives: the parts of a stage's `Sources`. */
export interface Resolution {
  /** Changes exactly when the bytes do. */
  readonly key: unknown;
  readonly data: ResolvedSource;
  readonly read?: readonly string[];
  readonly net?: readonly string[];
  readonly env?: readonly string[];
  /** Of a source that brings its splits along: each by itself, `key` and `data` being those of all. */
  readonly splits?: Readonly<Record<string, Pick<Resolution, "key" | "data">>>;
}
