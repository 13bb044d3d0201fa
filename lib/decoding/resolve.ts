/**
 * Deciding every setting of a generation run: what the caller asks for over what the model's
 * generation_config.json says over the defaults of transformers' GenerationConfig.
 *
 * @module
 */
import type { z } from "zod";
import { UserError } from "../base/errors.ts";
import { CONFLICTS } from "./conflicts.ts";
import {
  type GenerationOptions,
  type GenerationSettings,
  isNeutral,
  NEEDS,
  type Setting,
  type SettingName,
  SETTINGS,
  UNSUPPORTED,
} from "./settings.ts";

/** What the model's folder says. */
export interface ModelDefaults {
  /** generation_config.json; empty where the folder has none. */
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  /** config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Ids that the tokenizer knows, the last place to look. */
  readonly tokenizer?: { readonly bosTokenId?: number; readonly eosTokenId?: number };
}

/**
 * Decides every setting.
 *
 * @param options What the caller asks for.
 * @param model What the model's folder says.
 * @throws {UserError} where settings contradict each other, are out of range or not supported.
 *
 * @example
 * ```ts
 * import { resolveSettings } from "./resolve.ts";
 * const settings = resolveSettings({ top_k: 10, do_sample: true }, {
 *   generationConfig: { temperature: 0.7, eos_token_id: 2 },
 * });
 * if (settings.temperature !== 0.7 || settings.top_k !== 10) throw new Error();
 * ```
 */
export function resolveSettings(
  options: GenerationOptions,
  model: ModelDefaults = {},
): GenerationSettings {
  const folder = model.generationConfig ?? {};
  const special = (name: "bos_token_id" | "eos_token_id"): unknown =>
    folder[name] ?? model.config?.[name];
  const said: Readonly<Record<string, unknown>> = {
    ...folder,
    ...lengthsOf(options, folder),
    eos_token_id: special("eos_token_id") ?? model.tokenizer?.eosTokenId,
  };
  const decided = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, row]: [string, Setting]) => {
      const asked = options[name as SettingName];
      const given = asked ?? said[name] ?? undefined;
      if (given === undefined) return [name, row.fallback ?? row.neutral];
      const place = asked === undefined ? " of the model's files" : "";
      return [name, settle(given, { row, named: `${name}${place}` })];
    }),
  ) as unknown as Omit<GenerationSettings, "bos_token_id">;
  const bos = settle(special("bos_token_id") ?? model.tokenizer?.bosTokenId ?? [], {
    row: SETTINGS.eos_token_id,
    named: "bos_token_id of the model's files",
  });
  const settings = { ...decided, bos_token_id: bos[0] ?? null };
  refuseUnsupported(folder, settings);
  const { do_sample, num_beams, num_return_sequences } = settings;
  for (const { name, find, requirement } of CONFLICTS) {
    const what = find({ ...options, do_sample, num_beams, num_return_sequences });
    if (what !== undefined) {
      throw new UserError({ what, requirement: `${name} must be ${requirement}` });
    }
  }
  return settings;
}

/** A length that the caller gives wins over any of the folder, and there `max_new_tokens` over `max_length`. */
function lengthsOf(
  { max_length, max_new_tokens }: GenerationOptions,
  folder: Readonly<Record<string, unknown>>,
): Readonly<Record<string, null>> {
  if (max_length !== undefined || max_new_tokens !== undefined) {
    return { max_length: null, max_new_tokens: null };
  }
  return (folder["max_new_tokens"] ?? null) === null ? {} : { max_length: null };
}

function settle<Schema extends z.ZodType, Value>(
  given: unknown,
  { row, named }: { readonly row: Setting<Schema, Value>; readonly named: string },
): Value {
  const { success, data } = row.schema.safeParse(given);
  if (!success) {
    throw new UserError({
      what: `${named} cannot be ${JSON.stringify(given)}`,
      requirement: row.accepts,
    });
  }
  return row.settle(data);
}

function refuseUnsupported(
  folder: Readonly<Record<string, unknown>>,
  settings: GenerationSettings,
): void {
  for (const [name, { neutral, needs }] of Object.entries(UNSUPPORTED)) {
    if (isNeutral(folder[name], neutral)) continue;
    if (needs !== undefined && !NEEDS[needs].met(settings)) continue;
    throw new UserError({
      what: `${name} of the model's generation_config.json is not supported`,
      remedy: `remove ${name} from that file`,
    });
  }
}
