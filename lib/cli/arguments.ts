/**
 * Command-line arguments by commander, with its complaints in this program's words.
 *
 * @module
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { nearest, UserError } from "../base/errors.ts";
import type { CommandContext } from "./context.ts";

export { Option };

/** What a command accepts. */
export interface ArgumentSpec {
  /** As in `deno task NAME`. */
  readonly name: string;
  readonly description: string;
  /** `<file>` or `[name]`: required or optional, with what it is. */
  readonly operands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly Option[];
  /** Printed below the options. */
  readonly examples?: string;
}

/** What was given. */
export interface Arguments {
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Takes arguments apart.
 *
 * @param argv What follows the command's name.
 * @param options `spec`: what is accepted; `io`: where `--help` goes.
 * @returns undefined where help was asked for and printed.
 * @throws {UserError} For what is not accepted, with the nearest option.
 */
export function parseArguments(
  argv: readonly string[],
  { spec, io }: { readonly spec: ArgumentSpec; readonly io: CommandContext },
): Arguments | undefined {
  const command = new Command(`deno task ${spec.name}`)
    .description(spec.description)
    .helpOption("-h, --help", "show this")
    .exitOverride()
    .configureOutput({
      writeOut: io.out.write,
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(100, io.out.size().columns),
    });
  for (const operand of spec.operands) command.argument(operand.name, operand.description);
  for (const option of spec.options) command.addOption(option);
  if (spec.examples !== undefined) command.addHelpText("after", `\n${spec.examples}`);
  try {
    command.parse([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return undefined;
    throw inOurWords(error, spec);
  }
  return { operands: command.args, options: command.opts() };
}

function inOurWords(error: CommanderError, spec: ArgumentSpec): UserError {
  const remedy = `deno task ${spec.name} --help shows what it takes`;
  const message = error.message.replace(/^error: /, "");
  if (error.code === "commander.unknownOption") {
    const given = /'([^']*)'/.exec(message)?.[1] ?? message;
    const names = spec.options.map((option) => option.long ?? option.short ?? "");
    const parts = { what: `unknown option "${given}"`, nearest: nearest(given, names), remedy };
    return new UserError(parts);
  }
  if (error.code === "commander.missingArgument") {
    const name = /'([^']*)'/.exec(message)?.[1] ?? "argument";
    const operand = spec.operands.find((each) => each.name.includes(name));
    return new UserError({
      what: `deno task ${spec.name} needs ${operand?.name ?? name}`,
      ...(operand === undefined ? {} : { requirement: `${operand.name}: ${operand.description}` }),
      remedy,
    });
  }
  return new UserError({ what: message, remedy });
}

/** For `--jobs`: a whole number from 1. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError("It must be a whole number from 1.");
  }
  return value;
}

/** For options that may be given several times. */
export function collect(text: string, before: unknown): string[] {
  return [...(Array.isArray(before) ? before as string[] : []), text];
}

/** For options that may be given once: of two values one would be passed over without a word. */
export function once(text: string, before: unknown): string {
  if (before !== undefined) {
    throw new InvalidArgumentError(`It was given before, as '${before}'.`);
  }
  return text;
}
