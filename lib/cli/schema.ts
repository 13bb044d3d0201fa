/**
 * `deno task schema`: the JSON Schema of pipeline files, for editors.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "../base/errors.ts";
import { pipelineJsonSchema } from "../pipeline/definition/editor.ts";
import { Option, parseArguments } from "./arguments.ts";
import type { CommandContext } from "./context.ts";

/** Where the schema is checked in, from the project's folder. */
export const SCHEMA_FILE = "pipelines/pipeline.schema.json";

/**
 * Prints the schema, or writes it where editors look for it.
 *
 * @param argv What follows `schema`.
 * @param io The world around the command.
 * @returns 0.
 * @throws {UserError} For arguments that are not accepted, or where the file cannot be written.
 */
export async function run(argv: string[], io: CommandContext): Promise<number> {
  const given = parseArguments(argv, {
    io,
    spec: {
      name: "schema",
      description: "Prints the JSON Schema of a pipeline file, for editors.",
      operands: [],
      options: [
        new Option("--write", `write it to ${SCHEMA_FILE} instead`),
        new Option("--json", "print it as JSON, which it is anyway"),
      ],
      examples: "In a pipeline file: # yaml-language-server: $schema=./pipeline.schema.json",
    },
  });
  if (given === undefined) return 0;
  const text = JSON.stringify(await pipelineJsonSchema(io.stages), undefined, 2) + "\n";
  if (given.options.write !== true) {
    io.out.write(text);
    return 0;
  }
  const file = join(io.root, SCHEMA_FILE);
  try {
    await Deno.writeTextFile(`${file}.tmp`, text);
    await Deno.rename(`${file}.tmp`, file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UserError({ what: `cannot write "${file}": ${why}`, cause: error });
  }
  io.err.write(`wrote ${SCHEMA_FILE}\n`);
  return 0;
}
