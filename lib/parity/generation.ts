/**
 * What a trace of a language model holds beside training: distributions that sampling rules leave of its logits,
 * perplexities of a long text, and sequences that it generates. `reference/make_goldens.py` says how each is made.
 *
 * @module
 */
import { generate } from "../decoding/generate.ts";
import { resolveSettings } from "../decoding/resolve.ts";
import { cachedDecoder } from "../decoding/session/cached_session.ts";
import { Programs } from "../decoding/session/programs.ts";
import { type GenerationOptions, processorsOf, SETTINGS } from "../decoding/settings.ts";
import { scoreWindows } from "../evaluation/score.ts";
import { slidingWindows } from "../evaluation/windows.ts";
import type { OpenModel } from "../models/open.ts";
import { placeWeights, type WeightArray } from "../runtime/placement.ts";
import type { Engine } from "../runtime/session/session.ts";
import { compare } from "./compare.ts";
import { joined, type Part, type Quantity, TOLERANCES } from "./quantity.ts";
import { type Trace, traceFloats, traceIntegers } from "./trace.ts";

/** What was compared, and what this version has no rule for, by the trace's names. */
export interface GenerationResult {
  readonly quantities: readonly Quantity[];
  readonly passedOver: readonly string[];
}

/** Tensors of distributions are called this and the rules, such as `temperature-0.7-top-k-50`. */
const DISTRIBUTION = "probabilities.";

/** The place in the first row of the batch whose next-token distributions a trace has. */
const WARPED_POSITION = 4;

/** Length of continuations where the settings of a trace have none. */
const NEW_TOKENS = 16;

/** How a name in a trace calls a setting. */
const WARPERS: Readonly<Record<string, keyof GenerationOptions>> = {
  temperature: "temperature",
  "top-k": "top_k",
  "top-p": "top_p",
  "min-p": "min_p",
  typical: "typical_p",
  epsilon: "epsilon_cutoff",
  eta: "eta_cutoff",
};

/**
 * Compares the distributions.
 *
 * @param logits Ours [B, T, V]; `still` and `moved`: of the true weights, and of weights that were moved by
 * rounding's size.
 */
export function checkProbabilities(
  trace: Trace,
  { logits, still, moved, vocabSize }: {
    readonly logits: Float32Array;
    readonly still: Float32Array;
    readonly moved: readonly Float32Array[];
    readonly vocabSize: number;
  },
): GenerationResult {
  const parts: Part[] = [];
  const passedOver: string[] = [];
  for (const tensor of trace.tensors.keys()) {
    if (!tensor.startsWith(DISTRIBUTION)) continue;
    const options = warperOptions(tensor.slice(DISTRIBUTION.length));
    if (options === undefined) {
      passedOver.push(tensor);
      continue;
    }
    const start = WARPED_POSITION * vocabSize;
    const ours = (all: Float32Array): Float64Array =>
      distribution(all.slice(start, start + vocabSize), options);
    const from = ours(still);
    const others = moved.map(ours);
    parts.push({
      at: tensor.slice(DISTRIBUTION.length),
      ...compare(ours(logits), {
        expected: traceFloats(trace, { name: tensor, shape: [1, vocabSize] }),
        spread: from.map((value, i) =>
          Math.max(...others.map((other) => Math.abs(other[i]! - value)))
        ),
        tolerance: TOLERANCES.pass,
      }),
    });
  }
  const tolerance = TOLERANCES.pass;
  return {
    quantities: parts.length === 0 ? [] : [joined("probabilities", { parts, tolerance })],
    passedOver,
  };
}

/**
 * Lets the model score and write on an engine, and compares.
 *
 * @throws {UserError} where the trace doesn't fit its model.
 */
