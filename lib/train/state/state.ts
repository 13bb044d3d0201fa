/**
 * What training holds between steps: parameters, gradients and moments; in one interface for engines
 * that compute on arrays of the host and for those that keep everything on a device.
 *
 * @module
 */
import type { Optimizer } from "../../optim/optimizer.ts";
import type { AnyTensor, Engine, HostTensor } from "../../runtime/session/session.ts";
import type { PersistentArray } from "./persistent.ts";
import type { TrainingProgram } from "../program/program.ts";

/** How gradients become updates; does not change during a run. */
export interface OptimizerSettings {
  readonly optimizer: Optimizer;
  /** Longest allowed gradient; 0 for no limit. */
  readonly maxGradNorm: number;
  /** Batches whose gradients are summed up for a step. */
  readonly accumulation: number;
}

/** What is known of a step once it is made; a device is asked for it once. */
export interface StepFigures {
  readonly loss: number;
  readonly norm: number;
}

/** Parameters, gradients and moments of a run. */
export interface TrainingState {
  readonly engine: Engine;
  /** What programs are fed with as parameters, by name, those that are frozen too. Valid until the next update. */
  feeds(): Readonly<Record<string, AnyTensor>>;
  /**
   * Runs forward and backward for one batch and adds its gradients to those of this step.
   *
   * @param program Compiled for the batch's shape.
   * @param inputs All feeds but the parameters.
   */
  accumulate(
    program: TrainingProgram,
    inputs: Readonly<Record<string, HostTensor>>,
  ): Promise<void>;
  /**
   * Clips the gradients, updates the parameters and forgets the gradients.
   *
   * @param step Number of this update from 1, its learning rate, and what the loss was multiplied by (default 1).
   * @returns The sum of the batches' losses, and the norm of the loss's own gradients before clipping. Where that
   * is no finite number nothing was updated.
   */
  update(step: {
    readonly step: number;
    readonly learningRate: number;
    readonly lossScale?: number | undefined;
  }): Promise<StepFigures>;
  /**
   * Begins to train the layout's next group of parameters, with moments of zero. The programs that follow
   * give their gradients too.
   *
   * @param done Updates before it: the first one of the group is its optimizer's step 1.
   */
  unfreeze(done: { readonly updates: number }): void;
  /**
   * Updates before each group of the layout that is trained began to be: `[0]`, and a number more for each
   * that was unfrozen. A checkpoint keeps it.
   */
  readonly begun: readonly number[];
  /**
   * All that a checkpoint keeps between two steps, besides `begun`: parameters that are trained and what the
   * optimizer remembers. Valid until the next update.
   */
  persistent(): readonly PersistentArray[];
  /** Copies of the parameters (or the arrays themselves, where they are on the host). */
  download(): Promise<Map<string, HostTensor<"float32">>>;
  /** Frees everything. */
  release(): Promise<void>;
}
