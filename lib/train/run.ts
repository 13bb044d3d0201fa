/**
 * A whole training run: from a tokens artifact, and a model folder or a config, to a model folder.
 *
 * @module
 */
import type { JsonObject } from "../base/json.ts";
import type { TokenRows } from "../data/tokens/rows.ts";
import { readTokens, type Tokens } from "../data/tokens/tokens.ts";
import { UserError } from "../base/errors.ts";
import { mergedWeights } from "../models/lora.ts";
import type { OpenModel } from "../models/open.ts";
import { saveCheckpoint, type SavedModel } from "../checkpoint/save.ts";
import { saveAdapter } from "../checkpoint/save_adapter.ts";
import type { Engine } from "../runtime/session/session.ts";
import { planTraining, type TrainingArguments } from "./arguments/arguments.ts";
import { reportCallback, type TrainerCallback } from "./loop/callbacks.ts";
import { evaluateRows } from "./loop/evaluate.ts";
import { checkFits, objectiveOf } from "./objectives/registry.ts";
import { earlyStoppingCallback } from "./loop/early_stopping.ts";
import { keepBestModel } from "./loop/best_model.ts";
import { type GradScaler, gradScaler } from "./loop/grad_scaler.ts";
import { learningRates } from "./loop/learning_rate.ts";
import { writeEvents } from "./loop/tensorboard.ts";
import { train } from "./loop/loop.ts";
import { batchLengths } from "./objectives/feeds.ts";
import type { Objective } from "./objectives/objective.ts";
import { requireFloat16 } from "./arguments/computation.ts";
import { openState } from "./state/open_state.ts";
import { optimizerOf } from "./arguments/optimizer_of.ts";
import { prepareModel } from "./prepare_model.ts";
import { compileTraining, type TrainingProgram } from "./program/program.ts";
import { openCheckpoints } from "./loop/resume.ts";
import type { TrainingState } from "./state/state.ts";
import { countSteps, describeTraffic } from "./loop/step_traffic.ts";
import { type LogEntry, type TrainerState, writeTrainerState } from "./loop/trainer_state.ts";
import { unfreezeCallback } from "./loop/unfreeze.ts";

/** Programs kept at a time: one a length, of which there are many where rows cannot be padded. */
const MOST_PROGRAMS = 4;

/** A run. */
export interface TrainModelOptions {
  readonly engine: Engine;
  /** Folder of a tokens artifact. */
  readonly data: string;
  /** Folder of the model to go on from; exactly one of this and `config`. */
  readonly model: string | undefined;
  /** Fields of the config of a model from scratch. */
  readonly config: JsonObject | undefined;
  /** Fields to replace in the config of `model`. */
  readonly configOverrides: JsonObject | undefined;
  readonly args: TrainingArguments;
  /** Existing folder to write the model into. */
  readonly output: string;
  /** How its weights are saved. Default float32 in one file. */
  readonly saving?: Pick<SavedModel, "dtype" | "maxShardSize">;
  /** Existing folder for checkpoints to go on from, of this very run alone; without one there are none. */
  readonly resume?: string | undefined;
  readonly log: (message: string) => void;
  readonly progress: (done: number, total: number, unit: string) => void;
  readonly signal?: AbortSignal;
  /** The loss scale, with `fp16`; default one that begins as torch's. */
  readonly scaler?: GradScaler;
  /** Further callbacks, after the run's own. */
  readonly callbacks?: readonly TrainerCallback[];
}

/** What came of it. */
export interface TrainModelResult {
  readonly state: TrainerState;
  /** Loss of the last log entry. */
  readonly finalLoss: number;
  /** The entry of the last evaluation, or of that of the best model where it was loaded; undefined without one. */
  readonly evaluation: LogEntry | undefined;
}

/**
 * Trains a model and writes its folder.
 *
 * @throws {UserError} where data, model and options do not fit together, or training diverges.
 */
