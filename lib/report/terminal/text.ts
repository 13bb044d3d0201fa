/**
 * Figures, durations and texts as a person reads them in a terminal. Pure.
 *
 * @module
 */
import { columnsOf, cutAt } from "./columns.ts";

/** Wraps text in terminal colours, or leaves it alone. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

/** How wide and in which colours. */
export interface Page {
  readonly width: number;
  readonly style: Style;
}

/** Colours where the terminal has them and `NO_COLOR` (https://no-color.org) is not set. */
export function styleFor(colour: boolean): Style {
  const paint = (code: number) => (text: string) => colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { bold: paint(1), dim: paint(2), red: paint(31), green: paint(32), yellow: paint(33) };
}

/**
 * A duration in the two units that matter.
 *
 * @param milliseconds At least 0.
 *
 * @example
 * ```ts
 * import { formatDuration } from "./text.ts";
 * if (formatDuration(83_400) !== "1 min 23 s" || formatDuration(1240) !== "1.2 s") throw new Error();
 * ```
 */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 99.5) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 9_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/**
 * How long something still takes, as exactly as anybody can know it: seconds up to a minute, then five
 * seconds, from ten minutes on half a minute.
 *
 * @param milliseconds At least 0.
 */
export function formatLeft(milliseconds: number): string {
  const step = milliseconds <= 60_000 ? 1_000 : milliseconds <= 600_000 ? 5_000 : 30_000;
  return formatDuration(step * Math.ceil(milliseconds / step));
}

/** A figure with four significant digits; whole numbers stay whole. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(4)));
}

/**
 * A part of a whole in percent, with so many digits that what is not nothing does not look like it.
 *
 * @example
 * ```ts
 * import { formatShare } from "./text.ts";
 * if (formatShare(1, 8) !== "13%" || formatShare(1, 300) !== "0.3%") throw new Error();
 * ```
 */
export function formatShare(part: number, whole: number): string {
  if (!(whole > 0)) return "-";
  const percent = 100 * part / whole;
  if (percent === 0) return "0%";
  if (percent < 0.05) return "<0.1%";
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)}%`;
}

/**
 * How much was done: `120/268 steps`, `1.20/5.00 M rows`, `1.2/3.4 GB`; without the total where it is
 * unknown.
 */
export function formatAmount(done: number, total: number, unit: string): string {
  const most = Math.max(done, total);
  const [scale, name] = unit === "bytes" ? byteScale(most) : countScale(most, unit);
  const digits = scale === 1 ? 0 : unit === "bytes" ? 1 : 2;
  const part = (count: number): string =>
    scale === 1 ? `${count}` : (count / scale).toFixed(digits);
  return total > 0 ? `${part(done)}/${part(total)} ${name}` : `${part(done)} ${name}`;
}

/** Units in a second. */
export function formatRate(perSecond: number, unit: string): string {
  if (unit === "bytes") {
    const [scale, name] = byteScale(perSecond);
    return `${(perSecond / scale).toFixed(scale === 1 ? 0 : 1)} ${name}/s`;
  }
  const digits = perSecond >= 100 ? 0 : perSecond >= 10 ? 1 : 2;
  return `${perSecond.toFixed(digits)} ${unit}/s`;
}

/** Nobody reads seven digits that change ten times a second. */
function countScale(count: number, unit: string): [number, string] {
  return count >= 1e6 ? [1e6, `M ${unit}`] : [1, unit];
}

function byteScale(bytes: number): [number, string] {
  if (bytes >= 1e9) return [1e9, "GB"];
  if (bytes >= 1e6) return [1e6, "MB"];
  if (bytes >= 1e3) return [1e3, "kB"];
  return [1, "B"];
}

/** A bar of `width` characters, filled up to `fraction` (0 to 1). */
export function formatBar(fraction: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}

/**
 * Breaks text into lines of at most `width` columns, at spaces where there are some.
 *
 * @returns At least one line.
 */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    let columns = 0;
    for (const word of paragraph.split(/ +/)) {
      let rest = word;
      let room = columnsOf(rest);
      if (columns > 0 && columns + 1 + room > width) {
        lines.push(line);
        [line, columns] = ["", 0];
      }
      if (columns > 0) [line, columns] = [`${line} `, columns + 1];
      while (room > width) {
        // A character that is wider than the line has one of its own.
        const head = cutAt(rest, width)[0] || [...rest][0]!;
        if (head === rest) break;
        lines.push(head);
        rest = rest.slice(head.length);
        room = columnsOf(rest);
      }
      line += rest;
      columns += room;
    }
    lines.push(line);
  }
  return lines;
}
