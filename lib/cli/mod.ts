/**
 * The command line: finds the command, and is the one place where an error becomes text and an exit
 * code.
 *
 * @module
 */
import { formatUserError, nearest, UserError, UserErrors } from "../errors.ts";
import type { Command, CommandContext } from "./context.ts";

interface Entry {
  readonly does: string;
  /** Imported when called: a command pays only for what it needs. */
  readonly load: () => Promise<Command>;
}

/** Every command. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  run: { does: "run a pipeline", load: () => import("./run.ts") },
  plan: {
    does: "say what a run would do and why, without doing it",
    load: () => import("./plan.ts"),
  },
  stages: { does: "document every stage, or one", load: () => import("./stages.ts") },
  schema: { does: "print the JSON Schema of a pipeline file", load: () => import("./schema.ts") },
};

/**
 * Runs `temper ARGV`.
 *
 * @param argv The command's name and what follows it.
 * @param io The world around it.
 * @returns The exit code.
 */
export async function main(argv: readonly string[], io: CommandContext): Promise<number> {
  try {
    const [name, ...rest] = argv;
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      io.out.write(usage());
      return 0;
    }
    const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (entry === undefined) {
      throw new UserError({
        what: `unknown command "${name}"`,
        nearest: nearest(name, Object.keys(COMMANDS)),
        requirement: `commands: ${Object.keys(COMMANDS).join(", ")}`,
      });
    }
    const command = await entry.load();
    return await command.run(rest, io);
  } catch (error) {
    return report(error, argv.includes("--json"), io);
  }
}

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(([name, { does }]) =>
    `  deno task ${name.padEnd(width)}  ${does}`
  );
  return `Temper fine-tunes text models from one YAML file.\n\n${lines.join("\n")}\n\n` +
    "Each takes --help and --json.\n";
}

/** A user's mistake is told without a stack; a fault of the program with one, and an apology. */
function report(error: unknown, json: boolean, io: CommandContext): number {
  const errors = error instanceof UserErrors
    ? error.errors
    : error instanceof UserError
    ? [error]
    : undefined;
  if (errors === undefined) {
    const stack = error instanceof Error ? error.stack ?? error.message : String(error);
    if (json) {
      const what = error instanceof Error ? error.message : String(error);
      io.out.write(JSON.stringify({ type: "error", internal: true, errors: [{ what }] }) + "\n");
    }
    io.err.write(
      `Sorry, this is a fault of Temper, not yours. Please report what follows.\n${stack}\n`,
    );
    return 1;
  }
  if (json) {
    const parts = errors.map(({ parts: { cause: _, ...rest } }) => rest);
    io.out.write(JSON.stringify({ type: "error", errors: parts }) + "\n");
  } else {
    io.err.write(errors.map(formatUserError).join("\n\n") + "\n");
  }
  return 2;
}
