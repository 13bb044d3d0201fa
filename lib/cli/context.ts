/**
 * What a command gets from the outside: `main.ts` fills it, tests give their own.
 *
 * @module
 */
import { resolve } from "node:path";
import { UserError } from "../base/errors.ts";
import { pathMistake } from "../base/paths.ts";
import type { Engines } from "../pipeline/run/device.ts";
import type { StageRegistry } from "../pipeline/types.ts";

export type { Engines };

/** A stream that text goes to. */
export interface Output {
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
  /** Size of the window in characters, as it is now; 80 x 24 where there is none. */
  readonly size: () => { readonly columns: number; readonly rows: number };
}

/** A command that is imported when it is called: one pays only for what it needs. */
export interface CommandEntry {
  /** For the list of commands: "run a pipeline". */
  readonly does: string;
  readonly load: () => Promise<Command>;
}

/** The world around a command. */
export interface CommandContext {
  /** Commands beside those of this room, by name: of rooms that this one may not import. */
  readonly commands?: Readonly<Record<string, CommandEntry>>;
  /** The built-in stages. */
  readonly stages: StageRegistry;
  readonly engines: Engines;
  readonly out: Output;
  readonly err: Output;
  /** Folder from which paths on the command line count: where the user called from. */
  readonly cwd: string;
  /** The project's folder, which holds `deno.json` and by default `runs/`. */
  readonly root: string;
  /** Reads an environment variable. */
  readonly env: (name: string) => string | undefined;
}

/** A command's module. */
export interface Command {
  /**
   * Runs the command.
   *
   * @param argv What follows the command's name.
   * @returns The exit code: 0 done, 1 a stage failed, 2 the user's input is wrong, 130 interrupted.
   */
  readonly run: (argv: string[], io: CommandContext) => Promise<number>;
}

/** The folder `runs`: `--runs`, else `TEMPER_RUNS`, else the project's. */
export function runsFolder(io: CommandContext, asked: string | undefined): string {
  const chosen = asked ?? io.env("TEMPER_RUNS");
  return chosen === undefined || chosen === "" ? `${io.root}/runs` : absolute(io, chosen);
}

/**
 * A path of the command line as an absolute one.
 *
 * @throws {UserError} Where no file can have that path.
 */
export function absolute(io: CommandContext, path: string): string {
  const mistake = pathMistake(path);
  if (mistake !== undefined) throw new UserError({ what: `cannot use "${path}": ${mistake}` });
  return resolve(io.cwd, path);
}
