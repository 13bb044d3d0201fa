/**
 * The command line: finds the command, and is the one place where an error becomes text and an exit
 * code.
 *
 * @module
 */
import { formatUserError, nearest, UserError, UserErrors } from "../base/errors.ts";
import {
  jsonForTerminal,
  visible,
  visibleKeepingTabs,
  visibleWithCodes,
} from "../base/outside/text.ts";
import { keepSecretsOf, withoutSecrets } from "../base/outside/secrets.ts";
import { systemRefusal } from "../store/mod.ts";
import type { CommandContext, CommandEntry, Output } from "./context.ts";

/** The commands of this room. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
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
 * @param world The world around it.
 * @returns The exit code.
 */
export async function main(argv: readonly string[], world: CommandContext): Promise<number> {
  keepSecretsOf(Deno.env.toObject());
  const io = { ...world, out: cleaned(world.out), err: cleaned(world.err) };
  const commands = { ...COMMANDS, ...io.commands };
  try {
    const [name, ...rest] = argv;
    if (name === undefined || name === "--help" || name === "-h" || name === "help") {
      io.out.write(usage(commands));
      return 0;
    }
    const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (entry === undefined) {
      throw new UserError({
        what: `unknown command "${name}"`,
        nearest: nearest(name, Object.keys(commands)),
        requirement: `commands: ${Object.keys(commands).join(", ")}`,
      });
    }
    const command = await entry.load();
    return await command.run(rest, io);
  } catch (error) {
    return report(error, argv.includes("--json"), io);
  }
}

/**
 * The last line of defence: what reaches a terminal was made visible where it entered, and whatever
 * slipped by is here. A terminal gets the program's own colours and movements beside it. No secret
 * passes.
 */
function cleaned(output: Output): Output {
  const clean = output.isTerminal ? visibleWithCodes : visibleKeepingTabs;
  return { ...output, write: (text) => output.write(clean(withoutSecrets(text))) };
}

function usage(commands: Readonly<Record<string, CommandEntry>>): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { does }]) =>
    `  deno task ${name.padEnd(width)}  ${does}`
  );
  return `Temper fine-tunes text models from one YAML file.\n\n${lines.join("\n")}\n\n` +
    "Each takes --help and --json.\n";
}

/** A user's mistake is told without a stack; a fault of the program with one, and an apology. */
function report(thrown: unknown, json: boolean, io: CommandContext): number {
  const error = systemRefusal(thrown) ?? thrown;
  const errors = error instanceof UserErrors
    ? error.errors
    : error instanceof UserError
    ? [error]
    : undefined;
  if (errors === undefined) {
    const stack = error instanceof Error ? error.stack ?? error.message : String(error);
    if (json) {
      const what = error instanceof Error ? error.message : String(error);
      io.out.write(jsonForTerminal({ type: "error", internal: true, errors: [{ what }] }) + "\n");
    }
    io.err.write(
      `Sorry, this is a fault of Temper, not yours. Please report what follows.\n${
        visible(stack)
      }\n`,
    );
    return 1;
  }
  if (json) {
    const parts = errors.map(({ parts: { cause: _, ...rest } }) => rest);
    io.out.write(jsonForTerminal({ type: "error", errors: parts }) + "\n");
  } else {
    io.err.write(errors.map(formatUserError).join("\n\n") + "\n");
  }
  return 2;
}
