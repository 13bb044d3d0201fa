/**
 * The architecture of a model from scratch, `config`, and what of a loaded model's may be replaced,
 * `config_overrides`: the fields of config.json that the architectures declare, and no others.
 *
 * @module
 */
import { z } from "zod";
import { acrossOptions } from "../../base/across_options.ts";
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";
import type { Architecture } from "../../models/architecture.ts";
import { isShare } from "../../models/config.ts";
import { ARCHITECTURES } from "../../models/registry.ts";
import type { Rule } from "./rule.ts";

const MODEL_TYPES = ARCHITECTURES.map(({ modelType }) => modelType);

/** What a model from scratch takes over from its tokenizer. */
const OF_TOKENIZER = ["vocab_size", "bos_token_id", "eos_token_id", "pad_token_id"];

const token = z.int().min(0);

/** A field of one or several architectures. */
interface Field {
  readonly owner: Architecture;
  readonly schema: z.ZodDefault;
}

/** Every field that any architecture has. */
function fieldsByName(): Map<string, Field[]> {
  const fields = new Map<string, Field[]>();
  for (const owner of ARCHITECTURES) {
    for (const [name, schema] of Object.entries(owner.config.shape)) {
      if (!(schema instanceof z.ZodDefault)) continue;
      fields.set(name, [...fields.get(name) ?? [], { owner, schema }]);
    }
  }
  return fields;
}

const FIELDS = fieldsByName();

/** A field as an option that may be left out, with its meaning and the defaults of those that have it. */
function option(name: string, fields: readonly Field[]): z.ZodOptional {
  const [{ schema }] = fields as [Field];
  const inner = schema.unwrap() as z.ZodType;
  const defaults = new Set(fields.map(({ schema }) => JSON.stringify(schema.def.defaultValue)));
  const owners = fields.map(({ owner }) => owner.modelType).join(", ");
  const doc = OF_TOKENIZER.includes(name)
    ? "default: that of the tokenizer"
    : `${owners}: ${inner.description}; default ${[...defaults].join(", ")}`;
  return inner.optional().describe(doc);
}

const config: z.ZodType<JsonObject> = z.strictObject({
  model_type: z.enum(MODEL_TYPES).describe("the architecture"),
  ...Object.fromEntries([...FIELDS].map(([name, fields]) => [name, option(name, fields)])),
  bos_token_id: token.optional().describe("default: that of the tokenizer"),
  eos_token_id: token.optional().describe("default: that of the tokenizer"),
} as Record<string, z.ZodType<Json>>).superRefine((given, context) => {
  const owner = ARCHITECTURES.find(({ modelType }) => modelType === given?.model_type);
  if (owner === undefined || !isJsonObject(given)) return;
  for (const name of Object.keys(given)) {
    if (!FIELDS.has(name) || name in owner.config.shape) continue;
    context.addIssue({
      code: "custom",
      path: [name],
      message: `left out: ${owner.modelType} has ${Object.keys(owner.config.shape).join(", ")}`,
    });
  }
  for (const { path, message } of owner.config.safeParse(given).error?.issues ?? []) {
    context.addIssue({ code: "custom", path: [...path], message });
  }
}, acrossOptions);

/** Fields that may differ from the loaded model's: they shape training, not the weights. */
const configOverrides: z.ZodType<JsonObject> = z.strictObject(
  Object.fromEntries(
    [...FIELDS].filter(([, fields]) => fields.every(({ schema }) => isShare(schema)))
      .map(([name, fields]) => [name, option(name, fields)]),
  ) as Record<string, z.ZodType<Json>>,
);

/** Options of the model's architecture. */
export const configOptions = {
  config: config.optional()
    .describe("architecture of a model from scratch, in place of the input `model`"),
  config_overrides: configOverrides.optional()
    .describe("settings of the input `model` to train with instead of its own"),
};

type Given = z.output<z.ZodObject<typeof configOptions>>;

/** What has to hold between them. */
export const configRules: readonly Rule<Given>[] = [
  {
    path: ["config_overrides"],
    message: "left out where `config` is given: it changes the input `model`",
    holds: (given) => given.config === undefined || given.config_overrides === undefined,
  },
];
