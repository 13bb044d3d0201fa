/**
 * The documentation of one stage as a page for the terminal.
 *
 * @module
 */
import { indented, visible, visibleValue } from "../base/outside/text.ts";
import { shownPermissions } from "../pipeline/schema/permission_forms.ts";
import { roleWords } from "../pipeline/definition/inputs_spec.ts";
import { formatLabel } from "../pipeline/schema/value_words.ts";
import { type JsonSchema, schemaWords } from "../pipeline/schema/words.ts";
import type { StageDescription } from "../pipeline/types.ts";

const INDENT = "  ";
/** Wider lines are hard to read. */
const MAX_WIDTH = 100;

/**
 * Writes the page.
 *
 * @param description The stage.
 * @param columns Width of the terminal in characters.
 * @returns The page, with a line break at its end.
 */
export function stagePage(described: StageDescription, columns: number): string {
  // An own stage's author wrote it, and whoever reads it decides by it what to grant: no line of his
  // text may look like the head of a section.
  const description: StageDescription = {
    ...visibleValue(described, (name) => name === "doc"),
    doc: described.builtin ? described.doc : indented(visible(described.doc)),
    permissions: shownPermissions(described.permissions),
  };
  const width = Math.max(40, Math.min(columns, MAX_WIDTH));
  const { uses, doc, inputs, output, permissions } = description;
  const parts = [`${uses}\n\n${doc.trim()}`];

  const roles = Object.entries(inputs).map(([role, spec]) => [role, roleWords(spec)] as const);
  parts.push(`Inputs\n${roles.length === 0 ? `${INDENT}none` : table(roles, width)}`);
  parts.push(`Output\n${INDENT}${output.join(" or ")}`);

  const schema = description.optionsSchema as JsonSchema;
  const options = optionRows(schema, "");
  parts.push(`Options\n${options.length === 0 ? `${INDENT}none` : optionTable(options, width)}`);

  // One a line: a comma or a space in one of them can't make it look like two.
  const asked = Object.entries(permissions).flatMap(([name, value]) =>
    Array.isArray(value)
      ? value.map((item: string, i) => [i === 0 ? name : "", item] as const)
      : [[name, String(value)] as const]
  );
  if (asked.length > 0) parts.push(`Permissions\n${exactTable(asked)}`);
  return `${parts.join("\n\n")}\n`;
}

interface OptionRow {
  readonly name: string;
  readonly type: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** The options, those inside of a mapping below it as `mapping.key`. */
function optionRows(schema: JsonSchema, prefix: string): OptionRow[] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([key, option]) => {
    const name = prefix + key;
    const inner = mappingIn(option);
    return [{
      name,
      type: inner === undefined ? schemaWords(option) : schemaWords(outline(option)),
      fallback: option.default !== undefined
        ? `default ${option.default === "" ? '""' : formatLabel(option.default)}`
        : required.has(key)
        ? "required"
        : "optional",
      meaning: option.description ?? "",
    }, ...(inner === undefined ? [] : optionRows(inner, `${name}.`))];
  });
}

/** The mapping with known keys that an option is or may be. */
function mappingIn(schema: JsonSchema): JsonSchema | undefined {
  const candidates = schema.anyOf ?? schema.oneOf ?? [schema];
  const mappings = candidates.filter(({ properties }) => properties !== undefined);
  return mappings.length === 1 ? mappings[0] : undefined;
}

/** A schema without the keys of its mappings: they have lines of their own. */
function outline(schema: JsonSchema): JsonSchema {
  const { properties: _, additionalProperties: __, ...rest } = schema;
  return {
    ...rest,
    ...(schema.anyOf === undefined ? {} : { anyOf: schema.anyOf.map(outline) }),
    ...(schema.oneOf === undefined ? {} : { oneOf: schema.oneOf.map(outline) }),
  };
}

/** Each option: its name, type and default on a line, aligned; its meaning below. */
function optionTable(rows: readonly OptionRow[], width: number): string {
  const nameWidth = Math.max(...rows.map(({ name }) => name.length));
  const pad = INDENT.length + nameWidth + 2;
  return rows.map(({ name, type, fallback, meaning }) => {
    const head = wrap(`${type}, ${fallback}`, width - pad);
    const body = meaning === "" ? [] : wrap(meaning, width - pad);
    const [first = "", ...rest] = [...head, ...body];
    return [
      `${INDENT}${name.padEnd(nameWidth)}  ${first}`,
      ...rest.map((line) => " ".repeat(pad) + line),
    ].join("\n");
  }).join("\n");
}

function table(rows: readonly (readonly [string, string])[], width: number): string {
  const nameWidth = Math.max(...rows.map(([name]) => name.length));
  const pad = INDENT.length + nameWidth + 2;
  return rows.map(([name, text]) => {
    const [first = "", ...rest] = wrap(text, width - pad);
    return [
      `${INDENT}${name.padEnd(nameWidth)}  ${first}`,
      ...rest.map((line) => " ".repeat(pad) + line),
    ].join("\n");
  }).join("\n");
}

/** Names in full, each on its line: a break within one would make it another. */
function exactTable(rows: readonly (readonly [string, string])[]): string {
  const nameWidth = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${INDENT}${name.padEnd(nameWidth)}  ${text}`).join("\n");
}

/** Breaks a text at spaces. A word that is longer than the line keeps its line. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (line !== "" && line.length + 1 + word.length > Math.max(20, width)) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
