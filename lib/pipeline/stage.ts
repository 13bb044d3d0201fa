/**
 * What a stage is: one definition with everything the runner needs to check, document, sandbox and
 * fingerprint it. Built-in stages and a user's own are the same thing.
 *
 * @module
 */
import type { z } from "zod";
import type { Device } from "../base/device.ts";
import type { UserErrorParts } from "../base/errors.ts";

/** What an artifact folder holds; `lib/data`, `lib/train` and `lib/metrics` read and write them. */
export type Kind = "rows" | "tokens" | "model" | "metrics" | "texts";

/** Every kind, for messages and checks. */
export const KINDS: readonly Kind[] = ["rows", "tokens", "model", "metrics", "texts"];

/**
 * What a role accepts: a kind, or several separated by `|`; `?` at the end makes it optional, `[]`
 * makes it a list (a fan-in). Examples: `"rows"`, `"model|tokens?"`, `"model[]"`, `"metrics[]?"`.
 */
export type InputSpec = string;

/** An artifact that a stage reads. The folder is read-only. */
export interface InputArtifact {
  /** Name of the stage that made it, `tuned@learning_rate=1e-5` for a cell of a matrix. */
  readonly stage: string;
  /** Absolute path of the folder. */
  readonly path: string;
  /** SHA-256 of the artifact, hexadecimal. */
  readonly digest: string;
}

/** What a stage's process may do beyond reading its inputs and writing its output folder. */
export interface Permissions {
  /** Hosts (`host` or `host:port`) it may connect to. */
  readonly net?: readonly string[];
  /** Environment variables it may read. */
  readonly env?: readonly string[];
  /**
   * Files and folders it may read or import as data; relative paths count from the pipeline file.
   * What they hold is part of the stage's key, unless it has a `resolve` that says what counts.
   */
  readonly read?: readonly string[];
  /** Whether it may load native libraries (ONNX Runtime's native engine needs it). */
  readonly ffi?: boolean;
}

/** What a stage gets to run with. `O` are its options after validation, with defaults. */
export interface StageContext<O> {
  /** Inputs with one artifact, by role. An optional role that was not given is absent. */
  readonly inputs: Readonly<Record<string, InputArtifact>>;
  /** Inputs with any number of artifacts (`kind[]`), by role, in the order of the pipeline. */
  readonly lists: Readonly<Record<string, readonly InputArtifact[]>>;
  /** The folder to fill. It exists and is empty. */
  readonly output: { readonly path: string };
  /** Options, validated, with defaults. */
  readonly options: O;
  /** The pipeline's seed. Every random choice of the stage must follow from it. */
  readonly seed: number;
  /** What `resolve` found: its `data`, else its `key`; null for stages without a `resolve`. */
  readonly sources: unknown;
  /** The stage's scratch folder across runs, for stages that declare `cache`; see there. */
  readonly cache?: { readonly path: string };
  /**
   * For stages that declare `resumable`: the folder of this very work, with what an attempt before
   * left there that was killed or failed; empty at the first.
   */
  readonly resume?: { readonly path: string };
  /** The engine asked for: the runner resolved `auto` already. */
  readonly device: Device;
  /** CPU threads the stage may keep busy. */
  readonly threads: number;
  /** No network: what is not on this machine is an error. */
  readonly offline: boolean;
  /** Environment variables the stage was granted, by name. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Where to read a file that the pipeline granted or whose digest `resolve` asked for: a copy that was
   * taken when the stage's key was made. Functions of Deno and of `node:fs` are led there by
   * themselves in an own stage.
   *
   * @param path Absolute, as it was granted or digested.
   */
  readonly file: (path: string) => string;
  /**
   * Reports progress: `done` of `total` in `unit`s ("rows", "steps", "bytes"), 0 where the total is not
   * known; call it as often as convenient. `also` is a second measure of the same work, such as bytes
   * beside rows.
   */
  readonly progress: (done: number, total: number, unit: string, also?: Measure) => void;
  /** Writes a line to the stage's log. */
  readonly log: (message: string) => void;
  /** Puts a line or a figure into the run's summary that the terminal shows at the end. */
  readonly summary: (entry: SummaryEntry) => void;
  /** Aborted when the run is interrupted or the stage's time is up. */
  readonly signal: AbortSignal;
}

/** So much of something: 1,200 rows, 3,400,000 bytes. */
export interface Measure {
  readonly done: number;
  readonly unit: string;
}

/** One thing worth showing a person when the run ends. */
export type SummaryEntry =
  | {
    /** A named figure, such as perplexity, with what to compare it to. */
    readonly type: "figure";
    readonly label: string;
    readonly value: number;
    readonly compare?: { readonly label: string; readonly value: number };
  }
  | {
    /** A text the pipeline wrote. */
    readonly type: "text";
    readonly prompt: string;
    readonly text: string;
  }
  | {
    /** A plain sentence. */
    readonly type: "note";
    readonly text: string;
  }
  | {
    /** How many rows each of several rules met, with the first of them: shown as a table. */
    readonly type: "rules";
    /** Over the names of the rules: "dropped by". */
    readonly title: string;
    /** Rows that the rules looked at, of which theirs are shares. */
    readonly rows: number;
    readonly rules: readonly RuleCount[];
  };

