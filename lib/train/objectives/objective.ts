/**
 * What is learned: which inputs a batch brings, the loss, and the figures of an evaluation. The loop, the programs
 * and the states of training know objectives by this interface alone; one file each.
 *
 * B batch, T tokens, V vocabulary, C classes.
 *
 * @module
 */
import type { Batch } from "../../data/tokens/batch.ts";
import type { TokenRows } from "../../data/tokens/rows.ts";
import type { Tensor } from "../../graph/ir/tensor.ts";
import type { Inputs, Task } from "../../models/architecture.ts";
import type { OpenModel } from "../../models/open.ts";

/** The targets of a batch, and how many predictions they ask for. */
export interface Targets {
  /** int32, of the shapes that {@linkcode Objective.targets} names. */
  readonly feeds: Readonly<Record<string, Int32Array<ArrayBuffer>>>;
  /** int32 `[B]`: predictions that count in each row. */
  readonly rowPredicted: Int32Array<ArrayBuffer>;
}

/** How a loss is taken. */
export interface LossOptions {
  /**
   * float32 scalar that the summed loss is divided by: the number of predictions of the whole accumulated batch, so
   * that accumulating gradients gives those of one large batch.
   */
  readonly denominator: Tensor;
  /** Label smoothing as in transformers' `LabelSmoother`. Default 0. */
  readonly smoothing?: number | undefined;
}

/** What is summed up over the rows of an evaluation: `loss`, `counted`, and what else the objective asks for. */
export type EvaluationSums =
  & { readonly loss: number; readonly counted: number }
  & Readonly<
    Record<string, number>
  >;

/** Something that can be learned. */
export interface Objective {
  readonly task: Task;
  /** What its figures are called beside `eval_loss`, and whether more of one is better or less. */
  readonly metrics: Readonly<Record<string, "more" | "less">>;
  /** Its graph inputs beside the model's own: `[B, T]` for a number a token, `[B]` for one a row. */
  readonly targets: Readonly<Record<string, "token" | "row">>;
  /**
   * Refuses rows that cannot be learned from, beyond what no model could read.
   *
   * @param options `what` is being done, for the message: "cannot train: …".
   * @throws {UserError} where labels are missing or wrong, or there is nothing to predict.
   */
  check(rows: TokenRows, options: { readonly model: OpenModel; readonly what: string }): void;
  /** The targets of a batch. */
  targetsOf(batch: Batch): Targets;
  /**
   * Adds the loss to a graph.
   *
   * @param logits As the model's forward pass gives them.
   * @param targets The inputs that `targets` names.
   * @returns float32 scalar: the sum over all predictions divided by the denominator.
   */
  loss(logits: Tensor, targets: Inputs, options: LossOptions): Tensor;
  /**
   * Adds what an evaluation needs of a batch to a graph.
   *
   * @returns Outputs by name, `[B]` or `[B, …]`; `loss` is the summed loss of each row.
   */
  evaluation(logits: Tensor, targets: Inputs): Readonly<Record<string, Tensor>>;
  /**
   * What one row adds to the sums of an evaluation, beside its loss and its predictions.
   *
   * @param outputs What `evaluation` computed for the batch; `row`: of which row.
   */
  rowFigures?(
    outputs: Readonly<Record<string, Float32Array>>,
    options: { readonly row: number; readonly targets: Targets; readonly batch: Batch },
  ): Readonly<Record<string, number>>;
  /** The figures of an evaluation, by the names of its log entry: `eval_loss`, … */
  figures(sums: EvaluationSums): Readonly<Record<string, number>>;
}
