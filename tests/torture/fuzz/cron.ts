/** Schedules: what is refused, and whether accepted ones come true when the fields say. */
import assert from "node:assert/strict";
import { Cron } from "croner";
import fc from "fast-check";
import { scheduleMistakes } from "../../../lib/pipeline/file/schedule.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart } from "./fuzzing.ts";
import { damagedText } from "./mutations.ts";

/** A field: its text, and which numbers it means; undefined for what this reference cannot read. */
interface Field {
  readonly text: string;
  readonly means: ReadonlySet<number>;
  /** Whether it is `*`, which joins days of the month and of the week by "and" instead of "or". */
  readonly any: boolean;
}

const range = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);

function field(least: number, most: number, names: readonly string[] = []): fc.Arbitrary<Field> {
  const number = fc.integer({ min: least, max: most });
  const spelled = (n: number): string => names[n - least] ?? String(n);
  const item = fc.oneof(
    number.map((n) => ({ text: String(n), means: [n] })),
    number.map((n) => ({ text: spelled(n), means: [n] })),
    fc.tuple(number, number).map(([a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      // To croner "SUN" behind a dash is 7, so that "SUN-SUN" is every day.
      if (from === to) return { text: `${from}-${to}`, means: [from] };
      return { text: `${spelled(from)}-${spelled(to)}`, means: range(from, to) };
    }),
    fc.tuple(number, number, fc.integer({ min: 1, max: most - least })).map(([a, b, step]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      return { text: `${from}-${to}/${step}`, means: range(from, to, step) };
    }),
    fc.integer({ min: 1, max: most - least }).map((step) => ({
      text: `*/${step}`,
      means: range(least, most, step),
    })),
  );
  return fc.oneof(
    {
      weight: 2,
      arbitrary: fc.constant({ text: "*", means: new Set(range(least, most)), any: true }),
    },
    fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => ({
      text: items.map(({ text }) => text).join(","),
      means: new Set(items.flatMap(({ means }) => means)),
      any: false,
    })),
  );
}

const MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(" ");
const DAYS = "SUN MON TUE WED THU FRI SAT".split(" ");
const expression = fc.tuple(
  field(0, 59),
  field(0, 23),
  field(1, 31),
  field(1, 12, MONTHS),
  field(0, 6, DAYS),
);

/** Zones whose clocks change by an hour, by half of one, at midnight, backwards over a day, and never. */
const ZONES = [
  ...["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut"],
  ...["Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Casablanca"],
];

type Input =
  | { readonly kind: "valid"; fields: Field[]; zone: string; from: number; space: string }
  | { readonly kind: "any"; readonly cron: string; readonly timezone: string };

const FRAGMENTS = [
  ..."* , - / ? L W # @daily @reboot + 60 24 7 -1 0 1e3 1/0 */0 5- -5 MON-SUN 0x1 1.5 ٣ LW 5L 2#6"
    .split(" "),
  ...[" ", "\t", "\n", "\0", "\u00a0", "99999999999999999999", "0/999999999"],
];

export const fuzz: Fuzz<Input> = {
  name: "fuzz-cron",
  promise: "a schedule is refused with its place, or comes true when its fields say, in its zone",
  perCase: 1000,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("valid" as const),
        fields: expression.map((fields) => [...fields]),
        zone: fc.constantFrom(...ZONES),
        // 2000 to 2040, in minutes.
        from: fc.integer({ min: 15_800_000, max: 36_800_000 }),
        space: fc.constantFrom(" ", "  ", "\t"),
      }),
    },
    fc.record({
      kind: fc.constant("any" as const),
      cron: fc.oneof(
        damagedText(expression.map((f) => f.map(({ text }) => text).join(" ")), FRAGMENTS),
        fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 7 }).map((parts) => parts.join(" ")),
        fc.string({ unit: "binary" }),
      ),
      timezone: fc.oneof(
        fc.constantFrom(
          ...ZONES,
          "europe/berlin",
          "GMT+1",
          "+01:00",
          "",
          "Etc/GMT+14",
          "CET",
          "a/b",
        ),
        fc.string({ unit: "binary" }),
      ),
    }),
  ),
  async check(input): Promise<void> {
    if (input.kind === "any") return await refused(input);
    const cron = input.fields.map(({ text }) => text).join(input.space);
    const mistakes = await scheduleMistakes({ cron, timezone: input.zone });
    const possible = isPossible(input.fields);
    assert.deepEqual(
      mistakes.map(({ key }) => key),
      possible ? [] : ["cron"],
      `${cron}: ${JSON.stringify(mistakes)}`,
    );
    if (possible) comesTrue(input, cron);
  },
};

