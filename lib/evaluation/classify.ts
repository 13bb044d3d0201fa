/**
 * Runs a sequence classifier over token rows. N rows, C classes.
 *
 * @module
 */
import { loadCheckpoint, loadConfig } from "../checkpoint/load.ts";
import { IGNORED_LABEL, type TokenRows } from "../data/tokens/rows.ts";
import { classNames } from "../models/classes.ts";
import { openModel } from "../models/open.ts";
import { openEngine } from "../runtime/engine.ts";
import type { Device } from "../base/device.ts";
import { placeWeights } from "../runtime/placement.ts";
import { evaluateEach } from "../train/loop/evaluate.ts";
import { needsSingleRows } from "../train/objectives/feeds.ts";

/** How to run. */
export interface ClassifyOptions {
  readonly device: Device;
  readonly threads: number;
  /** Rows side by side; 1 where the model's config names no token for padding. */
  readonly batchSize: number;
  /** Rows done. */
  readonly progress: (done: number) => void;
  readonly signal: AbortSignal;
}

/** What a classifier makes of rows. */
export interface Classified {
  /** By row, float32 [C] each. */
  readonly logits: readonly Float32Array[];
  /** C names, by class. */
  readonly names: readonly string[];
  /** Kind, size and engine, for a log. */
  readonly description: string;
}

/**
 * Classifies rows.
 *
 * @param dir Folder of a sequence classifier.
 * @param rows Each of at least one token.
 * @throws {UserError} where the folder is no such model or the rows do not fit it.
 */
export async function classifyRows(
  dir: string,
  rows: TokenRows,
  options: ClassifyOptions,
): Promise<Classified> {
  const config = await loadConfig(dir);
  const model = openModel(config, { task: "sequence_classification" });
  const { classes = 0 } = model;
  const { tensors } = await loadCheckpoint(dir, { model });
  const engine = await openEngine(options.device, { threads: options.threads });
  const size = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  try {
    const { feeds } = placeWeights(engine, tensors);
    const logits = new Array<Float32Array>(rows.rows);
    // What class a row has does not matter here, and may be one that the model doesn't know.
    const labels = { per: "row", data: new Int32Array(rows.rows), pad: IGNORED_LABEL } as const;
    const columns = { ...rows.columns, labels };
    await evaluateEach({ model, engine, feeds }, { ...rows, columns }, {
      ...options,
      batchSize: needsSingleRows(model) ? 1 : options.batchSize,
      visit: ({ index, row, outputs }) => {
        logits[index] = outputs.logits!.slice(row * classes, (row + 1) * classes);
      },
    });
    return {
      logits,
      names: classNames(config) ?? Array.from({ length: classes }, (_, id) => `LABEL_${id}`),
      description: `${model.modelType} with ${
        size.toLocaleString("en")
      } parameters and ${classes} classes, ${engine.description}`,
    };
  } finally {
    await engine.dispose();
  }
}
