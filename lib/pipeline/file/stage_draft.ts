/**
 * A stage on its way from the file to its cells: `uses`, `matrix` and `inputs` are read first,
 * because they decide which cells there are; the rest is read in each cell.
 *
 * @module
 */
import type { JsonObject } from "../../base/json.ts";
import { parseReference, type Reference } from "./inputs_reference.ts";
import { type OwnCell, ownCombinations, type StageCell, type WrittenInput } from "./matrix.ts";
import type { Problem, Problems } from "../yaml/problems.ts";
import { MATRIX_KEY, type StageFile, stageSchema } from "../schema/pipeline_file.ts";
import { explainIssue, type IssueWords, readIssues, withoutSlips } from "../schema/issues.ts";
import { z } from "zod";
import { issueSpan } from "./frame.ts";
import { formatPath } from "../definition/options.ts";
import { nearest } from "../../base/errors.ts";
import type { JsonSchema } from "../schema/words.ts";
import { evaluateTemplates, type Scope } from "./template.ts";
import { type MappingEntry, type MappingNode, nodeToJson, type Span } from "../yaml/node.ts";

/** A stage as written, with its combinations. */
export interface StageDraft {
  readonly name: string;
  /** Place of its name. */
  readonly key: Span;
  /** With `uses` and `matrix` evaluated. */
  readonly node: MappingNode;
  /** Undefined where it is missing or no text; the schema reports that. */
  readonly uses: string | undefined;
  readonly ownCells: readonly OwnCell[];
  /** Keys of its matrix -> whether an expression of the stage uses them. */
  readonly matrixKeys: Map<string, { readonly span: Span; used: boolean }>;
}

/**
 * Whether a key of a stage is missing only because it is mistyped: `wiht:` was reported as that, and what
 * stands under it is then no longer looked for.
 */
export function isMistyped(node: MappingNode, key: "with" | "inputs"): boolean {
  const known = Object.keys(stageSchema.shape);
  return !node.entries.has(key) &&
    [...node.entries.keys()].some((other) =>
      !known.includes(other) && nearest(other, known) === key
    );
}

/** One cell with everything evaluated and checked for shape. */
export interface StageCellFile {
  readonly draft: StageDraft;
  readonly cell: StageCell;
  /** All keys evaluated in this cell. */
  readonly node: MappingNode;
  /** Undefined where a key is wrong. */
  readonly file: StageFile | undefined;
}

/**
 * Reads what decides the cells of a stage.
 *
 * @param name Its name.
 * @param entry Its body, which is a mapping, with the place of the name.
 * @param options Names for expressions; where mistakes go.
 * @returns The draft.
 */
export async function draftStage(
  name: string,
  entry: { key: Span; node: MappingNode },
  options: { scope: Scope; problems: Problems },
): Promise<StageDraft> {
  const { problems } = options;
  const entries = new Map(entry.node.entries);
  const ownless: Scope = {
    ...options.scope,
    absent: {
      matrix: {
        what: "matrix values are not known here",
        requirement: "they can be used in `inputs`, `with`, `permissions` and `timeout`",
      },
    },
  };
  for (const key of ["uses", "matrix"]) {
    const before = entries.get(key);
    if (before === undefined) continue;
    const value = await evaluateTemplates(before.value, { scope: ownless, problems });
    entries.set(key, { ...before, value });
  }
  const node: MappingNode = { ...entry.node, entries };
  const matrix = entries.get("matrix")?.value;
  const combinations = ownCombinations(name, matrix, problems);
  const matrixKeys: StageDraft["matrixKeys"] = new Map();
  if (matrix?.type === "mapping") {
    for (const [key, { key: span, value }] of matrix.entries) {
      // The others are the schema's matter.
      const isAxis = MATRIX_KEY.test(key) && value.type === "list" && value.items.length > 0;
      if (isAxis) matrixKeys.set(key, { span, used: false });
    }
  }

  const uses = entries.get("uses")?.value;
  const draft = { name, key: entry.key, node, matrixKeys };
  const ownCells: OwnCell[] = [];
  for (const coordinates of combinations) {
    const own = Object.fromEntries(coordinates.map(({ key, value }) => [key, value]));
    const scope = cellScope(draft, {
      scope: options.scope,
      values: own,
      absent: {
        what: `the stage "${name}" has no matrix`,
        requirement: "`matrix.…` in inputs means the stage's own matrix",
      },
    });
    const inputs = await readInputs(node, { scope, problems });
    ownCells.push({ coordinates, inputs });
  }
  return {
    ...draft,
    uses: uses?.type === "scalar" && typeof uses.value === "string" ? uses.value : undefined,
    ownCells,
  };
}

