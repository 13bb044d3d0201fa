/**
 * A stage's definition as data: what messages, documentation and checks read of it.
 *
 * Runs in the runner's process for built-in stages and in a process without permissions for own ones.
 *
 * @module
 */
import { isJsonObject, type Json } from "../../base/json.ts";
import { z } from "zod";
import { UserError } from "../../base/errors.ts";
import { parseInputSpec } from "./inputs_spec.ts";
import { type InputSpec, KINDS, type Permissions, type StageDefinition } from "../stage.ts";
import {
  acceptsOthers,
  checkOptions,
  optionNames,
  type OptionsRequest,
  type OptionsResult,
} from "./options.ts";
import { formMistake } from "../schema/permission_forms.ts";
import type { RoleSpec, StageDescription } from "../types.ts";

/** Whose definition it is. */
export interface StageIdentity {
  /** As written after `uses:`. */
  readonly uses: string;
  /** `file:` URL of its module. */
  readonly module: string;
  readonly builtin: boolean;
}

/** A stage's description, and what it says about the options it was asked about. */
export interface DescribedStage {
  readonly description: StageDescription;
  /** In the order of the requests. */
  readonly results: readonly OptionsResult[];
  readonly optionNames: readonly string[];
}

/**
 * Describes the default export of a stage's module and checks options against it.
 *
 * @param value The default export; undefined where the module has none.
 * @param options `identity`: whose it is; `requests`: options to check, an entry for each cell.
 * @returns The description; its `optionsSchema` is made at its first use, which most runs never come to.
 * @throws {UserError} If it is no stage.
 */
export function describeStage(
  value: unknown,
  { identity, requests }: {
    readonly identity: StageIdentity;
    readonly requests: readonly OptionsRequest[];
  },
): DescribedStage {
  const mistake = definitionMistake(value);
  if (mistake !== undefined) throw notAStage(identity.uses, mistake);
  const definition = value as StageDefinition;
  const description = describeDefinition(definition, identity);
  const results = requests.map((request) =>
    checkOptions(definition, request, () => description.optionsSchema)
  );
  return { description, results, optionNames: optionNames(definition) };
}

function describeDefinition(
  definition: StageDefinition,
  identity: StageIdentity,
): StageDescription {
  const inputs: Record<string, RoleSpec> = {};
  for (const [role, spec] of Object.entries(definition.inputs)) {
    inputs[role] = parseRole(identity.uses, role, spec);
  }
  let optionsSchema: Json | undefined;
  return {
    uses: identity.uses,
    module: identity.module,
    builtin: identity.builtin,
    doc: definition.doc,
    version: definition.version ?? 1,
    inputs,
    output: typeof definition.output === "string" ? [definition.output] : definition.kinds ?? KINDS,
    get optionsSchema(): Json {
      return optionsSchema ??= optionsJsonSchema(definition);
    },
    permissions: cleanPermissions(definition.permissions ?? {}),
    compute: definition.compute ?? false,
    cache: definition.cache ?? false,
    resumable: definition.resumable ?? false,
    resolves: definition.resolve !== undefined,
  };
}

/** JSON Schema of a definition's options, as they are written: those with a default may be left out. */
function optionsJsonSchema(definition: StageDefinition): Json {
  const schema = z.toJSONSchema(definition.options, { io: "input", unrepresentable: "any" });
  const { $schema: _, "~standard": __, ...rest } = schema as Record<string, unknown>;
  const closed = acceptsOthers(definition) ? {} : { additionalProperties: false };
  return { ...JSON.parse(JSON.stringify(rest)), ...closed } as Json;
}

/** Drops what asks for nothing, so that equal permissions are written equally. */
export function cleanPermissions(permissions: Permissions): Permissions {
  const { net = [], env = [], read = [], ffi = false } = permissions;
  return {
    ...(net.length > 0 ? { net: [...net] } : {}),
    ...(env.length > 0 ? { env: [...env] } : {}),
    ...(read.length > 0 ? { read: [...read] } : {}),
    ...(ffi ? { ffi } : {}),
  };
}

function parseRole(uses: string, role: string, spec: InputSpec): RoleSpec {
  try {
    return parseInputSpec(role, spec);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { parts } = error;
    throw new UserError({ ...parts, what: `"${uses}" is not a stage: ${parts.what}` });
  }
}

/** What is wrong with a default export, as the end of the sentence "its default export …"; undefined for a stage. */
function definitionMistake(value: unknown): string | undefined {
  if (value === undefined) return "is missing";
  if (!isJsonObject(value)) return "is not what defineStage() returns";
  const definition = value as unknown as Partial<Record<keyof StageDefinition, unknown>>;
  if (typeof definition.doc !== "string" || definition.doc.trim() === "") {
    return "has no `doc`: a sentence on what the stage does";
  }
  if (typeof definition.run !== "function") return "has no function `run`";
  const { inputs, output, options, permissions } = definition;
  if (!isJsonObject(inputs) || Object.values(inputs).some((spec) => typeof spec !== "string")) {
    return 'has no `inputs`: role -> kind, such as { data: "rows" }';
  }
  if (typeof output !== "function" && !KINDS.some((kind) => kind === output)) {
    return `has no \`output\`: one of ${KINDS.join(", ")}`;
  }
  if (!(options instanceof z.ZodObject)) {
    return 'has no `options`: z.object({ … }) with the `z` of "temper"';
  }
  if (permissions !== undefined && permissionsMistake(permissions)) {
    return "has `permissions` that are not { net, env, read: lists of texts; ffi: true or false }";
  }
  return formMistake((permissions ?? {}) as Permissions);
}

function permissionsMistake(permissions: unknown): boolean {
  if (!isJsonObject(permissions)) return true;
  return Object.entries(permissions).some(([name, asked]) => {
    if (asked === undefined) return false;
    if (name === "ffi") return typeof asked !== "boolean";
    if (!["net", "env", "read"].includes(name)) return true;
    return !Array.isArray(asked) || asked.some((item) => typeof item !== "string" || item === "");
  });
}

/** The error for a module that holds no stage. */
function notAStage(uses: string, mistake: string): UserError {
  return new UserError({
    what: `"${uses}" is not a stage: its default export ${mistake}`,
    requirement:
      "a stage's module ends in `export default defineStage({ doc, inputs, output, options, run })`",
  });
}
