/**
 * A causal language model from a Hugging Face folder, ready to write and to score.
 *
 * @module
 */
import { causalLm } from "../models/causal_lm.ts";
import { loadCheckpoint, loadConfig, loadGenerationConfig } from "../checkpoint/load.ts";
import { openEngine } from "../runtime/engine.ts";
import type { Device } from "../base/device.ts";
import type { Decoder } from "./session/decoder.ts";
import { cachedDecoder, recomputingDecoder } from "./session/decoders.ts";
import { placeWeights, Programs } from "./session/programs.ts";
import { scoreWindows, type TokenLoss } from "../evaluation/score.ts";
import type { ModelDefaults } from "./settings.ts";
import type { ScoringWindow } from "../evaluation/windows.ts";

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
export async function loadCausalModel(
  dir: string,
  options: { readonly device: Device; readonly threads: number },
): Promise<CausalModel> {
  const json = await loadConfig(dir);
  const model = causalLm(json);
  const generationConfig = await loadGenerationConfig(dir);
  const { tensors } = await loadCheckpoint(dir, {
    parameters: () => model.parameters,
    names: model.names,
  });
  const engine = await openEngine(options.device, { threads: options.threads });
  const weights = placeWeights(tensors, { model, engine });
  const programs = new Programs(engine, weights);
  const size = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  return {
    description: `${model.modelType} with ${
      size.toLocaleString("en")
    } parameters, ${engine.description}`,
    defaults: { config: json, ...(generationConfig === undefined ? {} : { generationConfig }) },
    decoder: ({ cache }) => cache ? cachedDecoder(programs) : recomputingDecoder(programs),
    score: (windows, settings) => scoreWindows(programs, { ...settings, windows }),
    async [Symbol.asyncDispose](): Promise<void> {
      await programs.release();
      weights.release();
      await engine.dispose();
    },
  };
}

/** The window of a model, read from its config.json alone. */
export async function contextLengthOf(dir: string): Promise<number> {
  const json = await loadConfig(dir);
  return causalLm(json).positions;
}
