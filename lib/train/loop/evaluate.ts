/**
 * The objective of a model on a split, without dropout: losses and predictions that count, summed over all rows.
 *
 * `Trainer` averages over batches, which weighs a prediction in a short batch more; here every one counts the same,
 * so that the number does not depend on the batch size.
 *
 * @module
 */
import type { TokenRows } from "../../data/tokens/rows.ts";
import type { OpenModel } from "../../models/open.ts";
import type { AnyTensor, Engine } from "../../runtime/session/session.ts";
import { batchLengths, type FedBatch, fedBatch } from "../objectives/feeds.ts";
import type { EvaluationSums } from "../objectives/objective.ts";
import { checkFits, objectiveOf } from "../objectives/registry.ts";
import { compileEvaluation, type EvaluationProgram } from "../program/program.ts";

/** Programs kept at a time: one a length, of which there are many where rows cannot be padded. */
const MOST_PROGRAMS = 4;

/** A model with its parameters in the memory of an engine. */
export interface PlacedModel {
  readonly model: OpenModel;
  readonly engine: Engine;
  /** Parameters by name. */
  readonly feeds: Readonly<Record<string, AnyTensor>>;
}

/** How to evaluate. */
export interface EvaluationOptions {
  /** Rows computed side by side. */
  readonly batchSize: number;
  /** Rows are all of one length. Default false. */
  readonly packed?: boolean;
  /** Called after each batch with the rows done. */
  readonly progress?: (done: number, total: number, unit: string) => void;
  readonly signal?: AbortSignal;
}

/** What the objective measured of a batch, at one of its rows. */
export interface EvaluatedRow extends FedBatch {
  /** Number in the split. */
  readonly index: number;
  /** Place in the batch. */
  readonly row: number;
  /** The objective's outputs for the whole batch. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

/**
 * Runs the objective over every row of a split that has something to predict, in order.
 *
 * @param placed The model, its parameters and the engine.
 * @param rows The split.
 * @param options Batch size, progress; `visit` hears of each row.
 * @throws {UserError} where the rows do not fit the model, or have nothing to predict.
 */
export async function evaluateEach(
  placed: PlacedModel,
  rows: TokenRows,
  options: EvaluationOptions & { readonly visit: (row: EvaluatedRow) => void },
): Promise<void> {
  const { model, engine, feeds } = placed;
  const { batchSize, packed = false, progress, signal } = options;
  checkFits(model, rows, { what: "evaluate" });
  // Compiled anew each time: that is quick, and kept ones would hold on to memory that training needs.
  const programs = new Map<number, EvaluationProgram>();
  const lengths = batchLengths(model, rows, packed);
  try {
    for (let start = 0; start < rows.rows; start += batchSize) {
      signal?.throwIfAborted();
      const count = Math.min(batchSize, rows.rows - start);
      const chosen = Array.from({ length: count }, (_, i) => start + i);
      const fed = fedBatch(model, rows, { rows: chosen, batchSize, lengths });
      if (fed.predicted > 0) {
        const { length } = fed.batch;
        let program = programs.get(length);
        if (program === undefined) {
          const [oldest] = programs;
          if (oldest !== undefined && programs.size >= MOST_PROGRAMS) {
            programs.delete(oldest[0]);
            await oldest[1].release();
          }
          program = await compileEvaluation(model, { engine, batchSize, length });
          programs.set(length, program);
        }
        const outputs = await program.run(feeds, fed.feeds);
        for (let row = 0; row < count; row++) {
          options.visit({ ...fed, index: start + row, row, outputs });
        }
      }
      progress?.(start + count, rows.rows, "rows");
    }
  } finally {
    for (const program of programs.values()) await program.release();
  }
}

/**
 * Sums up the objective over every row of a split.
 *
 * @returns The sums, of which the objective makes its figures.
 * @throws {UserError} as {@linkcode evaluateEach}.
 */
export async function evaluateRows(
  placed: PlacedModel,
  rows: TokenRows,
  options: EvaluationOptions,
): Promise<EvaluationSums> {
  const objective = objectiveOf(placed.model.task);
  const sums: Record<string, number> & { loss: number; counted: number } = { loss: 0, counted: 0 };
  await evaluateEach(placed, rows, {
    ...options,
    visit({ outputs, row, ...fed }: EvaluatedRow): void {
      sums.loss += outputs.loss![row]!;
      sums.counted += fed.targets.rowPredicted[row]!;
      const more = objective.rowFigures?.(outputs, { ...fed, row }) ?? {};
      for (const [name, value] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + value;
    },
  });
  return sums;
}
