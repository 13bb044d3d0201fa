/**
 * `deno task stages`: documents every stage, or one.
 *
 * @module
 */
import { jsonForTerminal, visibleLine } from "../base/outside/text.ts";
import { firstLine } from "../pipeline/definition/editor.ts";
import { askStage, isOwnStage, unknownStage } from "../pipeline/file/stage_definitions.ts";
import type { StageDescription } from "../pipeline/types.ts";
import { Option, parseArguments } from "./arguments.ts";
import type { CommandContext } from "./context.ts";
import { stagePage } from "./stage_page.ts";

/**
 * Prints what stages there are, or all about one.
 *
 * @param argv What follows `stages`.
 * @param io The world around the command.
 * @returns 0.
 * @throws {UserError} For a stage that does not exist or cannot be loaded, and for arguments that are not accepted.
 */
export async function run(argv: string[], io: CommandContext): Promise<number> {
  const given = parseArguments(argv, {
    io,
    spec: {
      name: "stages",
      description: "Documents every stage, or one: its inputs, its output and its options.",
      operands: [{
        name: "[name]",
        description: "a built-in stage, or a file such as ./my_stage.ts",
      }],
      options: [new Option("--json", "print the descriptions as JSON")],
    },
  });
  if (given === undefined) return 0;
  const [name] = given.operands;
  const isJson = given.options.json === true;
  if (name === undefined) {
    const descriptions = await Promise.all(
      Object.keys(io.stages).map((uses) => describe(uses, io)),
    );
    io.out.write(isJson ? json(descriptions) : list(descriptions));
    return 0;
  }
  const description = await describe(stageName(name, io), io);
  io.out.write(isJson ? json(description) : stagePage(description, io.out.size().columns));
  return 0;
}

/** On the command line `my_stage.ts` can only mean the file. */
function stageName(name: string, io: CommandContext): string {
  if (isOwnStage(name) || Object.hasOwn(io.stages, name)) return name;
  if (/^[^:]+\.[cm]?[jt]s$/.test(name)) return `./${name}`;
  throw unknownStage(name, Object.keys(io.stages));
}

async function describe(uses: string, io: CommandContext): Promise<StageDescription> {
  const options = { registry: io.stages, baseDir: io.cwd, project: io.root, standalone: true };
  return (await askStage(uses, [], options)).description;
}

function list(descriptions: readonly StageDescription[]): string {
  const width = Math.max(0, ...descriptions.map(({ uses }) => uses.length));
  const lines = descriptions.map(({ uses, doc }) =>
    `${uses.padEnd(width)}  ${visibleLine(firstLine(doc))}`
  );
  return `${lines.join("\n")}\n\ndeno task stages NAME documents one of them.\n`;
}

function json(value: StageDescription | readonly StageDescription[]): string {
  return jsonForTerminal(value, 2) + "\n";
}
