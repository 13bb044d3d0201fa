/**
 * The pipeline after loading and before running: plain data, every node with its place in the file.
 *
 * `load` makes a {@linkcode Pipeline}; `plan` and `execute` only read it.
 *
 * @module
 */
import type { Json } from "../base/json.ts";
import type { Location } from "../base/errors.ts";
import type { Kind, Permissions, StageDefinition } from "./stage.ts";

/** An {@linkcode InputSpec} after parsing. */
export interface RoleSpec {
  readonly kinds: readonly Kind[];
  readonly optional: boolean;
  /** True for `kind[]`: any number of artifacts. */
  readonly many: boolean;
}

/** A stage's definition as data: what of it survives the way out of a sandboxed process. */
export interface StageDescription {
  /** As written after `uses:`. */
  readonly uses: string;
  /** `file:` URL of the module whose default export is the definition. */
  readonly module: string;
  readonly builtin: boolean;
  readonly doc: string;
  readonly version: number;
  readonly inputs: Readonly<Record<string, RoleSpec>>;
  /** Every kind it may put out; one unless the options decide. */
  readonly output: readonly Kind[];
  /** JSON Schema (2020-12) of the options, `default` and `description` in each property. */
  readonly optionsSchema: Json;
  readonly permissions: Permissions;
  readonly compute: boolean;
  /** Whether it keeps files between runs. */
  readonly cache: boolean;
  /** Whether it goes on, after a kill, from what it kept. */
  readonly resumable: boolean;
  /** Whether it has a `resolve`. */
  readonly resolves: boolean;
  /** Digest of the code that said all this, where it is known; own stages alone. */
  readonly code?: string | undefined;
}

/** Where built-in stages are found: name -> module and a lazy import. `stages/mod.ts` fills it. */
export type StageRegistry = Readonly<
  Record<string, { readonly module: string; readonly load: () => Promise<StageDefinition> }>
>;

/** One stage of a loaded pipeline: a cell where it came from a matrix. */
export interface StageNode {
  /** `tuned`, or `tuned@learning_rate=1e-5` for a cell. Unique. */
  readonly id: string;
  /** The name in the file: `tuned`. */
  readonly name: string;
  /** The matrix values of this cell; empty without a matrix. */
  readonly cell: Readonly<Record<string, Json>>;
  readonly description: StageDescription;
  /** Role -> ids of the stages it reads. One id for a single role; any number for `many`. */
  readonly inputs: Readonly<Record<string, readonly string[]>>;
  /** Validated, with defaults. */
  readonly options: Readonly<Record<string, Json>>;
  /** What kind it puts out with these options. */
  readonly output: Kind;
  /** What the pipeline's author grants an own stage; a built-in gets what it declares. */
  readonly permissions: Permissions;
  /** Milliseconds after which it is stopped; undefined for no limit. */
  readonly timeout: number | undefined;
  readonly at: Location;
}

/** A pipeline that was found correct. */
export interface Pipeline {
  /** Absolute path of the YAML file. */
  readonly file: string;
  readonly name: string;
  readonly seed: number;
  readonly params: Readonly<Record<string, Json>>;
  /** In topological order: a stage comes after all that it reads. */
  readonly stages: readonly StageNode[];
  readonly schedule: Schedule | undefined;
}

/** When a pipeline is to run by itself. */
export interface Schedule {
  /** Five-field cron expression. */
  readonly cron: string;
  /** IANA time zone; UTC where absent. */
  readonly timezone: string;
  readonly overlap: "skip" | "queue" | "cancel";
  readonly catch_up: "none" | "latest" | "all";
}
