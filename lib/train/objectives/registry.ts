/**
 * The objectives by their tasks, and what they all ask of rows.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import { longestRow, type TokenRows } from "../../data/tokens/rows.ts";
import type { Task } from "../../models/architecture.ts";
import type { OpenModel } from "../../models/open.ts";
import { CAUSAL_LM } from "./causal_lm.ts";
import type { Objective } from "./objective.ts";
import { SEQUENCE_CLASSIFICATION } from "./sequence_classification.ts";

const OBJECTIVES: readonly Objective[] = [CAUSAL_LM, SEQUENCE_CLASSIFICATION];

/** What evaluations can be judged by, whatever is learned: `metric_for_best_model`. */
export const METRICS: Readonly<Record<string, "more" | "less">> = {
  loss: "less",
  ...Object.assign({}, ...OBJECTIVES.map(({ metrics }) => metrics)),
};

/** The objective of a task. */
export function objectiveOf(task: Task): Objective {
  const found = OBJECTIVES.find((objective) => objective.task === task);
  if (found === undefined) throw new InternalError(`no objective learns ${task}`);
  return found;
}

/**
 * Refuses rows that a model cannot take.
 *
 * @param model The model.
 * @param rows The rows.
 * @param options `what` is being done, for the message.
 * @throws {UserError} naming an id beyond the vocabulary or the longest row, or what the objective misses.
 */
export function checkFits(
  model: OpenModel,
  rows: TokenRows,
  options: { readonly what: string },
): void {
  const longest = longestRow(rows);
  const { maxPositions = Infinity, vocabSize } = model;
  if (longest > maxPositions) {
    throw new UserError({
      what: `cannot ${options.what}: the data has rows of ${longest} tokens, ` +
        `the model has ${maxPositions} positions`,
      remedy: `tokenize with max_length: ${maxPositions} or less`,
    });
  }
  const [least, most] = extremes(rows.columns.input_ids.data);
  if (least < 0 || most >= vocabSize) {
    throw new UserError({
      what: `cannot ${options.what}: the data holds the token id ${least < 0 ? least : most}, ` +
        `the model's vocabulary has ${vocabSize} (vocab_size)`,
      requirement: "data that was tokenized with the model's tokenizer",
      remedy: "give the tokenize stage the model as its tokenizer, or leave vocab_size out",
    });
  }
  const { pad } = rows.columns.input_ids;
  if (pad < 0 || pad >= vocabSize) {
    throw new UserError({
      what: `cannot ${options.what}: the data is padded with the token id ${pad}, ` +
        `the model's vocabulary has ${vocabSize} (vocab_size)`,
      requirement: "data that was tokenized with the model's tokenizer",
    });
  }
  objectiveOf(model.task).check(rows, { ...options, model });
}

/** The least and the highest of some ids; 0 and -1 of none. */
function extremes(ids: Int32Array): [number, number] {
  let [least, most] = [0, -1];
  for (const id of ids) {
    if (id < least) least = id;
    if (id > most) most = id;
  }
  return [least, most];
}
