/**
 * How well classifiers put held-out rows into their classes: accuracy beside that of always saying the most
 * frequent class, precision, recall and F1, the confusion matrix, the mistakes that were made most surely.
 *
 * @module
 */
import { UserError } from "../base/errors.ts";
import { tokenRow, type TokenRows } from "../data/tokens/rows.ts";
import { classificationEntries, mostFrequentEntry } from "../metrics/classification_entries.ts";
import {
  classificationScores,
  confusionMatrix,
  type LabelPair,
} from "../metrics/classification.ts";
import type { MetricEntries } from "../metrics/entry.ts";
import { type Classified, classifyRows } from "./classify.ts";
import {
  ERRORS,
  type EvaluationReport,
  type EvaluationRequest,
  figures,
  heldOutRows,
  type Note,
} from "./report.ts";

/** Most classes that the summary lists one by one. */
const LISTED_CLASSES = 10;

/** A row and what a model said of it, by names of classes. */
interface Prediction {
  readonly label: string;
  readonly predicted: string;
  /** Of the predicted class, 0 to 1. */
  readonly probability: number;
}

/** What one model reached. */
interface Measured {
  readonly metrics: MetricEntries;
  readonly pairs: readonly LabelPair[];
  /** Names of the classes in `pairs`. */
  readonly names: readonly string[];
  readonly predictions: readonly Prediction[];
}

/**
 * Measures classifiers.
 *
 * @throws {UserError} where the rows carry no class or do not fit the models.
 */
export async function reportClassifier(request: EvaluationRequest): Promise<EvaluationReport> {
  const { tokens: { splits }, metrics: asked, seed, text } = request;
  const rows = heldOutRows(request);
  const labels = rowLabels(rows, request);
  const models = Object.entries({ model: request.model, baseline: request.baseline })
    .filter((entry): entry is [string, string] => entry[1] !== undefined);
  const measured: Measured[] = [];
  for (const [index, [role, dir]] of models.entries()) {
    const progress = (done: number): void =>
      request.progress(index * rows.rows + done, models.length * rows.rows, "rows");
    measured.push(await measure(request, { role, dir, rows, labels, progress }));
  }
  const [tuned, baseline] = measured as [Measured, Measured?];
  const train = splits["train"]?.columns.labels?.data ?? [];
  const mostFrequent = train.length === 0 || !asked.includes("accuracy")
    ? undefined
    : mostFrequentEntry(Array.from(labels), { train, seed });
  const predictions = tuned.predictions.map((prediction, row) => ({
    row,
    text: text(tokenRow(rows, row)),
    ...prediction,
    ...(baseline === undefined ? {} : { baseline: baseline.predictions[row]! }),
  }));
  const matrix = confusionMatrix(tuned.pairs);
  return {
    metrics: {
      ...tuned.metrics,
      ...(mostFrequent === undefined ? {} : { most_frequent_accuracy: mostFrequent }),
    },
    ...(baseline === undefined ? {} : { baseline: baseline.metrics }),
    ...(asked.includes("confusion_matrix")
      ? {
        tables: {
          confusion_matrix: {
            labels: matrix.classes.map((id) => tuned.names[id]!),
            counts: matrix.counts,
          },
        },
      }
      : {}),
    predictions,
    errors: predictions.filter(({ label, predicted }) => label !== predicted)
      .toSorted((a, b) => b.probability - a.probability).slice(0, ERRORS),
    summary: [
      ...figures(tuned.metrics, {
        unlearned: {
          accuracy: mostFrequent && { label: "most frequent class", entry: mostFrequent },
        },
        baseline: baseline?.metrics,
      }),
      ...classNotes(tuned, matrix),
    ],
  };
}

/** Asks one model. */
async function measure(
  { tokens, metrics, seed, batchSize, device, threads, log, signal }: EvaluationRequest,
  { role, dir, rows, labels, progress }: {
    readonly role: string;
    readonly dir: string;
    readonly rows: TokenRows;
    readonly labels: Int32Array;
    readonly progress: (done: number) => void;
  },
): Promise<Measured> {
  const classified = await classifyRows(dir, rows, {
    device,
    threads,
    batchSize,
    progress,
    signal,
  });
  log(`${role}: ${classified.description}`);
  const { classOf, names } = matchClasses(tokens.info.labels ?? [], { role, classified, log });
  const answers = classified.logits.map(likeliest);
  const pairs = answers.map(({ predicted }, row) => ({ label: classOf[labels[row]!]!, predicted }));
  return {
    metrics: classificationEntries(pairs, { metrics, names, seed }),
    pairs,
    names,
    predictions: pairs.map(({ label, predicted }, row) => ({
      label: names[label]!,
      predicted: names[predicted]!,
      probability: answers[row]!.probability,
    })),
  };
}

/** The class of each row of the split. */
function rowLabels(
  { rows, columns: { labels } }: TokenRows,
  { split }: EvaluationRequest,
): Int32Array {
  if (rows === 0) throw new UserError({ what: `the split "${split}" has no row to classify` });
  if (labels?.per === "row") return labels.data;
  throw new UserError({
    what: "the model is a classifier, and the tokens carry no class for their rows",
    remedy: "name the column that holds it in the tokenize stage: with: { label_column: label }",
  });
}

/**
 * Which class of the model each class of the data is: the one of its name; by number where the names differ,
 * as those of a model that was never given any (`LABEL_0`) do.
 *
 * @returns The model's class by that of the data, and the model's names, with those of the data where they went
 * by number.
 */
function matchClasses(
  data: readonly string[],
  { role, classified: { names }, log }: {
    readonly role: string;
    readonly classified: Classified;
    readonly log: (message: string) => void;
  },
): { readonly classOf: readonly number[]; readonly names: readonly string[] } {
  if (data.every((name) => names.includes(name))) {
    return { classOf: data.map((name) => names.indexOf(name)), names };
  }
  if (data.length > names.length) {
    throw new UserError({
      what: `the data has ${data.length} classes (${data.join(", ")}), ` +
        `the ${role} knows ${names.length} (${names.join(", ")})`,
      requirement: "a model that was trained on these classes",
    });
  }
  log(
    `the classes of the ${role} are called ${names.join(", ")}, those of the data ` +
      `${data.join(", ")}: they are compared by their numbers`,
  );
  return { classOf: [...data.keys()], names: names.map((name, id) => data[id] ?? name) };
}

/** The likeliest class, the first of several, and its probability by the softmax. */
function likeliest(logits: Float32Array): { predicted: number; probability: number } {
  const highest = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - highest), 0);
  return { predicted: logits.indexOf(highest), probability: 1 / sum };
}

/** A line a class with its part of the confusion matrix. */
function classNotes(
  { pairs, names }: Measured,
  { classes, counts }: ReturnType<typeof confusionMatrix>,
): Note[] {
  if (classes.length > LISTED_CLASSES) return [];
  const share = (value: number): string => value.toFixed(3);
  return classificationScores(pairs).classes.map(({ id, support, precision, recall, f1 }, row) => {
    const given = classes.flatMap((other, column) => {
      const count = counts[row]![column]!;
      return count === 0 ? [] : [`${count} as ${names[other]}`];
    });
    return {
      type: "note",
      text: `${names[id]}: precision ${share(precision)}, recall ${share(recall)}, ` +
        `F1 ${share(f1)}; of ${support} rows ${given.join(", ") || "none"}`,
    };
  });
}
