/**
 * Checks a schedule: cron expression and time zone.
 *
 * `croner` reads the expression; nicknames such as `@daily` and seconds are left out, a schedule has five fields.
 *
 * @module
 */
import type { JsonObject } from "../../base/json.ts";
import { nearest } from "../../base/errors.ts";
import type { Problem } from "../yaml/problems.ts";

/** A mistake in a schedule and the key that it belongs to. */
export interface ScheduleMistake {
  readonly key: "cron" | "timezone";
  readonly problem: Problem;
}

/**
 * Finds what is wrong with a schedule.
 *
 * @param schedule Its keys as written; what is no text is the schema's matter.
 * @returns Every mistake.
 */
export async function scheduleMistakes(schedule: JsonObject): Promise<ScheduleMistake[]> {
  const mistakes: ScheduleMistake[] = [];
  const { cron, timezone } = schedule;
  if (typeof timezone === "string" && !isTimeZone(timezone)) {
    const zones = ["UTC", ...Intl.supportedValuesOf("timeZone")];
    mistakes.push({
      key: "timezone",
      problem: {
        what: `unknown time zone "${timezone}"`,
        requirement: "a name of the IANA time zone database, such as Europe/Berlin",
        nearest: nearest(timezone, zones),
      },
    });
  }
  const requirement =
    "five fields: minute hour day-of-month month day-of-week, such as `0 3 * * 1`";
  if (typeof cron !== "string") return mistakes;
  const fields = cron.trim().split(/\s+/).length;
  if (fields !== 5) {
    const what = `the cron expression "${cron}" has ${fields} field${fields === 1 ? "" : "s"}`;
    mistakes.push({ key: "cron", problem: { what, requirement } });
    return mistakes;
  }
  const { Cron } = await import("croner");
  try {
    const job = new Cron(cron, { mode: "5-part", paused: true, timezone: "UTC" });
    const next = job.nextRun();
    job.stop();
    if (next === null) {
      const what = `the cron expression "${cron}" never comes true`;
      mistakes.push({ key: "cron", problem: { what, requirement } });
    }
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error))
      .replace(/^\w+: /, "").replace(/ \(NaN\)$/, "")
      .replace(/^./, (letter) => letter.toLowerCase());
    const what = `the cron expression "${cron}" cannot be read: ${why}`;
    mistakes.push({ key: "cron", problem: { what, requirement } });
  }
  return mistakes;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
