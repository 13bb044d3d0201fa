/**
 * A project in a temporary folder with small stages of its own, and ways to run it: in this process,
 * or in one that can be killed.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { fileUrl } from "../../lib/base/paths.ts";
import { main } from "../../lib/cli/mod.ts";
import type { CommandContext } from "../../lib/cli/context.ts";
import type { RunEvent, StageFailure } from "../../lib/pipeline/run/events.ts";
import type { StageDefinition } from "../../lib/pipeline/stage.ts";
import type { StageRegistry } from "../../lib/pipeline/types.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** The repository. */
export const ROOT: string = resolve(import.meta.dirname!, "../..");

/** Writes a text; can fail, linger, die, or write nothing. */
const MAKE = `import { defineStage, UserError, z } from "temper";
export default defineStage({
  doc: "Writes a text.",
  inputs: {},
  output: "texts",
  options: z.object({
    text: z.string().default("text"),
    what: z.enum(["write", "throw", "user", "nothing", "exit", "die", "wrong", "full"]).default("write"),
    linger: z.number().default(0),
    busy: z.number().default(0),
  }),
  async run({ output, options, seed, progress, log, summary, signal }) {
    log("made with seed " + seed);
    const end = Date.now() + options.linger;
    while (Date.now() < end) {
      progress(options.linger - (end - Date.now()), options.linger, "ms");
      await new Promise((go) => setTimeout(go, 20));
      signal.throwIfAborted();
    }
    const idle = Date.now() + options.busy;
    while (Date.now() < idle);
    switch (options.what) {
      case "throw": throw new Error("it broke");
      case "user": throw new UserError({ what: "the text is bad", remedy: "write a better one" });
      case "full": throw new Error("cannot go on", {
        cause: Object.assign(new Error("No space left on device"), { code: "ENOSPC" }),
      });
      case "exit": Deno.exit(0); break;
      case "die": console.error("last words"); Deno.exit(7); break;
      case "nothing": return;
      case "wrong": return await Deno.writeTextFile(output.path + "/other.txt", "");
    }
    summary({ type: "figure", label: "length", value: options.text.length });
    await Deno.writeTextFile(output.path + "/generations.jsonl", options.text);
  },
});
`;

