/**
 * Fuzzing as parts of `deno task torture`: a case is a batch of inputs that fast-check draws from its seed.
 *
 * A batch runs in a process of its own (`child.ts`), because nothing else can stop a reader that runs in
 * circles or fills the memory. The process says before each input that it begins; where it falls silent it
 * is killed, and the input is drawn again here to be shown.
 *
 * @module
 */
import fc from "fast-check";
import { fileURLToPath } from "node:url";
import { UserError, UserErrors } from "../../../lib/base/errors.ts";
import type { Part } from "../part.ts";

/** Levels of nesting that inputs stay below. */
export const MAX_LEVELS = 20_000;

/**
 * Whether a name may stand in JSON that is to be read back. V8 15.0 (not 11) reads a name with an escape
 * as one with a backslash that it met before: after `{"a":0,"\\\\":1}` was parsed, `{"a":0,"\\n":1}` has
 * the name of the former. Nothing that calls `JSON.parse` can help it.
 */
export function isUsableName(name: string): boolean {
  return !name.includes("\\");
}

/** What is drawn, and what has to hold for all of it. */
export interface Fuzz<T> {
  readonly name: string;
  /** In a sentence; the number of inputs is added. */
  readonly promise: string;
  /** Inputs of one case. */
  readonly perCase: number;
  /** Inputs in the suite and by hand; multiples of `perCase`. */
  readonly inputs: { readonly short: number; readonly long: number };
  readonly arbitrary: fc.Arbitrary<T>;
  /**
   * Throws where the promise is broken.
   *
   * @param folder An empty folder of the batch.
   */
  readonly check: (input: T, folder: string) => void | Promise<void>;
}

/** How a batch is watched. */
export interface Watching {
  /** Milliseconds without a word after which the process is killed; default 60,000. */
  readonly silence?: number;
  /** MB that the heap of its process may have; default 1,024. */
  readonly memory?: number;
}

/**
 * Makes a part of a fuzz.
 *
 * @param module URL of the file that exports the same as `fuzz`.
 */
export function fuzzPart<T>(fuzz: Fuzz<T>, module: string, watching: Watching = {}): Part {
  const { name, promise, perCase, inputs: { short, long } } = fuzz;
  return {
    name,
    promise: `${promise} (${perCase} inputs a case)`,
    cases: { short: short / perCase, long: long / perCase },
    async run({ seed, folder }): Promise<string> {
      await runBatch(fuzz, { module, seed, folder, ...watching });
      return `${perCase} inputs`;
    },
  };
}

/** The line that the process writes before each input. */
export const BEGIN = "begin";

async function runBatch<T>(
  fuzz: Fuzz<T>,
  { module, seed, folder, silence = 60_000, memory = 1024 }: Watching & {
    readonly module: string;
    readonly seed: number;
    readonly folder: string;
  },
): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-P=test", "--no-check", "--quiet", `--v8-flags=--max-old-space-size=${memory}`],
      ...["--config", fileURLToPath(import.meta.resolve("../../../deno.json"))],
      ...[fileURLToPath(import.meta.resolve("./child.ts")), module, String(seed), folder],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let begun = 0;
  let silent = false;
  const stop = (): void => {
    silent = true;
    child.kill("SIGKILL");
  };
  let timer = setTimeout(stop, silence);
  const stderr = new Response(child.stderr).text();
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    clearTimeout(timer);
    begun += chunk.split("\n").length - 1;
    timer = setTimeout(stop, silence);
  }
  clearTimeout(timer);
  const { success, signal } = await child.status;
  const said = await stderr;
  if (success) return;
  const place = `${fuzz.name}, seed ${seed}, input ${begun}`;
  // A failure that was told has its input, made smaller, in what the process said.
  if (!silent && said.includes("Property failed")) throw new Error(`${place}\n${said}`);
  const input = fc.sample(fuzz.arbitrary, { seed, numRuns: fuzz.perCase })[begun - 1];
  const why = silent ? `no word in ${silence} ms` : `its process died (${signal ?? "it ended"})`;
  throw new Error(`${place}: ${why}: ${shown(input)}\n${said.slice(-2000)}`);
}

function shown(input: unknown): string {
  const text = fc.stringify(input);
  return text.length > 4000 ? `${text.slice(0, 4000)}…` : text;
}

/** What a call came to: a value, or the mistakes that it told. */
export type Told<T> =
  | { readonly value: T; readonly errors?: undefined }
  | { readonly value?: undefined; readonly errors: readonly UserError[] };

/**
 * Calls something that may refuse its input.
 *
 * @param options `rough`: words of a package may stand in the message as they are.
 * @throws Where it throws anything but mistakes of a user, or mistakes without a sentence.
 */
export async function told<T>(
  call: () => T | Promise<T>,
  { rough = false } = {},
): Promise<Told<T>> {
  try {
    return { value: await call() };
  } catch (error) {
    const errors = error instanceof UserErrors
      ? error.errors
      : error instanceof UserError
      ? [error]
      : undefined;
    if (errors === undefined || errors.length === 0) throw error;
    for (const { message, parts } of errors) {
      const { what, at } = parts;
      const senseless = rough ? /^Internal error/ : /^Internal error|\[object |Error: $/;
      if (what.trim() === "" || senseless.test(message)) {
        throw new Error(`this tells nothing: ${message}`, { cause: error });
      }
      if (at !== undefined && !(at.line >= 1 && at.column >= 1 && (at.length ?? 1) >= 1)) {
        throw new Error(`a place that does not exist: ${JSON.stringify(at)}`, { cause: error });
      }
    }
    return { errors };
  }
}
