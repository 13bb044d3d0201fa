/** What the tests of classifiers share: data, settings that learn it, and a classifier that has. */
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { type Outcome, run, writeLabelled } from "./train_run.ts";

/** Tokens with the classes ham and spam. */
export const DATA: string = await writeLabelled();

/** A DistilBERT that trains in no time, with the dropout of its defaults. */
export const DISTILBERT = {
  model_type: "distilbert",
  n_layers: 1,
  n_heads: 2,
  dim: 8,
  hidden_dim: 16,
  max_position_embeddings: 16,
};

/** A classifier that learns the classes in six epochs. */
export const LEARNING = {
  learning_rate: 0.03,
  max_steps: -1,
  num_train_epochs: 6,
  eval_strategy: "epoch",
};

/** The best of its evaluations. */
export const BEST = { ...LEARNING, save_strategy: "epoch", load_best_model_at_end: true };

let known: Promise<Outcome> | undefined;
/** A classifier from scratch, made once. */
export const classifier = (): Promise<Outcome> => known ??= run(LEARNING, { data: DATA });

/** A copy of a model's folder with other fields in its config. */
export async function withConfig(dir: string, fields: Record<string, unknown>): Promise<string> {
  const copy = await temporaryDirectory();
  await Deno.copyFile(`${dir}/model.safetensors`, `${copy}/model.safetensors`);
  const config = JSON.parse(await Deno.readTextFile(`${dir}/config.json`));
  await Deno.writeTextFile(`${copy}/config.json`, JSON.stringify({ ...config, ...fields }));
  return copy;
}
