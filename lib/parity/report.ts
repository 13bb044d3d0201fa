/**
 * What came of traces, as text and as JSON.
 *
 * @module
 */
import type { TraceResult } from "./check.ts";
import { TITLES } from "./quantity.ts";

const WIDTH = Math.max(...Object.values(TITLES).map((title) => title.length));

/** A trace's lines: its name, then one for each quantity. */
export function resultLines(result: TraceResult): string[] {
  if ("skipped" in result) return [`${result.folder}: skipped, ${result.skipped}`];
  if ("error" in result) return [`${result.folder}: ERROR, ${result.error}`];
  return [
    `${result.folder}: ${result.holds ? "holds" : "DIFFERS"}`,
    ...result.quantities.map((quantity) => {
      const { name, error, tolerance, holds, worst, count, undetermined } = quantity;
      const sign = holds ? "<=" : "> ";
      const where = error === 0 || worst === "" ? "" : `  at ${worst}`;
      const known = undetermined === 0 ? "" : `  (${undetermined} of ${count} not known to 1%)`;
      return `  ${TITLES[name].padEnd(WIDTH)}  ${error.toExponential(1).padStart(8)} ${sign} ` +
        `${tolerance.toExponential(0)}  ${holds ? "holds  " : "DIFFERS"}${where}${known}`;
    }),
    ...result.passedOver.map((name) => `  ${name} skipped, this version has no such rule`),
  ];
}

/** How many of each. */
export function summaryLine(results: readonly TraceResult[]): string {
  const count = (test: (result: TraceResult) => boolean): number => results.filter(test).length;
  const parts = [
    `${count((result) => "holds" in result && result.holds)} hold`,
    `${count((result) => "holds" in result && !result.holds)} differ`,
    `${count((result) => "skipped" in result)} skipped`,
  ];
  const errors = count((result) => "error" in result);
  if (errors > 0) parts.push(`${errors} with errors`);
  return parts.join(", ");
}

/** A trace as JSON; an error that is no finite number is null. */
export function resultJson(result: TraceResult): object {
  const { folder } = result;
  if ("skipped" in result) return { folder, status: "skipped", reason: result.skipped };
  if ("error" in result) return { folder, status: "error", reason: result.error };
  const finite = (error: number): number | null => Number.isFinite(error) ? error : null;
  return {
    folder,
    status: result.holds ? "holds" : "differs",
    ...(result.passedOver.length === 0 ? {} : { passed_over: result.passedOver }),
    quantities: result.quantities.map(({ name, error, tolerance, holds, worst, ...rest }) => ({
      name,
      error: finite(error),
      tolerance,
      holds,
      worst,
      count: rest.count,
      undetermined: rest.undetermined,
      ...(rest.tensors === undefined ? {} : {
        tensors: Object.fromEntries(
          Object.entries(rest.tensors).map(([tensor, error]) => [tensor, finite(error)]),
        ),
      }),
    })),
  };
}