/** The names for expressions in one cell; notes which keys of the stage's matrix are used. */
function cellScope(
  draft: Pick<StageDraft, "matrixKeys">,
  { scope, values, absent }: { scope: Scope; values: JsonObject; absent: Problem },
): Scope {
  const hasMatrix = Object.keys(values).length > 0 || draft.matrixKeys.size > 0;
  return {
    ...scope,
    ...(hasMatrix
      ? { values: { ...scope.values, matrix: values } }
      : { absent: { matrix: absent } }),
    onUse: (path) => {
      if (path[0] !== "matrix") return;
      for (const [key, entry] of draft.matrixKeys) {
        if (path[1] === undefined || path[1] === key) entry.used = true;
      }
    },
  };
}

/** The inputs of one combination. Their types are the schema's matter; what is no text is passed over. */
async function readInputs(
  node: MappingNode,
  options: { scope: Scope; problems: Problems },
): Promise<Record<string, WrittenInput>> {
  const written = node.entries.get("inputs");
  if (written === undefined) return {};
  const evaluated = await evaluateTemplates(written.value, options);
  if (evaluated.type !== "mapping") return {};
  const inputs: [string, WrittenInput][] = [];
  for (const [role, { value }] of evaluated.entries) {
    const items = value.type === "list" ? value.items : [value];
    const references: Reference[] = [];
    for (const item of items) {
      if (item.type !== "scalar" || typeof item.value !== "string") continue;
      const reference = parseReference(item.value, item.span);
      if (reference !== undefined) references.push(reference);
      else {
        options.problems.add(item.span, {
          what: `"${item.value}" is not the name of a stage`,
          requirement: "write a name, `name@*` for all cells, or `name@key=value` for one",
        });
      }
    }
    inputs.push([role, {
      references,
      isList: value.type === "list",
      isEmpty: items.length === 0,
      span: value.span,
    }]);
  }
  return Object.fromEntries(inputs);
}

/**
 * Evaluates all keys of a stage in one cell and checks their shape.
 *
 * @param draft The stage.
 * @param cell The cell.
 * @param options Names for expressions; where mistakes go; `complete` is false where an input could not be found, so that matrix values may be missing.
 * @returns The stage in that cell.
 */
export async function readCell(
  draft: StageDraft,
  cell: StageCell,
  options: { scope: Scope; problems: Problems; complete: boolean },
): Promise<StageCellFile> {
  const { problems, complete } = options;
  const values = { ...cell.values, ...cell.own };
  const base = cellScope(draft, {
    scope: options.scope,
    values,
    absent: {
      what: `the stage "${draft.name}" has no matrix and reads no stage that has one`,
    },
  });
  const scope: Scope = complete ? base : {
    ...base,
    silent: (path) =>
      base.silent?.(path) === true ||
      (path[0] === "matrix" && !Object.hasOwn(values, path[1] ?? "")),
  };
  const entries = new Map<string, MappingEntry>();
  for (const [key, entry] of draft.node.entries) {
    // Evaluated already; evaluating a result again would find expressions in plain text.
    const isDone = key === "uses" || key === "matrix";
    const value = isDone ? entry.value : await evaluateTemplates(entry.value, { scope, problems });
    entries.set(key, { ...entry, value });
  }
  const node: MappingNode = { ...draft.node, entries };
  return { draft, cell, node, file: checkStage(draft, node, problems) };
}

function checkStage(
  draft: StageDraft,
  node: MappingNode,
  problems: Problems,
): StageFile | undefined {
  const value = nodeToJson(node);
  const parsed = stageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { name } = draft;
  const words: IssueWords = {
    subject: (path) => {
      if (path.length === 0) return `stage "${name}"`;
      return `key "${formatPath(path)}" of stage "${name}"`;
    },
    keys: (path) => path.length === 0 ? "keys of a stage" : `keys of "${formatPath(path)}"`,
  };
  const schema = z.toJSONSchema(stageSchema, {
    io: "input",
    unrepresentable: "any",
  }) as JsonSchema;
  for (const issue of withoutSlips(readIssues(parsed.error.issues, value), schema)) {
    const span = issue.path.length === 1 && issue.problem === "missing"
      ? draft.key
      : issueSpan(node, issue.path, issue.problem);
    const isInvalid = issueSpan(node, issue.path, issue.problem) === undefined;
    if (span === undefined || isInvalid) continue;
    problems.add(span, explainIssue(issue, { value, schema, words }));
  }
  return undefined;
}
