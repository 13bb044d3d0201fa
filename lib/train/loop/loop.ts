/**
 * The training loop: epochs of batches, batches summed up to steps, steps that update the parameters.
 *
 * Semantics are those of transformers' `Trainer` (5.x): a step's loss is the mean over what
 * all its batches predict; the last step of an epoch takes the batches that are left; the learning rate
 * of an entry is the one its step used; `loss` in an entry is the mean since the entry before, of the steps
 * that predicted anything (those that did not leave the weights as they are). (For
 * `GPT2LMHeadModel`, whose loss it does not recognize, Trainer 5.23 divides by all tokens, the first of
 * each row too, which nothing predicts; ours is the mean that it means.) Between any two steps a run
 * may end and another go on from its checkpoint (`resume.ts`). A step that mixed precision skips counts as a
 * step, but for the optimizer and the learning rate, which stay where they are. Left out: several devices.
 *
 * @module
 */
import type { CollateOptions } from "../../data/tokens/batch.ts";
import { randomStream } from "../../base/random.ts";
import type { TokenRows } from "../../data/tokens/rows.ts";
import { UserError } from "../../base/errors.ts";
import type { OpenModel } from "../../models/open.ts";
import { float32, type HostTensor } from "../../runtime/session/session.ts";
import type { TrainingArguments, TrainingPlan } from "../arguments/arguments.ts";
import {
  type CallbackContext,
  scheduleCallback,
  type TrainerCallback,
  type TrainerControl,
} from "./callbacks.ts";
import type { GradScaler } from "./grad_scaler.ts";
import { type FedBatch, fedBatch } from "../objectives/feeds.ts";
import { rowOrder } from "./row_order.ts";
import type { Checkpoints, LoopPosition } from "./resume.ts";
import type { TrainingProgram } from "../program/program.ts";
import type { TrainingState } from "../state/state.ts";
import { initialState, type LogEntry, type TrainerState } from "./trainer_state.ts";

/** What a run trains with. */
export interface TrainingRun {
  /** What is trained, which says what a batch brings. */
  readonly model: OpenModel;
  readonly args: TrainingArguments;
  readonly plan: TrainingPlan;
  readonly state: TrainingState;
  readonly split: TokenRows;
  /** How rows become batches; `batchSize` is that of training. */
  readonly collation: CollateOptions;
  /** Factor of the peak learning rate at a step counted from 0. */
  readonly schedule: (step: number) => number;
  /** The program for a length, compiled when it is first asked for. */
  readonly program: (length: number) => Promise<TrainingProgram>;
  /** Evaluates the parameters as they are now: the figures of an entry, `eval_loss` among them. */
  readonly evaluate: (() => Promise<Readonly<Record<string, number>>>) | undefined;
  /** The loss scale, where programs are in mixed precision. */
  readonly scaler?: GradScaler | undefined;
  readonly callbacks?: readonly TrainerCallback[];
  /** Where to go on from, and where to put down how far it has come. */
  readonly checkpoints?: Checkpoints;
  readonly signal?: AbortSignal;
}

/** Keeps this use of a seed apart from others: order, weights. */
const DROPOUT = 0x64726f706f7574;

/** Where a run begins that goes on from nothing. */
const BEGINNING: LoopPosition = {
  lossSum: 0,
  batches: 0,
  updates: 0,
  evaluatedAt: -1,
  stops: false,
  lossSteps: 0,
  log: { tokens: 0, loss: 0, steps: 0, lossSteps: 0, busy: 0 },
};

/**
 * Trains.
 *
 * @returns The run's state with its history; the parameters are in `run.state`.
 * @throws {UserError} where the loss or the gradients stop being finite numbers.
 */
