/**
 * Runs a sequence classifier over token rows. N rows, B batch, T tokens, C classes.
 *
 * @module
 */
import { InternalError, UserError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { loadCheckpoint, loadConfig } from "../checkpoint/load.ts";
import { batches, lengthBuckets } from "../data/tokens/batch.ts";
import { longestRow, tokenRow, type TokenRows } from "../data/tokens/rows.ts";
import { toOnnx } from "../graph/onnx/compile.ts";
import { Graph } from "../graph/ir/graph.ts";
import { parameterInputs } from "../models/parameters.ts";
import { type SequenceClassifier, sequenceClassifier } from "../models/sequence_classifier.ts";
import { openEngine } from "../runtime/engine.ts";
import {
  type AnyTensor,
  type Device,
  type Engine,
  int32,
  type Session,
} from "../runtime/session.ts";

/** How to run. */
export interface ClassifyOptions {
  readonly device: Device;
  readonly threads: number;
  /** B; 1 where the model's config names no token for padding. */
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
  const model = sequenceClassifier(config);
  checkFits(model, rows);
  const { tensors } = await loadCheckpoint(dir, {
    names: model.names,
    parameters: () => model.parameters,
  });
  const engine = await openEngine(options.device, { threads: options.threads });
  const size = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  try {
    const feeds = Object.fromEntries(
      [...tensors].map(([name, { shape, data }]) => [name, placed(engine, { shape, data })]),
    );
    return {
      logits: await logitsOf({ model, engine, feeds, config }, { rows, options }),
      names: classNames(config, model.classes),
      description: `${model.modelType} with ${
        size.toLocaleString("en")
      } parameters and ${model.classes} classes, ${engine.description}`,
    };
  } finally {
    await engine.dispose();
  }
}

/** Runs batches, one session at a time: rows of like length come one after the other. */
async function logitsOf(
  { model, engine, feeds, config }: {
    readonly model: SequenceClassifier;
    readonly engine: Engine;
    readonly feeds: Readonly<Record<string, AnyTensor>>;
    readonly config: JsonObject;
  },
  { rows, options }: { readonly rows: TokenRows; readonly options: ClassifyOptions },
): Promise<Float32Array[]> {
  const sizes = Array.from({ length: rows.rows }, (_, row) => tokenRow(rows, row).length);
  const order = Int32Array.from(sizes.keys()).sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  const { pad_token_id: pad = null } = config;
  const { input_ids } = rows.columns;
  const source = {
    rows: rows.rows,
    // The model finds a row's end by the padding that its own config names.
    columns: { input_ids: { ...input_ids, pad: typeof pad === "number" ? pad : input_ids.pad } },
  };
  const collation = pad === null
    ? { batchSize: 1, lengths: [...new Set(sizes)].sort((a, b) => a - b) }
    : {
      batchSize: options.batchSize,
      lengths: lengthBuckets(longestRow(rows), { limit: model.positions, packed: false }),
    };
  const logits = new Array<Float32Array>(rows.rows);
  let done = 0;
  let session: (Session & { readonly length: number }) | undefined;
  try {
    for (const batch of batches(source, { ...collation, order })) {
      options.signal.throwIfAborted();
      const { batchSize, length, columns } = batch;
      if (session?.length !== length) {
        await session?.release();
        session = undefined;
        session = { ...await compile(model, { engine, shape: [batchSize, length] }), length };
      }
      const { logits: result } = await session.run({
        ...feeds,
        input_ids: int32(columns.input_ids.data, [batchSize, length]),
      });
      if (result === undefined || !("data" in result)) {
        throw new InternalError("a run returned no logits to the host");
      }
      const values = result.data as Float32Array;
      for (let i = 0; i < batch.rows; i++) {
        logits[order[done++]!] = values.slice(i * model.classes, (i + 1) * model.classes);
      }
      options.progress(done);
    }
  } finally {
    await session?.release();
  }
  return logits;
}

/** `input_ids` int32 [B, T] and the parameters -> `logits` float32 [B, C]. */
async function compile(
  model: SequenceClassifier,
  { engine, shape }: { readonly engine: Engine; readonly shape: readonly [number, number] },
): Promise<Session> {
  const graph = new Graph("classify");
  const params = parameterInputs(graph, model.parameters);
  const inputIds = graph.input("input_ids", { type: "int32", shape });
  graph.output("logits", model.forward(graph, { params, inputIds }));
  return await engine.createSession(toOnnx(graph, { target: engine.name }));
}

/** A parameter where the engine wants it: a device keeps it from one run to the next. */
function placed(
  { memory }: Engine,
  { shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array<ArrayBuffer> },
): AnyTensor {
  if (memory === undefined) return { type: "float32", dims: shape, data };
  const tensor = memory.allocate("float32", shape);
  memory.upload(tensor, data);
  return tensor;
}

/** The names of config.json's `id2label`, else those that transformers gives. */
function classNames({ id2label }: JsonObject, classes: number): string[] {
  const names = new Map(Object.entries(id2label ?? {}));
  return Array.from({ length: classes }, (_, id) => String(names.get(`${id}`) ?? `LABEL_${id}`));
}

function checkFits({ positions, vocabSize }: SequenceClassifier, rows: TokenRows): void {
  const longest = longestRow(rows);
  if (longest > positions) {
    throw new UserError({
      what: `the data has rows of ${longest} tokens, the model has ${positions} positions`,
      remedy: `tokenize with max_length: ${positions} or less`,
    });
  }
  const stranger = rows.columns.input_ids.data.find((id) => id >= vocabSize);
  if (stranger === undefined) return;
  throw new UserError({
    what: `the data holds the token id ${stranger}, the model knows ${vocabSize} tokens`,
    requirement: "data that was tokenized with the model's tokenizer",
  });
}
