/**
 * What planning and running need of the world around the stages.
 *
 * @module
 */
import type { Store } from "../../store/mod.ts";
import type { Lockfile } from "../key/lockfile.ts";
import type { Pipeline, StageRegistry } from "../types.ts";
import type { DeviceChoice, Engines } from "./device.ts";
import type { RunEvent } from "./events.ts";
import type { Selection } from "./selection.ts";

/** What it takes to say what a run would do. */
export interface PlanContext {
  readonly pipeline: Pipeline;
  readonly selection: Selection;
  readonly registry: StageRegistry;
  readonly store: Store;
  /** Absolute folder with `deno.json`. */
  readonly project: string;
  /** Absolute folder of the pipeline file. */
  readonly baseDir: string;
  readonly lockfile: Lockfile;
  /** The engine of this run; asked only where a stage computes. */
  readonly device: () => Promise<DeviceChoice>;
  /** Modules of Temper's own that threads run: nothing imports them by name. */
  readonly threadModules: readonly string[];
  readonly update: boolean;
  readonly offline: boolean;
  /** Aborted by the first Ctrl-C: stop politely. */
  readonly signal: AbortSignal;
}

/** What it takes to run. */
export interface RunContext extends PlanContext {
  readonly engines: Engines;
  /** Stages at once. */
  readonly jobs: number;
  /** Cores of the machine. */
  readonly cores: number;
  /** The words of the command line, for the record. */
  readonly command: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  /** Aborted by the second Ctrl-C: stop at once. */
  readonly kill: AbortSignal;
  readonly listen: (event: RunEvent) => void;
}