export async function train(run: TrainingRun): Promise<TrainerState> {
  const { args, plan, state, split, collation, scaler } = run;
  const trainer = initialState(args, plan);
  const control: TrainerControl = {
    shouldLog: false,
    shouldEvaluate: false,
    shouldSave: false,
    shouldStop: false,
  };
  const speed = { tokensPerSecond: 0 };
  const context: CallbackContext = { args, plan, state: trainer, control, speed };
  const callbacks = [scheduleCallback, ...scaler ? [scaler] : [], ...run.callbacks ?? []];
  const parts = { state, trainer, callbacks };
  const start = await run.checkpoints?.restore(parts) ?? BEGINNING;
  control.shouldStop = start.stops;
  const log = new LossLog(args, start.log);
  let { lossSum, lossSteps, batches: batchNumber, updates, evaluatedAt } = start;

  /** Of the newest step. */
  let newest = { gradNorm: 0, learningRate: 0 };

  const logIfAsked = async (): Promise<void> => {
    if (!control.shouldLog) return;
    control.shouldLog = false;
    // The end of an epoch may be where the steps are logged anyway.
    if (log.isEmpty) return;
    speed.tokensPerSecond = log.speed();
    const entry = log.entry(trainer, newest);
    for (const callback of callbacks) await callback.onLog?.(context, entry);
  };

  const evaluateIfAsked = async (): Promise<void> => {
    if (!control.shouldEvaluate || run.evaluate === undefined) return;
    control.shouldEvaluate = false;
    if (evaluatedAt === trainer.global_step) return;
    evaluatedAt = trainer.global_step;
    const { epoch, global_step: step } = trainer;
    const entry: LogEntry = { ...await run.evaluate(), epoch, step };
    trainer.log_history.push(entry);
    log.pause();
    for (const callback of callbacks) await callback.onEvaluate?.(context, entry);
    for (const callback of callbacks) await callback.onLog?.(context, entry);
  };

  const saveIfDue = async (): Promise<void> => {
    const asked = control.shouldSave;
    control.shouldSave = false;
    const position: LoopPosition = {
      lossSum,
      lossSteps,
      batches: batchNumber,
      updates,
      evaluatedAt,
      stops: control.shouldStop,
      log: log.sums(),
    };
    const stopping = run.signal?.aborted ?? false;
    await run.checkpoints?.save({ ...parts, position }, { asked, stopping });
    log.pause();
  };

  for (const callback of callbacks) await callback.onTrainBegin?.(context);
  if (args.eval_on_start && trainer.global_step === 0) {
    control.shouldEvaluate = true;
    await evaluateIfAsked();
  }
  const firstEpoch = Math.floor(trainer.global_step / plan.stepsPerEpoch);
  for (let epoch = firstEpoch; epoch < plan.epochs && !control.shouldStop; epoch++) {
    for (const callback of callbacks) await callback.onEpochBegin?.(context, { epoch, updates });
    const order = rowOrder(split, { args, epoch });
    let first = trainer.global_step % plan.stepsPerEpoch * args.gradient_accumulation_steps;
    while (first < plan.batchesPerEpoch && !control.shouldStop) {
      const group: FedBatch[] = [];
      while (group.length < args.gradient_accumulation_steps && first < plan.batchesPerEpoch) {
        const start = first++ * collation.batchSize;
        const rows = order.subarray(start, start + collation.batchSize);
        group.push(fedBatch(run.model, split, { ...collation, rows }));
      }
      const predicted = group.reduce((sum, batch) => sum + batch.predicted, 0);
      const scheduled = trainer.global_step - (scaler?.skipped ?? 0);
      const learningRate = args.learning_rate * run.schedule(scheduled);
      const lossScale = scaler?.scale;
      const where = { step: trainer.global_step + 1, learningRate, lossScale };
      for (const { batch, feeds, predicted: own } of group) {
        run.signal?.throwIfAborted();
        const dropoutSeed = randomStream(args.seed, DROPOUT, batchNumber++).nextUint32() | 0;
        trainer.num_input_tokens_seen += batch.tokens;
        log.tokens += batch.tokens;
        if (own === 0) continue;
        const asked = performance.now();
        const program = await run.program(batch.length);
        log.exclude(performance.now() - asked);
        await state.accumulate(program, {
          ...feeds,
          ...stepFeeds({ predicted, dropoutSeed, lossScale }),
        });
      }
      // Rows of a single token teach nothing: there is no gradient to follow, and AdamW's corrections
      // count the updates that there were.
      const { loss, norm: gradNorm } = predicted === 0
        ? { loss: 0, norm: 0 }
        : await state.update({ ...where, step: updates + 1 });
      if (!Number.isFinite(loss)) throw diverged("the loss", loss, where);
      const skipped = predicted > 0 && scaler?.skips(gradNorm, where) === true;
      if (!Number.isFinite(gradNorm) && !skipped) throw diverged("the gradient", gradNorm, where);
      if (predicted > 0 && !skipped) updates++;

      trainer.global_step++;
      trainer.epoch = epoch + first / plan.batchesPerEpoch;
      lossSum += loss;
      if (predicted > 0) lossSteps++;
      log.add(loss, { predicted });
      for (const callback of callbacks) await callback.onStepEnd?.(context, { loss });
      newest = { gradNorm, learningRate };
      await logIfAsked();
      // The end of an epoch, and of training, is part of its last step.
      if (first >= plan.batchesPerEpoch) break;
      await evaluateIfAsked();
      if (!control.shouldStop) await saveIfDue();
    }
    for (const callback of callbacks) await callback.onEpochEnd?.(context);
    await logIfAsked();
    await evaluateIfAsked();
    await saveIfDue();
  }
  trainer.log_history.push({
    train_loss: lossSum / Math.max(1, lossSteps),
    epoch: trainer.epoch,
    step: trainer.global_step,
  });
  for (const callback of callbacks) await callback.onTrainEnd?.(context);
  return trainer;
}

