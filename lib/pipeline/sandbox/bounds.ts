/**
 * Bounds on what a stage reports: its code is not trusted to say little, and whatever it says is held in
 * memory, written into records and shown. What is cut says so; the stage's log has everything that was
 * printed or logged, within its own bound.
 *
 * @module
 */
import type { SummaryEntry } from "../stage.ts";
import type { Report, ThrownError } from "./protocol.ts";

/** How many entries a summary has; a person reads some tens. */
export const MAX_ENTRIES = 200;
/** Characters of one text of a summary, and of an error. */
export const MAX_TEXT = 1 << 16;
/** Characters of a figure's name, or of a unit. */
export const MAX_LABEL = 200;
/** Rules of a table, examples of each, and characters of one: it is shown on one line. */
export const MAX_RULES = 200;
export const MAX_EXAMPLES = 10;
export const MAX_EXAMPLE = 500;
/** Characters of a whole summary. */
export const MAX_SUMMARY = 1 << 20;
/** How many log messages become events, and how many characters of them. */
export const MAX_MESSAGES = 100_000;
export const MAX_MESSAGES_LENGTH = 1 << 24;
/** Characters of one log message in the stage's log. */
export const MAX_LOGGED = 1 << 20;
/** Characters of one log message as an event. */
export const MAX_MESSAGE_TEXT = 1 << 14;
/** Characters of a line that is shown where a process died without a word. */
const MAX_LAST_LINE = 2000;
/** Progress is passed on at most this often. Stages tell it ten times a second; what is faster is forged. */
const PROGRESS_MS = 50;

/** A text of at most `most` characters, and how many more there were. */
export function cutText(text: string, most: number): string {
  if (text.length <= most) return text;
  // Not between the two halves of a character.
  const end = /[\ud800-\udbff]/.test(text[most - 1]!) ? most - 1 : most;
  return `${text.slice(0, end)}… (${text.length - end} more characters left out)`;
}

/** A line that was printed, as it may stand in a message. */
export function cutLine(line: string): string {
  return cutText(line, MAX_LAST_LINE);
}

/** A summary entry of bounded size. */
export function cutEntry(entry: SummaryEntry): SummaryEntry {
  switch (entry.type) {
    case "figure": {
      const { label, compare } = entry;
      const beside = compare === undefined
        ? {}
        : { compare: { ...compare, label: cutText(compare.label, MAX_LABEL) } };
      return { ...entry, label: cutText(label, MAX_LABEL), ...beside };
    }
    case "text":
      return {
        ...entry,
        prompt: cutText(entry.prompt, MAX_TEXT),
        text: cutText(entry.text, MAX_TEXT),
      };
    case "note":
      return { ...entry, text: cutText(entry.text, MAX_TEXT) };
    case "rules":
      return {
        ...entry,
        title: cutText(entry.title, MAX_LABEL),
        rules: entry.rules.slice(0, MAX_RULES).map((each) => ({
          ...each,
          rule: cutText(each.rule, MAX_LABEL),
          examples: each.examples.slice(0, MAX_EXAMPLES).map((text) => cutText(text, MAX_EXAMPLE)),
        })),
      };
  }
}

/** An error of bounded size. */
export function cutError(error: ThrownError): ThrownError {
  const { name, message, stack, code, parts, causes } = error;
  const cut = (text: string): string => cutText(text, MAX_TEXT);
  const cutParts = parts === undefined ? {} : {
    parts: {
      ...parts,
      what: cut(parts.what),
      ...(parts.requirement === undefined ? {} : { requirement: cut(parts.requirement) }),
      ...(parts.remedy === undefined ? {} : { remedy: cut(parts.remedy) }),
      ...(parts.nearest === undefined ? {} : { nearest: cutText(parts.nearest, MAX_LABEL) }),
      ...(parts.at === undefined ? {} : {
        at: {
          ...parts.at,
          file: cutLine(parts.at.file),
          ...(parts.at.text === undefined ? {} : { text: cutLine(parts.at.text) }),
        },
      }),
    },
  };
  return {
    name: cutText(name, MAX_LABEL),
    message: cut(message),
    ...(stack === undefined ? {} : { stack: cut(stack) }),
    ...(code === undefined ? {} : { code: cutText(code, MAX_LABEL) }),
    ...cutParts,
    causes: causes.slice(0, 8).map(cut),
  };
}

/** Lets through what a stage reports, up to the bounds, and counts the rest. */
export class ReportBounds {
  readonly #pass: (report: Report) => void;
  #entries = 0;
  #summary = 0;
  #leftOut = 0;
  #messages = 0;
  #length = 0;
  #unlogged = 0;
  #told = -Infinity;
  #wasWhole = false;

  /** @param pass Gets what is within the bounds. */
  constructor(pass: (report: Report) => void) {
    this.#pass = pass;
  }

  /** Takes one report. */
  take(report: Report): void {
    switch (report.type) {
      case "progress": {
        const now = performance.now();
        // Where the total is not known nothing is the last.
        const isWhole = report.total > 0 && report.done >= report.total;
        const isNew = isWhole && !this.#wasWhole;
        if (now - this.#told < PROGRESS_MS && !isNew) return;
        this.#told = now;
        this.#wasWhole = isWhole;
        const { unit, also } = report;
        this.#pass({
          ...report,
          unit: cutText(unit, MAX_LABEL),
          ...(also === undefined ? {} : { also: { ...also, unit: cutText(also.unit, MAX_LABEL) } }),
        });
        return;
      }
      case "log": {
        const message = cutText(report.message, MAX_MESSAGE_TEXT);
        if (this.#messages >= MAX_MESSAGES || this.#length >= MAX_MESSAGES_LENGTH) {
          this.#unlogged++;
          return;
        }
        this.#messages++;
        this.#length += message.length;
        this.#pass({ type: "log", message });
        return;
      }
      case "summary": {
        const entry = cutEntry(report.entry);
        const size = JSON.stringify(entry).length;
        if (this.#entries >= MAX_ENTRIES || this.#summary + size > MAX_SUMMARY) {
          this.#leftOut++;
          return;
        }
        this.#entries++;
        this.#summary += size;
        this.#pass({ type: "summary", entry });
      }
    }
  }

  /** Says what was left out, once the stage has ended. */
  end(): void {
    if (this.#leftOut > 0) {
      const text = `${this.#leftOut} more entries of this summary were left out`;
      this.#pass({ type: "summary", entry: { type: "note", text } });
    }
    if (this.#unlogged > 0) {
      this.#pass({
        type: "log",
        message: `${this.#unlogged} more log messages are in the stage's log alone`,
      });
    }
  }
}