export async function trainModel(options: TrainModelOptions): Promise<TrainModelResult> {
  const { engine, args, log, progress, signal } = options;
  const { fp16 = false } = args;
  if (fp16) requireFloat16(engine);
  const tokens = await readTokens(options.data);
  const split = trainingSplit(tokens);
  const evaluates = args.eval_strategy !== "no" || args.eval_on_start;
  const validation = evaluates ? validationSplit(tokens) : undefined;
  const plan = planTraining(args, split.rows);
  const { model, trained, weights } = await prepareModel(options, {
    info: tokens.info,
    plan,
  });
  const { layout, parameters, frozen } = weights;
  checkFits(model, split, { what: "train" });
  if (validation !== undefined) checkFits(model, validation, { what: "evaluate" });
  const objective = objectiveOf(model.task);
  requireMetric(args, objective);
  const { packed } = tokens.info;
  const lengths = batchLengths(model, split, packed);
  log(
    `${layout.parameters.toLocaleString("en")} ${
      frozen === undefined ? "" : "trained "
    }parameters, ${split.rows.toLocaleString("en")} rows, ` +
      `${plan.maxSteps} steps in ${plan.epochs} ${plan.epochs === 1 ? "epoch" : "epochs"}, ` +
      `batches of ${args.per_device_train_batch_size} × ${lengths.join(" or ")} tokens`,
  );

  const opened = openState(engine, {
    layout,
    parameters,
    ...(frozen === undefined ? {} : { frozen }),
    settings: {
      optimizer: optimizerOf(args),
      maxGradNorm: args.max_grad_norm,
      accumulation: args.gradient_accumulation_steps,
    },
  });
  const counted = engine.traffic && countSteps(opened, engine.traffic);
  const state = counted?.state ?? opened;
  const rates = learningRates(args, plan);
  const best = keepBestModel(state);
  const programs = new Map<number, Promise<TrainingProgram>>();
  const batchSize = args.per_device_train_batch_size;
  const trainer = await train({
    model,
    args,
    plan,
    state,
    split,
    collation: { batchSize, lengths },
    schedule: rates.schedule,
    scaler: fp16 ? options.scaler ?? gradScaler({ log }) : undefined,
    async program(length: number): Promise<TrainingProgram> {
      const known = programs.get(length);
      if (known !== undefined) return await known;
      if (programs.size >= MOST_PROGRAMS) await releaseAll(programs);
      const now = state.begun.length;
      const names = layout.places.filter(({ group }) => group < now).map(({ name }) => name);
      const made = compileTraining(model, {
        engine,
        batchSize,
        length,
        trained: new Set(names),
        labelSmoothing: args.label_smoothing_factor,
        gradientCheckpointing: args.gradient_checkpointing ?? false,
        fp16,
      });
      programs.set(length, made);
      return await made;
    },
    evaluate: validation &&
      (async (): Promise<Readonly<Record<string, number>>> =>
        objective.figures(
          await evaluateRows({ model, engine, feeds: state.feeds() }, validation, {
            batchSize: args.per_device_eval_batch_size,
            packed,
            ...(signal === undefined ? {} : { signal }),
          }),
        )),
    callbacks: [
      reportCallback({ log, progress }),
      unfreezeCallback({
        epochs: trained.epochs,
        state,
        async onChange(group: number): Promise<void> {
          const count = layout.places.filter((place) => place.group === group)
            .reduce((sum, { size }) => sum + size, 0);
          log(`${count.toLocaleString("en")} more parameters are trained from here on`);
          await releaseAll(programs);
        },
      }),
      ...rates.callbacks,
      ...(args.early_stopping_patience === undefined
        ? []
        : [earlyStoppingCallback(args.early_stopping_patience)]),
      best.callback,
      ...options.callbacks ?? [],
    ],
    ...(options.resume === undefined || args.save_strategy === "no" ? {} : {
      checkpoints: openCheckpoints({
        dir: options.resume,
        identity: { args, config: model.config, plan, rows: split.rows, engine: engine.name },
        keep: args.save_total_limit,
        log,
        onResume: (step) => progress(step, plan.maxSteps, "steps"),
      }),
    }),
    ...(signal === undefined ? {} : { signal }),
  });
  const traffic = counted?.traffic();
  if (traffic !== undefined) log(describeTraffic(traffic));
  const bestStep = args.load_best_model_at_end ? best.putBack() : undefined;
  if (bestStep !== undefined) {
    log(
      `the model is that of step ${bestStep}, with ${args.metric_for_best_model} ${trainer.best_metric}`,
    );
  }
  await save({ options, model, state, trainer });
  await releaseAll(programs);
  await state.release();
  return {
    state: trainer,
    finalLoss: lastOf(trainer, "loss") ?? lastOf(trainer, "train_loss") ?? NaN,
    evaluation: trainer.log_history.findLast((entry) =>
      "eval_loss" in entry && entry.step === (bestStep ?? entry.step)
    ),
  };
}

