/**
 * What a person sees when a run has ended: every stage with its time, what the stages had to say,
 * the failures, and where everything lies. Pure.
 *
 * @module
 */
import type { StageFailure, SummaryEntry } from "../../pipeline/run/events.ts";
import type { RunState, StageState } from "./state.ts";
import { indented } from "../../base/outside/text.ts";
import { placeOf } from "../../base/errors.ts";
import { clip, columnsOf, padColumns } from "./columns.ts";
import { ruleTable } from "./rule_table.ts";
import { formatDuration, formatNumber, type Page, wrap } from "./text.ts";

/** One line for a stage that is not running: mark, name, outcome. */
export function stageLine(stage: StageState, names: number, { width, style }: Page): string {
  const name = padColumns(stage.id, names);
  const room = Math.max(10, width - names - 5);
  switch (stage.state) {
    case "waiting":
      return style.dim(`  ${name}  waiting`);
    case "running":
      return `› ${name}  running`;
    case "cached":
      return `${style.green("=")} ${name}  ${style.dim("cached")}`;
    case "done":
      return `${style.green("✓")} ${name}  ${formatDuration(stage.duration ?? 0)}`;
    case "failed":
      return `${style.red("✗")} ${name}  ${style.red("failed")} after ${
        formatDuration(stage.duration ?? 0)
      }`;
    case "blocked":
      return `${style.yellow("-")} ${name}  ${
        clip(`not run: it needs ${stage.blockedBy.join(", ")}`, room)
      }`;
    case "interrupted":
      return `${style.yellow("-")} ${name}  interrupted`;
  }
}

/** Width of the column of names. */
export function nameWidth(run: RunState): number {
  return Math.min(40, Math.max(0, ...[...run.stages.keys()].map(columnsOf)));
}

/** The table of stages. */
export function stageTable(run: RunState, page: Page): string[] {
  const names = nameWidth(run);
  return [...run.stages.values()].map((stage) => stageLine(stage, names, page));
}

/** Figures, texts and notes of all stages, each under its stage's name. */
export function results(run: RunState, page: Page): string[] {
  const lines: string[] = [];
  for (const stage of run.stages.values()) {
    if (stage.summary.length === 0 || !["cached", "done"].includes(stage.state)) continue;
    lines.push("", page.style.bold(stage.id));
    for (const entry of stage.summary) lines.push(...summaryLines(entry, page));
  }
  return lines;
}

function summaryLines(entry: SummaryEntry, { width, style }: Page): string[] {
  const room = Math.max(20, Math.min(width, 100) - 4);
  switch (entry.type) {
    case "figure": {
      const compare = entry.compare === undefined
        ? ""
        : ` (${entry.compare.label} ${formatNumber(entry.compare.value)})`;
      return [`  ${entry.label} ${style.bold(formatNumber(entry.value))}${compare}`];
    }
    case "text": {
      const prompt = wrap(entry.prompt.trimEnd(), room);
      const text = wrap(entry.text.trimEnd(), room);
      return [
        "",
        ...prompt.map((line) => `  ${style.dim("> " + line)}`),
        ...text.map((l) => `    ${l}`),
      ];
    }
    case "note":
      return wrap(entry.text, room).map((line) => `  ${line}`);
    case "rules":
      return ruleTable(entry, { width, style });
  }
}

/** Where everything lies. */
export function paths(run: RunState, page: Page): string[] {
  const { end } = run;
  if (end === undefined) return [];
  const places: [string, string][] = [["run", end.folder], ["latest", end.latest]];
  const models = [...run.stages.values()].filter((stage) =>
    stage.kind === "model" && end.artifacts[stage.id] !== undefined
  );
  for (const stage of models) {
    const label = models.length === 1 ? "model" : `model ${stage.id}`;
    places.push([label, end.artifacts[stage.id]!]);
  }
  const widest = Math.max(...places.map(([label]) => label.length));
  const lines = ["", ...places.map(([label, path]) => `${label.padEnd(widest)}  ${path}`)];
  const cached = [...run.stages.values()].filter((stage) => stage.state === "cached").length;
  const tail = cached === run.stages.size ? "; every stage was cached" : "";
  lines.push(page.style.dim(`${STATUS[end.status]} in ${formatDuration(end.duration)}${tail}`));
  return lines;
}

const STATUS = { done: "done", failed: "failed", interrupted: "interrupted" } as const;

/** Every failure with what helps, and what it kept from running. */
export function failures(run: RunState, page: Page): string[] {
  const lines: string[] = [];
  for (const stage of run.stages.values()) {
    if (stage.failure === undefined) continue;
    // Two sources of one hub fail in the same words.
    const named = stage.failure.what.includes(`"${stage.id}"`);
    const failure = named
      ? stage.failure
      : { ...stage.failure, what: `stage "${stage.id}": ${stage.failure.what}` };
    lines.push("", ...failureLines(failure, page));
    if (stage.log !== undefined) lines.push(`  log: ${stage.log}`);
  }
  const blocked = [...run.stages.values()].filter((stage) => stage.state === "blocked");
  if (blocked.length > 0) {
    lines.push("", `not run, because what they need failed:`);
    for (const stage of blocked) lines.push(`  ${stage.id} (needs ${stage.blockedBy.join(", ")})`);
  }
  return lines;
}

function failureLines(failure: StageFailure, { style }: Page): string[] {
  const place = failure.at === undefined ? "" : `${placeOf(failure.at)}: `;
  const lines = [style.red(place + indented(failure.what))];
  if (failure.nearest !== undefined) lines.push(`  did you mean "${failure.nearest}"?`);
  if (failure.requirement !== undefined) lines.push(`  ${indented(failure.requirement)}`);
  if (failure.remedy !== undefined) lines.push(`  ${indented(failure.remedy)}`);
  if (failure.lastLines !== undefined && failure.lastLines.length > 0) {
    lines.push("  its last lines:", ...failure.lastLines.map((line) => `    ${line}`));
  }
  return lines;
}