export async function checkGeneration(
  trace: Trace,
  { model, tensors, engine }: {
    readonly model: OpenModel;
    readonly tensors: ReadonlyMap<string, WeightArray>;
    readonly engine: Engine;
  },
): Promise<GenerationResult> {
  const weights = placeWeights(engine, tensors);
  const programs = new Programs(engine, { model, weights: weights.feeds });
  try {
    const sequences = await checkSequences(trace, programs);
    const perplexity = trace.perplexities.length === 0
      ? []
      : [await checkPerplexity(trace, programs)];
    return { ...sequences, quantities: [...perplexity, ...sequences.quantities] };
  } finally {
    await programs.release();
    weights.release();
  }
}

async function checkPerplexity(trace: Trace, programs: Programs): Promise<Quantity> {
  const { data: ids } = traceIntegers(trace, "text.input_ids");
  const parts: Part[] = [];
  for (const { name, window, stride, negativeLogLikelihood, tokens } of trace.perplexities) {
    const windows = slidingWindows(ids, { window, stride });
    const losses = await scoreWindows(programs, { windows, batchSize: 8 });
    const [sum, count] = losses.reduce(
      ([sum, count], loss) => [sum + loss.negativeLogLikelihood, count + loss.tokens],
      [0, 0],
    );
    const perplexity = (likelihood: number, of: number): number => Math.exp(likelihood / of);
    parts.push({
      at: name,
      ...compare([perplexity(sum, count)], {
        expected: [perplexity(negativeLogLikelihood, tokens)],
        spread: [0],
        tolerance: TOLERANCES.pass,
      }),
    });
  }
  return joined("perplexity", { parts, tolerance: TOLERANCES.pass });
}

/** Token for token; the error is the share of a setting's sequences that differ. */
async function checkSequences(trace: Trace, programs: Programs): Promise<GenerationResult> {
  const parts: Part[] = [];
  const passedOver: string[] = [];
  for (const { name, settings: asked, sequences } of trace.generated) {
    if (Object.keys(asked).some((key) => !Object.hasOwn(SETTINGS, key))) {
      passedOver.push(`generate.${name}`);
      continue;
    }
    const prompt = Array.from(traceIntegers(trace, "gen.input_ids").data);
    const settings = resolveSettings({ max_new_tokens: NEW_TOKENS, ...asked }, {
      config: trace.config,
      generationConfig: trace.generationConfig,
    });
    const ours = await generate(cachedDecoder(programs), {
      prompts: [prompt],
      settings,
      seed: 0,
      decode: () => "",
    });
    // Where the first token is that differs, by sequence; what follows an end token is padding.
    const apart = sequences.map((expected, i) => {
      const { ids, finish } = ours[i] ?? { ids: [], finish: "length" };
      const at = ids.findIndex((id, at) => id !== expected[at]);
      return at === -1 && finish === "length" && ids.length < expected.length ? ids.length : at;
    });
    const wrong = apart.filter((at) => at !== -1);
    const more = Math.abs(ours.length - sequences.length);
    parts.push({
      at: name,
      index: wrong[0] ?? 0,
      error: (wrong.length + more) / sequences.length,
      holds: wrong.length + more === 0,
      count: sequences.length,
      undetermined: 0,
    });
  }
  return {
    quantities: parts.length === 0 ? [] : [joined("sequences", { parts, tolerance: 0 })],
    passedOver,
  };
}

/** The options that a distribution's name stands for; undefined where one of its rules is not there. */
function warperOptions(name: string): GenerationOptions | undefined {
  const named = [...name.matchAll(/([a-z]+(?:-[a-z]+)*)-([\d.]+)/g)]
    .map(([, rule, value]) => [WARPERS[rule!], Number(value)] as const);
  if (named.some(([option]) => option === undefined)) return undefined;
  return { top_k: 0, ...Object.fromEntries(named), do_sample: true };
}

/** What the rules of a draw leave of scores [V], as probabilities. */
function distribution(scores: Float32Array, options: GenerationOptions): Float64Array {
  const settings = resolveSettings(options);
  for (const process of processorsOf(settings)) process(scores, { ids: [], promptLength: 0 });
  const highest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const weights = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