/** What a step adds to the feeds of its batches. */
function stepFeeds(
  { predicted, dropoutSeed, lossScale }: {
    readonly predicted: number;
    readonly dropoutSeed: number;
    readonly lossScale: number | undefined;
  },
): Record<string, HostTensor> {
  const scalar = (value: number): HostTensor => float32(new Float32Array([value]), []);
  return {
    loss_denominator: scalar(predicted),
    dropout_seed: { type: "int32", dims: [], data: new Int32Array([dropoutSeed]) },
    ...(lossScale === undefined ? {} : { loss_scale: scalar(lossScale) }),
  };
}

/** Losses and tokens since the last entry. Time in evaluations and checkpoints does not count. */
class LossLog {
  tokens: number;
  readonly #tellsSpeed: boolean;
  #loss: number;
  #steps: number;
  /** Steps that predicted anything: the others have no loss. */
  #lossSteps: number;
  #busy: number;
  #since = performance.now();

  constructor(
    { include_tokens_per_second: speed }: TrainingArguments,
    { tokens, loss, steps, lossSteps, busy }: LoopPosition["log"],
  ) {
    this.#tellsSpeed = speed;
    this.tokens = tokens;
    this.#loss = loss;
    this.#steps = steps;
    this.#lossSteps = lossSteps;
    this.#busy = busy;
  }

  /** Whether no step was added since the last entry. */
  get isEmpty(): boolean {
    return this.#steps === 0;
  }

  /** What is summed up so far. */
  sums(): LoopPosition["log"] {
    return {
      tokens: this.tokens,
      loss: this.#loss,
      steps: this.#steps,
      lossSteps: this.#lossSteps,
      busy: this.#busy,
    };
  }

  add(loss: number, { predicted }: { readonly predicted: number }): void {
    this.#loss += loss;
    this.#steps++;
    if (predicted > 0) this.#lossSteps++;
    this.#busy += performance.now() - this.#since;
    this.#since = performance.now();
  }

  /** Time that is not the steps': a program was compiled. */
  exclude(milliseconds: number): void {
    this.#since += milliseconds;
  }

  /** An evaluation or a checkpoint has just ended. */
  pause(): void {
    this.#since = performance.now();
  }

  /** Tokens per second since the last entry. */
  speed(): number {
    return this.tokens / (this.#busy / 1000);
  }

  entry(
    trainer: TrainerState,
    { gradNorm, learningRate }: { gradNorm: number; learningRate: number },
  ): LogEntry {
    const entry: LogEntry = {
      loss: this.#loss / Math.max(1, this.#lossSteps),
      // Of a skipped step there is none that JSON could hold.
      ...(Number.isFinite(gradNorm) ? { grad_norm: gradNorm } : {}),
      learning_rate: learningRate,
      ...(this.#tellsSpeed ? { tokens_per_second: this.speed() } : {}),
      epoch: trainer.epoch,
      step: trainer.global_step,
    };
    trainer.log_history.push(entry);
    this.#loss =
      this.#steps =
      this.#lossSteps =
      this.#busy =
      this.tokens =
        0;
    return entry;
  }
}

function diverged(
  what: string,
  value: number,
  { step, learningRate, lossScale }: {
    step: number;
    learningRate: number;
    lossScale: number | undefined;
  },
): UserError {
  return new UserError({
    what: `training diverged: ${what} became ${value} at step ${step}, ` +
      `at a learning rate of ${learningRate}`,
    remedy: "use a lower learning_rate, more warmup_steps or a max_grad_norm of 1 or less; " +
      "if the input model is damaged, make it again" +
      (lossScale === undefined ? "" : "; or leave fp16 out, since float16 ends at 65504"),
  });
}