/** Joins what it reads; \`first\` keeps the first character alone, so that many inputs come to the same. */
const JOIN = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Joins texts.",
  inputs: { data: "texts[]" },
  output: "texts",
  options: z.object({ first: z.boolean().default(false), linger: z.number().default(0) }),
  async run({ lists, output, options }) {
    await new Promise((go) => setTimeout(go, options.linger));
    const texts = await Promise.all(
      lists.data.map(({ path }) => Deno.readTextFile(path + "/generations.jsonl")),
    );
    const all = texts.map((text) => options.first ? text.slice(0, 1) : text).join("+");
    await Deno.writeTextFile(output.path + "/generations.jsonl", all);
  },
});
`;

/** Says which engine it computes on, with how many threads, and when. */
const COMPUTE = `import { defineStage, z } from "temper";
export default defineStage({
  doc: "Pretends to compute.",
  inputs: { data: "texts[]?" },
  output: "texts",
  compute: true,
  options: z.object({ name: z.string().default("") }),
  async run({ output, device, threads }) {
    const started = Date.now();
    await new Promise((go) => setTimeout(go, 150));
    await Deno.writeTextFile(
      output.path + "/generations.jsonl",
      JSON.stringify({ device, threads, started, ended: Date.now() }),
    );
  },
});
`;

/** A project of a test. */
export interface Project extends AsyncDisposable {
  readonly folder: string;
  readonly runs: string;
  /** Writes a file of the project. */
  write(name: string, text: string): Promise<void>;
  /** Runs a command in this process. `run FILE` gets `--json`, so that its events can be read. */
  temper(args: readonly string[], options?: TemperOptions): Promise<Outcome>;
  /** Starts a command in a process of its own; `make` and `join` are there as `./make.ts`, `./join.ts`. */
  spawn(args: readonly string[], env?: Readonly<Record<string, string>>): Deno.ChildProcess;
  /** Content of a stage's artifact in the newest run. */
  result(stage: string, file?: string): Promise<string>;
}

/** What a command left. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly events: readonly RunEvent[];
  /** Stage -> how it ended. */
  readonly outcomes: Readonly<Record<string, string>>;
  /** Stage -> why it ran. */
  readonly reasons: Readonly<Record<string, readonly string[]>>;
  readonly failures: Readonly<Record<string, StageFailure>>;
  readonly notes: readonly string[];
}

/** The world around a command. */
export interface TemperOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly context?: Partial<CommandContext>;
}

/** Makes a project with the stages \`make\`, \`join\` and \`compute\`, as built-in ones and as files. */
export async function project(files: Readonly<Record<string, string>> = {}): Promise<Project> {
  const folder = await temporaryDirectory();
  const runs = join(folder, "runs");
  const write = (name: string, text: string): Promise<void> =>
    Deno.writeTextFile(join(folder, name), text);
  for (const [name, text] of Object.entries({ ...STAGES, ...files })) await write(name, text);
  return {
    folder,
    runs,
    write,
    temper: (args, options = {}) => temper(folder, args, options),
    spawn: (args, env = {}) =>
      new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-P=runner",
          "--config",
          join(ROOT, "deno.json"),
          "--no-check",
          "--quiet",
          join(ROOT, "main.ts"),
          ...args,
        ],
        cwd: folder,
        env: { NO_COLOR: "1", TEMPER_RUNS: runs, INIT_CWD: folder, ...env },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    result: (stage, file = "generations.jsonl") =>
      Deno.readTextFile(join(runs, "latest", "artifacts", stage, file)),
    [Symbol.asyncDispose]: async () => {
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const STAGES = { "make.ts": MAKE, "join.ts": JOIN, "compute.ts": COMPUTE };

/** The project's stages as built-in ones. */
export function registryOf(folder: string, names: readonly string[]): StageRegistry {
  return Object.fromEntries(names.map((name) => {
    const module = fileUrl(join(folder, `${name}.ts`));
    const load = async (): Promise<StageDefinition> => (await import(module)).default;
    return [name, { module, load }];
  }));
}

async function temper(
  folder: string,
  args: readonly string[],
  { env = {}, context = {} }: TemperOptions,
): Promise<Outcome> {
  let out = "";
  let err = "";
  const size = (): { columns: number; rows: number } => ({ columns: 100, rows: 24 });
  const argv = args[0] === "run" && !args.includes("--dry-run") ? [...args, "--json"] : args;
  const at = (arg: string): string => /\.ya?ml$/.test(arg) ? join(folder, arg) : arg;
  const code = await main(argv.map(at), {
    stages: registryOf(folder, ["make", "join", "compute"]),
    engines: {
      choose: (asked) =>
        Promise.resolve({
          device: asked === "auto" ? "wasm" : asked,
          why: `${asked} was asked for`,
        }),
      needs: () => Promise.resolve({ read: [], ffi: [], environment: {} }),
      threadModules: [],
    },
    out: { write: (text) => void (out += text), isTerminal: false, size },
    err: { write: (text) => void (err += text), isTerminal: false, size },
    cwd: folder,
    root: ROOT,
    env: (name) => ({ TEMPER_RUNS: join(folder, "runs"), ...env })[name],
    ...context,
  });
  const events = out.split("\n").flatMap((line): RunEvent[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  return { code, out, err, ...digest(events) };
}

/** What a run's events come to. */
export function digest(events: readonly RunEvent[]): Omit<Outcome, "code" | "out" | "err"> {
  const outcomes: Record<string, string> = {};
  const reasons: Record<string, readonly string[]> = {};
  const failures: Record<string, StageFailure> = {};
  const notes: string[] = [];
  for (const event of events) {
    if (event.type === "stage_start") reasons[event.stage] = event.reasons;
    if (event.type === "note") notes.push(event.text);
    if (event.type !== "stage_end") continue;
    outcomes[event.stage] = event.outcome;
    if (event.failure !== undefined) failures[event.stage] = event.failure;
  }
  return { events, outcomes, reasons, failures, notes };
}