/** What one rule came to. */
export interface RuleCount {
  /** As the stage's options name it. */
  readonly rule: string;
  readonly rows: number;
  /** Rows that it looked at, where they are others than those of the table. */
  readonly of?: number;
  /** The first that it met, a few, as they are to be shown: on a line each, cut to its width. */
  readonly examples: readonly string[];
}

/** What a stage depends on outside the pipeline: files, URLs, repositories. Part of its key. */
export interface Sources {
  /** Canonical JSON that changes exactly when the bytes behind the sources do (commits, ETags, digests). */
  readonly key: unknown;
  /**
   * What `run` gets as `context.sources`, JSON; the key where absent. For what the stage needs to
   * find its sources and what must not change its key: absolute paths, the address of a mirror.
   */
  readonly data?: unknown;
  /** Files and folders the stage reads because of its sources (absolute). */
  readonly read?: readonly string[];
  /** Hosts the stage connects to because of its sources. */
  readonly net?: readonly string[];
  /** Environment variables it needs because of its sources. */
  readonly env?: readonly string[];
}

/** What `resolve` may use. It runs in the runner's process before the stage's key is computed. */
export interface ResolveContext<O> {
  readonly options: O;
  /** Absolute folder of the pipeline file, from which relative paths count. */
  readonly baseDir: string;
  /** Pins of movable sources from `<pipeline>.lock`: source as written -> what it was resolved to. */
  readonly pins: {
    readonly get: (source: string) => unknown;
    readonly set: (source: string, pin: unknown) => void;
  };
  /** `--update`: resolve movable sources anew. */
  readonly update: boolean;
  /** `--offline`: use pins only. */
  readonly offline: boolean;
  /** SHA-256 of a file, remembered by path, size and modification time. */
  readonly digestFile: (path: string) => Promise<string>;
  /** Reads an environment variable (HF_ENDPOINT, HF_TOKEN). */
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
}

/** What is wrong with how a stage is used: what, what is required, what to do. */
export type Misuse = Pick<UserErrorParts, "what" | "requirement" | "remedy">;

/**
 * The definition of a stage. `S` is the zod schema of its options.
 *
 * Heavy libraries belong into `run`, behind `await import("…")` with a literal path: the runner
 * loads the definition to check a pipeline, and the path stays part of the stage's module graph.
 */
export interface StageDefinition<S extends z.ZodObject = z.ZodObject> {
  /** First line: one sentence. Then Markdown with what it reads and writes, and an example. */
  readonly doc: string;
  /** Raise it when the meaning of the output changes for a reason that no file of the module graph shows. */
  readonly version?: number;
  /** Role -> what it accepts. */
  readonly inputs: Readonly<Record<string, InputSpec>>;
  /** Kind of the output, or a function of the options where they decide it. */
  readonly output: Kind | ((options: z.output<S>) => Kind);
  /** Every kind that `output` may return, where it is a function; default: any kind. Shown in the documentation. */
  readonly kinds?: readonly Kind[];
  readonly options: S;
  /**
   * Says what is wrong with options and inputs together, which neither shows alone: an option that
   * stands in for an input, say. Called before anything runs, with options that are valid by themselves
   * and the roles that the pipeline connects; `counts` says how many artifacts each of them has.
   */
  readonly check?: (
    given: {
      readonly options: z.output<S>;
      readonly inputs: readonly string[];
      readonly counts: Readonly<Record<string, number>>;
    },
  ) => Misuse | undefined;
  /** What it needs beyond its inputs and its output folder; default nothing. */
  readonly permissions?: Permissions;
  /** True where it computes on an engine: it shares the cores, may load engines, and the device is part of its key. */
  readonly compute?: boolean;
  /**
   * True where the stage may keep files between runs, such as the first half of a download that was
   * cut off: the runner creates `runs/store/downloads`, grants reading and writing it, and passes it
   * as `context.cache`. It may be shared by several stages at once (use file locks), may be emptied
   * at any time, and what is in it must never change what the stage puts out.
   */
  readonly cache?: boolean;
  /**
   * True where the stage can go on from the middle of its work: the runner creates
   * `runs/store/resume/<key>`, grants reading and writing it, and passes it as `context.resume`. It
   * outlives kills and failures, belongs to one key and is used by one process at a time; it is
   * removed when the result is published, emptied by `--force`, and swept after 30 days without a
   * change. It is no part of the result, and the result must be the same with it and without: write
   * there whole files or none (write, fsync, rename) and check what you read.
   */
  readonly resumable?: boolean;
  /** Finds what the sources named in the options are right now. */
  readonly resolve?: (context: ResolveContext<z.output<S>>) => Promise<Sources>;
  /** Does the work. Whatever it throws fails the stage; a `UserError` is shown as it is. */
  readonly run: (context: StageContext<z.output<S>>) => Promise<void>;
}

/**
 * Declares a stage; the default export of its file.
 *
 * @example
 * ```ts
 * import { defineStage, z } from "./mod.ts";
 * const stage = defineStage({
 *   doc: "Writes a greeting.",
 *   inputs: {},
 *   output: "texts",
 *   options: z.object({ name: z.string().default("world").describe("whom to greet") }),
 *   async run({ output, options }) {
 *     await Deno.writeTextFile(`${output.path}/generations.jsonl`, JSON.stringify({ text: `hello ${options.name}` }));
 *   },
 * });
 * if (stage.output !== "texts") throw new Error();
 * ```
 */
export function defineStage<S extends z.ZodObject>(
  definition: StageDefinition<S>,
): StageDefinition<S> {
  return definition;
}
