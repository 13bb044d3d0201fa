/**
 * A causal language model from a Hugging Face folder, ready to write and to score.
 *
 * @module
 */
import type { Device } from "../base/device.ts";
import { UserError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { loadCheckpoint, loadConfig, loadGenerationConfig } from "../checkpoint/load.ts";
import type { ModelDefaults } from "../decoding/resolve.ts";
import { cachedDecoder } from "../decoding/session/cached_session.ts";
import { Programs } from "../decoding/session/programs.ts";
import { recomputingDecoder } from "../decoding/session/recomputing_session.ts";
import type { Decoder } from "../decoding/session/session.ts";
import { type OpenModel, openModel } from "../models/open.ts";
import { openEngine } from "../runtime/engine.ts";
import { type PlacedWeights, placeWeights, type WeightArray } from "../runtime/placement.ts";
import type { Engine } from "../runtime/session/session.ts";
import { scoreWindows, type TokenLoss } from "./score.ts";
import type { ScoringWindow } from "./windows.ts";

/** A model in the memory of an engine. Dispose of it when done. */
export interface CausalModel extends AsyncDisposable {
  /** Kind, size and engine, for a log. */
  readonly description: string;
  /** What its folder says about generation. */
  readonly defaults: ModelDefaults;
  /** A decoder; without a cache it reads everything again at each step. */
  decoder(options: { readonly cache: boolean }): Decoder;
  /** Losses of windows, in their order. See {@linkcode scoreWindows}. */
  score(
    windows: readonly ScoringWindow[],
    options: {
      readonly batchSize: number;
      readonly progress?: (done: number) => void;
      readonly signal?: AbortSignal;
    },
  ): Promise<TokenLoss[]>;
}

/**
 * Loads a model.
 *
 * @param dir Folder with config.json and the weights; generation_config.json is read where present.
 * @param options `device` to compute on, `threads` to keep busy.
 * @throws {UserError} where the folder is no model, or not a causal one that is supported.
 */
export async function openCausalModel(
  dir: string,
  options: { readonly device: Device; readonly threads: number },
): Promise<CausalModel> {
  const { config, model } = await openConfig(dir);
  const generationConfig = await loadGenerationConfig(dir);
  const { tensors } = await loadCheckpoint(dir, { model });
  const engine = await openEngine(options.device, { threads: options.threads });
  const weights = await placedOrDisposed(engine, tensors);
  const programs = new Programs(engine, { model, weights: weights.feeds });
  const size = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  return {
    description: `${model.modelType} with ${
      size.toLocaleString("en")
    } parameters, ${engine.description}`,
    defaults: { config, ...(generationConfig === undefined ? {} : { generationConfig }) },
    decoder: ({ cache }) => cache ? cachedDecoder(programs) : recomputingDecoder(programs),
    score: (windows, settings) => scoreWindows(programs, { ...settings, windows }),
    async [Symbol.asyncDispose](): Promise<void> {
      await programs.release();
      weights.release();
      await engine.dispose();
    },
  };
}

/** A device that has no room for the weights is given back before the error goes on. */
async function placedOrDisposed(
  engine: Engine,
  tensors: ReadonlyMap<string, WeightArray>,
): Promise<PlacedWeights> {
  try {
    return placeWeights(engine, tensors);
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}

/** The window of a model, read from its config.json alone. */
export async function contextLengthOf(dir: string): Promise<number> {
  return (await openConfig(dir)).model.maxPositions ?? Infinity;
}

/** A classifier has the body of a language model, and would write nonsense without a word. */
async function openConfig(
  dir: string,
): Promise<{ readonly config: JsonObject; readonly model: OpenModel }> {
  const config = await loadConfig(dir);
  const model = openModel(config);
  if (model.decoding !== undefined) return { config, model };
  const { architectures } = model.config;
  throw new UserError({
    what: `the model is a classifier, ${architectures}: it puts texts into classes and cannot ` +
      "write any",
    requirement: "a language model, such as GPT2LMHeadModel",
    remedy: "give a model that was trained to predict text",
  });
}
