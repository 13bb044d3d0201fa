/**
 * The progress of a stage in words: `120/268 steps (44%), 3.4 steps/s, 43 s left`. Pure.
 *
 * In a narrow line what matters least goes first: the rate of the second measure, half of the bar, the
 * second measure, the bar, the rate, the counts; the share and the time left stay.
 *
 * @module
 */
import { columnsOf } from "./columns.ts";
import type { StageState } from "./state.ts";
import { formatAmount, formatBar, formatLeft, formatRate } from "./text.ts";

/** Columns of a bar, and of one for which there is little room. */
const BAR = 16;
const SHORT_BAR = 8;

/** Columns that a time left may take: a line does not change its form when it becomes longer. */
const LEFT = "59 min 30 s left".length;

/** What of it is said. */
interface Form {
  readonly bar: number;
  readonly also: boolean;
  readonly alsoRate: boolean;
  readonly rate: boolean;
  readonly amount: boolean;
  readonly left: boolean;
}

const WHOLE: Form = {
  bar: BAR,
  also: true,
  alsoRate: true,
  rate: true,
  amount: true,
  left: true,
};

/** From the longest to the shortest. */
const FORMS: readonly Form[] = [
  WHOLE,
  { ...WHOLE, alsoRate: false },
  { ...WHOLE, alsoRate: false, bar: SHORT_BAR },
  { ...WHOLE, alsoRate: false, bar: SHORT_BAR, also: false },
  { ...WHOLE, alsoRate: false, bar: 0, also: false },
  { ...WHOLE, alsoRate: false, bar: 0, also: false, rate: false },
  { ...WHOLE, alsoRate: false, bar: SHORT_BAR, also: false, rate: false, amount: false },
  { ...WHOLE, alsoRate: false, bar: 0, also: false, rate: false, amount: false },
  { ...WHOLE, alsoRate: false, bar: 0, also: false, rate: false, amount: false, left: false },
];

/** For a line of a log, where there is room for all. */
export function progressText(stage: StageState, now: number): string {
  return written(stage, { ...WHOLE, bar: 0 }, now);
}

/** For a line of so many columns; what is longer than them even in its shortest form stays so. */
export function progressLine(
  stage: StageState,
  { room, now }: { readonly room: number; readonly now: number },
): string {
  const lines = FORMS.map((form) => ({ form, line: written(stage, form, now) }));
  const fits = lines.find(({ form, line }) => {
    const left = form.left ? leftText(stage, now) : undefined;
    return columnsOf(line) + (left === undefined ? 0 : LEFT - left.length) <= room;
  });
  return (fits ?? lines.at(-1)!).line;
}

function written(stage: StageState, form: Form, now: number): string {
  const { progress, pace } = stage;
  if (progress === undefined) return "running";
  const { done, total, unit, also } = progress;
  const part = total > 0 ? Math.min(1, done / total) : undefined;
  const share = part === undefined ? undefined : `${Math.floor(100 * part)}%`;
  const { main, also: beside } = pace?.rates ?? {};
  const parts: string[] = [];
  // Without a total the count is all that there is.
  if (form.amount || share === undefined) {
    const amount = formatAmount(done, total, unit);
    parts.push(share === undefined ? amount : `${amount} (${share})`);
  } else parts.push(share);
  if (form.also && also !== undefined) parts.push(formatAmount(also.done, 0, also.unit));
  if (form.rate && main !== undefined) parts.push(formatRate(main, unit));
  if (form.alsoRate && also !== undefined && beside !== undefined) {
    parts.push(formatRate(beside, also.unit));
  }
  const left = form.left ? leftText(stage, now) : undefined;
  if (left !== undefined) parts.push(left);
  const bar = part !== undefined && form.bar > 0 ? `${formatBar(part, form.bar)} ` : "";
  return bar + parts.join(", ");
}

function leftText({ pace }: StageState, now: number): string | undefined {
  const left = pace?.left(now);
  return left === undefined ? undefined : `${formatLeft(left)} left`;
}