/** Refuses a metric for the best model that evaluations of this objective don't have. */
function requireMetric(
  { metric_for_best_model: metric }: TrainingArguments,
  { task, metrics }: Objective,
): void {
  const names = ["loss", ...Object.keys(metrics)];
  if (names.includes(metric.replace(/^eval_/, ""))) return;
  throw new UserError({
    what: `cannot train: metric_for_best_model is ${metric}, ` +
      `and an evaluation of ${task} has no such figure`,
    requirement: `one of ${names.join(", ")}`,
  });
}

async function releaseAll(programs: Map<number, Promise<TrainingProgram>>): Promise<void> {
  for (const made of programs.values()) await (await made).session.release();
  programs.clear();
}

async function save({ options, model, state, trainer }: {
  readonly options: TrainModelOptions;
  readonly model: OpenModel;
  readonly state: TrainingState;
  readonly trainer: TrainerState;
}): Promise<void> {
  const { output, data } = options;
  const { adapters } = model;
  const weights = await state.download();
  await saveCheckpoint(output, {
    ...options.saving,
    config: model.config,
    tensors: adapters === undefined
      ? model.parameters.map(({ name, shape }) =>
        [name, { shape, data: weights.get(name)!.data }] as const
      )
      : mergedWeights(model.parameters, { adapters, weights }),
    generationConfigFrom: options.model === undefined ? [] : [options.model],
    tokenizerFrom: [data, ...(options.model === undefined ? [] : [options.model])],
  });
  if (adapters !== undefined) {
    await saveAdapter(`${output}/adapter`, { model: { ...model, adapters }, weights });
  }
  await writeTrainerState(output, trainer);
  if (options.args.report_to.includes("tensorboard")) await writeEvents(output, trainer);
}

function trainingSplit({ splits }: Tokens): TokenRows {
  const names = Object.keys(splits);
  const split = splits.train ?? (names.length === 1 ? splits.data : undefined);
  if (split === undefined) {
    throw new UserError({
      what: `cannot train: the data has no split "train" (it has ${names.join(", ") || "none"})`,
      remedy: "put a split stage before tokenize",
    });
  }
  if (split.rows === 0) {
    throw new UserError({
      what: "cannot train: the split train is empty",
      remedy: "look at what filter and split left over",
    });
  }
  return split;
}

function validationSplit({ splits }: Tokens): TokenRows {
  const split = splits.validation;
  if (split === undefined || split.rows === 0) {
    throw new UserError({
      what: split === undefined
        ? 'cannot evaluate during training: the data has no split "validation" ' +
          `(it has ${Object.keys(splits).join(", ")})`
        : "cannot evaluate during training: the split validation is empty",
      remedy: "give the split stage a share for validation, or set eval_strategy: no",
    });
  }
  return split;
}

function lastOf({ log_history: history }: TrainerState, name: string): number | undefined {
  return history.findLast((entry) => name in entry)?.[name];
}