/** Whatever a schedule says is accepted or refused in words; what is accepted has a next time. */
async function refused({ cron, timezone }: { cron: string; timezone: string }): Promise<void> {
  const mistakes = await scheduleMistakes({ cron, timezone });
  for (const { key, problem } of mistakes) {
    assert.ok(key === "cron" || key === "timezone");
    assert.match(problem.what, /time zone|cron expression/);
    assert.doesNotMatch(problem.what, /undefined|NaN|\[object|is not a function|Cannot read/);
  }
  if (mistakes.length > 0) return;
  assert.match(cron.trim(), /^\S+(\s+\S+){4}$/, "five fields");
  const job = new Cron(cron, { mode: "5-part", paused: true, timezone });
  const next = job.nextRun();
  job.stop();
  assert.ok(next !== null && Number.isFinite(next.getTime()), `${cron} is accepted, never comes`);
}

/** Whether some day of some year has all that is asked for: February has 29 days. */
function isPossible([, , day, month, weekday]: readonly Field[]): boolean {
  if (day!.any || !weekday!.any) return true;
  const longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return [...month!.means].some((m) => [...day!.means].some((d) => d <= longest[m - 1]!));
}

/** The next time that croner finds has the fields, and none before it has them (looked at minute by minute). */
function comesTrue(
  { fields, zone, from }: Extract<Input, { kind: "valid" }>,
  cron: string,
): void {
  const job = new Cron(cron, { mode: "5-part", paused: true, timezone: zone });
  const start = new Date(from * 60_000);
  const next = job.nextRun(start);
  job.stop();
  if (next === null) return assert.fail(`${cron} in ${zone} never comes after ${start.toJSON()}`);
  assert.ok(next > start && next.getTime() % 60_000 === 0, `${cron}: ${next.toJSON()}`);
  const clock = clockOf(zone);
  const offset = offsetAt(clock, start);
  const until = Math.min(next.getTime() + 60_000, start.getTime() + 1440 * 60_000);
  // Where the clock is set in between, a time that is passed over comes at once and a doubled one once;
  // what remains is that it comes within an hour of what the fields say.
  const changes = offsetAt(clock, new Date(until)) !== offset ||
    offsetAt(clock, next) !== offsetAt(clock, new Date(next.getTime() - 3 * 3600_000));
  if (changes) return;
  assert.ok(meets(fields, localTime(clock, next)), `${cron} in ${zone} comes ${next.toJSON()}`);
  for (let at = start.getTime() + 60_000; at < next.getTime() && at < until; at += 60_000) {
    const local = new Date(at + offset);
    const parts = [
      local.getUTCMinutes(),
      local.getUTCHours(),
      local.getUTCDate(),
      local.getUTCMonth() + 1,
      local.getUTCDay(),
    ];
    assert.ok(!meets(fields, parts), `${cron} in ${zone} passes over ${new Date(at).toJSON()}`);
  }
}

function meets([minute, hour, day, month, weekday]: readonly Field[], at: number[]): boolean {
  const [m, h, d, mo, w] = at as [number, number, number, number, number];
  if (!minute!.means.has(m) || !hour!.means.has(h) || !month!.means.has(mo)) return false;
  if (day!.any) return weekday!.means.has(w);
  return weekday!.any ? day!.means.has(d) : day!.means.has(d) || weekday!.means.has(w);
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone) ?? new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  });
  clocks.set(timeZone, known);
  return known;
}

/** Minute, hour, day, month, day of the week. */
function localTime(clock: Intl.DateTimeFormat, at: Date): number[] {
  const local = new Date(at.getTime() + offsetAt(clock, at));
  return [
    local.getUTCMinutes(),
    local.getUTCHours(),
    local.getUTCDate(),
    local.getUTCMonth() + 1,
    local.getUTCDay(),
  ];
}

/** Milliseconds that the clock is ahead of UTC. */
function offsetAt(clock: Intl.DateTimeFormat, at: Date): number {
  const part: Record<string, number> = {};
  for (const { type, value } of clock.formatToParts(at)) part[type] = Number(value);
  const { year, month, day, hour, minute } = part;
  const local = Date.UTC(year!, month! - 1, day!, hour!, minute!);
  return local - Math.floor(at.getTime() / 60_000) * 60_000;
}

/** Attacks `schedule:`. */
export const cron: Part = fuzzPart(fuzz, import.meta.url);
