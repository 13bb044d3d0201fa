/**
 * Puts the mistakes in a stage's options at their places in the file.
 *
 * @module
 */
import type { Json, JsonObject } from "../../base/json.ts";
import { UserError } from "../../base/errors.ts";
import { formatPath, type OptionsResult } from "../definition/options.ts";
import { issueSpan } from "./frame.ts";
import type { Problems } from "../yaml/problems.ts";
import { explainIssue, type IssueWords, type SchemaIssue, withoutSlips } from "../schema/issues.ts";
import { branchesOf, type JsonSchema, schemaAt } from "../schema/words.ts";
import type { Misuse } from "../stage.ts";
import { isMistyped, type StageCellFile } from "./stage_draft.ts";
import type { StageDescription } from "../types.ts";
import { findNode, type NodePath, type Span } from "../yaml/node.ts";

/** Whose options they are. */
export interface OptionsReport {
  readonly stageFile: StageCellFile;
  readonly description: StageDescription;
  readonly problems: Problems;
}

/**
 * Reports what a stage found wrong with its options.
 *
 * @param result Its answer.
 * @param report The cell, the stage, and where mistakes go.
 */
export function reportOptions(result: OptionsResult, report: OptionsReport): void {
  if (result.ok) return;
  const { stageFile, description, problems } = report;
  const { uses } = description;
  if (result.failure !== undefined) {
    const span = stageFile.draft.node.entries.get("uses")?.value.span;
    const what = `the stage "${uses}" is at fault: ${result.failure}`;
    problems.addError(new UserError({ what }), span);
  }
  const mistyped = (["with", "inputs"] as const).filter((key) => isMistyped(stageFile.node, key));
  if (result.misuse !== undefined && mistyped.length === 0) {
    problems.add(stageFile.draft.key, inStage(result.misuse, uses));
  }
  if (mistyped.includes("with")) return;
  const words: IssueWords = {
    subject: (path) =>
      path.length === 0
        ? `options of stage "${uses}"`
        : `option "${formatPath(path)}" of stage "${uses}"`,
    keys: (path) =>
      path.length === 0 ? `options of "${uses}"` : `keys of option "${formatPath(path)}"`,
  };
  const schema = description.optionsSchema as JsonSchema;
  for (const issue of withoutSlips(result.issues, schema)) {
    const span = optionSpan(stageFile, issue);
    if (span === undefined) continue;
    problems.add(span, explainIssue(issue, { value: result.value, schema, words }));
  }
}

/** A stage speaks of itself; the file may use it more than once. */
function inStage({ what, ...rest }: Misuse, uses: string): Misuse {
  return { what: `stage "${uses}": ${what}`, ...rest };
}

/** Where an option stands: in the matrix if that sets it, else under `with`; a missing one at `with`, or at the stage's name. */
function optionSpan({ draft, cell, node }: StageCellFile, issue: SchemaIssue): Span | undefined {
  const [name, ...rest] = issue.path;
  const fromMatrix = cell.coordinates.find(({ origin, key }) =>
    origin === draft.name && key === name
  );
  if (fromMatrix !== undefined) return issueSpan(fromMatrix.node, rest, issue.problem);
  const written = node.entries.get("with");
  if (written === undefined) return draft.key;
  const { complete, node: found } = findNode(written.value, issue.path);
  if (issue.path.length <= 1 && !complete && found.type !== "invalid") return written.key;
  return issueSpan(written.value, issue.path, issue.problem);
}

/**
 * Checks the syntax of the row templates among a stage's options (`.meta({ template: true })`).
 *
 * @param options The options after checking.
 * @param report The cell, the stage, and where mistakes go.
 */
export async function checkRowTemplates(options: JsonObject, report: OptionsReport): Promise<void> {
  // Without an opening there is nothing to be wrong, and no need for the schema or the package.
  if (!/\{[{%#]/.test(JSON.stringify(options))) return;
  const texts = rowTemplates(report.description.optionsSchema as JsonSchema, options, []);
  if (texts.length === 0) return;
  const { templateMistake } = await import("../../base/jinja/template.ts");
  const { uses } = report.description;
  for (const { path, text } of texts) {
    const mistake = templateMistake(text);
    if (mistake === undefined) continue;
    const span = optionSpan(report.stageFile, { path, problem: "wrong" });
    report.problems.add(span ?? report.stageFile.draft.key, {
      what: `the template in option "${
        formatPath(path)
      }" of stage "${uses}" cannot be read: ${mistake}`,
      requirement: "a Jinja template over the columns of a row, such as {{ text }}",
    });
  }
}

/** The texts that a schema marks as templates and that hold any. */
function rowTemplates(
  schema: JsonSchema,
  value: Json,
  path: NodePath,
): { path: NodePath; text: string }[] {
  if (typeof value === "string") {
    const isTemplate = schema.template === true ||
      (branchesOf(schema) ?? []).some((branch) => branch.template === true);
    return isTemplate && /\{[{%#]/.test(value) ? [{ path, text: value }] : [];
  }
  if (typeof value !== "object" || value === null) return [];
  const entries: [string | number, Json][] = Array.isArray(value)
    ? value.map((item: Json, index) => [index, item])
    : Object.entries(value);
  // A mark on a list or a mapping holds for the texts in it.
  const marked = schema.template === true ? { template: true } : {};
  return entries.flatMap(([key, item]) => {
    const inner = schemaAt(schema, [key]);
    return rowTemplates({ ...inner, ...marked }, item, [...path, key]);
  });
}
