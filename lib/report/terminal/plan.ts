/**
 * What a run would do, for a person: every stage, and every reason under it. Pure.
 *
 * @module
 */
import type { StagePlan } from "../../pipeline/run/plan.ts";
import { visibleValue } from "../../base/outside/text.ts";
import { columnsOf, padColumns } from "./columns.ts";
import { type Page, wrap } from "./text.ts";

/** The plan of a pipeline as lines. */
export function planLines(planned: readonly StagePlan[], page: Page): string[] {
  const plans = visibleValue(planned, () => false);
  const { style } = page;
  const shown = plans.filter((plan) => plan.status !== "skipped");
  const names = Math.min(40, Math.max(0, ...shown.map((plan) => columnsOf(plan.stage))));
  const lines: string[] = [];
  for (const plan of shown) {
    const name = padColumns(plan.stage, names);
    switch (plan.status) {
      case "cached":
        lines.push(`${style.green("=")} ${name}  ${style.dim("cached")}`);
        break;
      case "run":
        lines.push(`${style.yellow("›")} ${name}  runs`);
        break;
      case "waits":
        lines.push(
          `${style.dim("?")} ${name}  runs if the output of ${plan.waits_for.join(", ")} changes`,
        );
        break;
      case "unknown":
        lines.push(`${style.red("!")} ${name}  cannot be planned now`);
        break;
      case "skipped":
        break;
    }
    const indent = " ".repeat(names + 4);
    for (const reason of plan.reasons) {
      const [first, ...rest] = wrap(reason, Math.max(20, page.width - names - 6));
      lines.push(`${indent}- ${first}`, ...rest.map((line) => `${indent}  ${line}`));
    }
  }
  const count = (status: StagePlan["status"]): number =>
    plans.filter((plan) => plan.status === status).length;
  const parts = [
    [count("run"), "to run"],
    [count("waits"), "waiting to see"],
    [count("unknown"), "unknown"],
    [count("cached"), "cached"],
    [count("skipped"), "not selected"],
  ] as const;
  const tail = parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`);
  return [...lines, "", style.dim(tail.join(", "))];
}
