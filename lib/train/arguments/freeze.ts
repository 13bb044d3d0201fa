/**
 * Which parameters are trained, and from which epoch on: the options `freeze` and `unfreeze`.
 *
 * A pattern names a module or a parameter as a checkpoint does, with or without the base model's prefix
 * (`transformer.`): `wte`, `h.3`, `h.3.attn.c_attn.bias`. A name holds for all within it. `0-5` in place of a
 * number stands for each of them (`h.0-5`), `*` for any characters, dots too (`*.bias`, `h.*.mlp`).
 * A frozen parameter has no gradient (none is computed), no moments and no decay; its bytes stay. Gradual
 * unfreezing is that of ULMFiT (Howard and Ruder, arXiv 1801.06146, section 3.3), with the epochs given.
 *
 * @module
 */
import { z } from "zod";
import { nearest, UserError } from "../../base/errors.ts";
import type { Rule } from "./rule.ts";

const unfreezing = z.strictObject({
  epoch: z.int().min(1).describe("epoch at whose start they begin to be trained, counted from 0"),
  modules: z.array(z.string().min(1)).min(1).describe("patterns as in `freeze`, of parts of it"),
});

/** The parameters that are to be trained from an epoch on. */
export type Unfreezing = z.output<typeof unfreezing>;

/** Options of what is trained. */
export const freezeOptions = {
  freeze: z.array(z.string().min(1)).default([])
    .describe(
      'modules or parameters that are not trained: wte, h.0, h.0-5 (both included), h.*.mlp, "*.bias"; ' +
        "no gradient is computed for them, and their weights stay to the bit",
    ),
  unfreeze: z.array(unfreezing).default([])
    .describe(
      "parts of `freeze` to train from a later epoch on, with an optimizer that starts anew for them: " +
        "[{ epoch: 1, modules: [h.5] }, …]",
    ),
};

/** What has to hold between them. */
export const freezeRules: readonly Rule<z.output<z.ZodObject<typeof freezeOptions>>>[] = [
  {
    path: ["unfreeze"],
    message: "left out, or go with `freeze`, which names what is frozen first",
    holds: (given) => !given.unfreeze?.length || given.freeze?.length !== 0,
  },
];

/** What is trained when. */
export interface TrainedParameters {
  /**
   * Name -> 0 for a parameter that is trained from the start, else the number of its entry in `epochs`, from
   * 1. Frozen ones are absent.
   */
  readonly groupOf: ReadonlyMap<string, number>;
  /** The epochs at which groups 1, 2, … begin, ascending. */
  readonly epochs: readonly number[];
}

/** The names of a model, for patterns. */
export interface ParameterNames {
  /** Checkpoint names. */
  readonly names: readonly string[];
  /** What patterns may leave out: `transformer.`. */
  readonly prefix: string;
}

/**
 * Reads `freeze` and `unfreeze`.
 *
 * @param model The names of its parameters.
 * @param options The patterns, and how many epochs the run begins.
 * @throws {UserError} where a pattern names nothing, or nothing that could be unfrozen, an epoch lies beyond
 * the run, or nothing is left to train.
 */
export function trainedParameters(
  model: ParameterNames,
  options: {
    readonly freeze: readonly string[];
    readonly unfreeze: readonly Unfreezing[];
    readonly epochs: number;
  },
): TrainedParameters {
  const { freeze, unfreeze, epochs } = options;
  const frozen = new Set(
    freeze.flatMap((pattern, i) => matching(pattern, { ...model, option: `freeze[${i}]` })),
  );
  const groupOf = new Map<string, number>();
  for (const name of model.names) if (!frozen.has(name)) groupOf.set(name, 0);
  const begins = [...new Set(unfreeze.map(({ epoch }) => epoch))].sort((a, b) => a - b);
  // By epoch, so that a wide pattern takes what narrower ones before it left over.
  const entries = [...unfreeze.entries()].sort(([, a], [, b]) => a.epoch - b.epoch);
  for (const [i, { epoch, modules }] of entries) {
    if (epoch >= epochs) {
      throw new UserError({
        what: `cannot train: unfreeze[${i}].epoch is ${epoch}, and the run ends before: ` +
          `it has ${epochs} ${epochs === 1 ? "epoch" : "epochs"}, counted from 0`,
        remedy: "train longer (num_train_epochs), or leave that entry out",
      });
    }
    for (const [j, pattern] of modules.entries()) {
      const option = `unfreeze[${i}].modules[${j}]`;
      const names = matching(pattern, { ...model, option });
      const still = names.filter((name) => !groupOf.has(name));
      if (still.length === 0) {
        throw new UserError({
          what: `cannot train: ${option} is "${pattern}", and nothing of that is still frozen`,
          requirement: "a part of `freeze` that is not unfrozen before",
        });
      }
      for (const name of still) groupOf.set(name, 1 + begins.indexOf(epoch));
    }
  }
  if (![...groupOf.values()].includes(0)) {
    throw new UserError({
      what: "cannot train: `freeze` leaves no parameter to train from the start",
      remedy: "freeze less",
    });
  }
  return { groupOf, epochs: begins };
}

/** The parameters that a pattern names, at least one for each number of its ranges. */
function matching(
  pattern: string,
  options: ParameterNames & { readonly option: string },
): string[] {
  const { names, prefix, option } = options;
  const found = new Set<string>();
  for (const single of withoutRanges(pattern, option)) {
    const expression = toRegExp(single);
    const before = found.size;
    let repeated = false;
    for (const name of names) {
      if (!expression.test(name) && !expression.test(bare(name, options))) continue;
      repeated ||= found.has(name);
      found.add(name);
    }
    if (found.size > before || repeated) continue;
    throw new UserError({
      what: `cannot train: ${option} is "${pattern}", and no parameter of the model is ` +
        (single === pattern ? "named so" : `in "${single}"`),
      requirement: 'a module or parameter such as wte, h.0, h.0-5, h.*.mlp or "*.bias"',
      nearest: nearest(single, modulesOf(names.map((name) => bare(name, { prefix })))),
    });
  }
  return [...found];
}

/** `h.0-2.attn` -> `h.0.attn`, `h.1.attn`, `h.2.attn`. */
function withoutRanges(pattern: string, option: string): string[] {
  const range = /(?<=^|\.)(\d+)-(\d+)(?=\.|$)/.exec(pattern);
  if (range === null) return [pattern];
  const [text, from, to] = [range[0], Number(range[1]), Number(range[2])];
  if (to < from || to - from >= 10_000) {
    throw new UserError({
      what: `cannot train: ${option} is "${pattern}", and ${text} is no range of modules`,
      requirement: "from the lower number to the higher, both included: h.0-5",
    });
  }
  const after = withoutRanges(pattern.slice(range.index + text.length), option);
  return Array.from({ length: to - from + 1 }, (_, i) => pattern.slice(0, range.index) + (from + i))
    .flatMap((start) => after.map((rest) => start + rest));
}

/** The pattern itself or anything within the module of that name. */
function toRegExp(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.+?()[\]{}|/-]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}(\\..*)?$`);
}

function bare(name: string, { prefix }: { readonly prefix: string }): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** Every parameter and every module that holds one. */
function modulesOf(names: readonly string[]): Set<string> {
  return new Set(names.flatMap((name) => {
    const parts = name.split(".");
    return parts.map((_, i) => parts.slice(0, i + 1).join("."));
  }));
}
