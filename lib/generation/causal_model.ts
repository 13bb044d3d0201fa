/**
 * A causal language model from a Hugging Face folder, ready to write and to score.
 *
 * @module
 */
import { nearest, UserError } from "../errors.ts";
import { type JsonObject, loadCheckpoint, loadConfig } from "../models/checkpoint.ts";
import { type Gpt2Config, gpt2Parameters, parseGpt2Config } from "../models/gpt2.ts";
import { openEngine } from "../runtime/engine.ts";
import type { Device } from "../runtime/session.ts";
import type { Decoder } from "./decoder.ts";
import { cachedDecoder, recomputingDecoder } from "./decoders.ts";
import { placeWeights, Programs } from "./programs.ts";
import { scoreWindows, type TokenLoss } from "./score.ts";
import type { ModelDefaults } from "./settings.ts";
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
export async function loadCausalModel(
  dir: string,
  options: { readonly device: Device; readonly threads: number },
): Promise<CausalModel> {
  const json = await loadConfig(dir);
  const config = parseCausalConfig(json);
  const generationConfig = await readGenerationConfig(dir);
  const { tensors } = await loadCheckpoint(dir, { parameters: () => gpt2Parameters(config) });
  const engine = await openEngine(options.device, { threads: options.threads });
  const weights = placeWeights(tensors, { config, engine });
  const programs = new Programs(engine, weights);
  const size = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  return {
    description: `gpt2 with ${size.toLocaleString("en")} parameters, ${engine.description}`,
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
  return parseCausalConfig(await loadConfig(dir)).n_positions;
}

function parseCausalConfig(json: JsonObject): Gpt2Config {
  const type = json["model_type"];
  if (type === "gpt2") return parseGpt2Config(json);
  throw new UserError({
    what: `the model type ${JSON.stringify(type)} of config.json cannot write text here`,
    nearest: typeof type === "string" ? nearest(type, ["gpt2"]) : undefined,
    requirement: "a causal language model: gpt2",
  });
}

async function readGenerationConfig(dir: string): Promise<JsonObject | undefined> {
  const path = `${dir}/generation_config.json`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) {
      return json as JsonObject;
    }
  } catch (cause) {
    throw new UserError({ what: `${path} is not JSON (${(cause as Error).message})`, cause });
  }
  throw new UserError({ what: `${path} is not a JSON object` });
}
