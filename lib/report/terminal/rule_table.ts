/**
 * How many rows each rule of a stage met, with the first of them, as a table. Pure.
 *
 * Examples stand beside the counts where the window is wide enough for some words of them, else below.
 *
 * @module
 */
import type { SummaryEntry } from "../../pipeline/run/events.ts";
import { clip, columnsOf, padColumns } from "./columns.ts";
import { formatShare, type Page } from "./text.ts";

/** The widest that a rule's name, and a table, may be. */
const NAME = 32;
const TABLE = 110;

/** So much of an example says something. */
const EXAMPLE = 24;

/** Between columns. */
const GAP = "  ";

/** The lines of a table. */
export function ruleTable(
  { title, rows, rules }: SummaryEntry & { readonly type: "rules" },
  { width, style }: Page,
): string[] {
  const counts = rules.map((each) => String(each.rows));
  const shares = rules.map((each) => formatShare(each.rows, each.of ?? rows));
  const counted = widest(["rows", ...counts]);
  const shared = widest(["share", ...shares]);
  const table = Math.min(width, TABLE);
  // What is counted matters more than the end of a long name.
  const most = Math.max(4, Math.min(NAME, table - counted - shared - 3 * GAP.length));
  const named = Math.min(most, widest([title, ...rules.map(({ rule }) => rule)]));
  const left = 3 * GAP.length + named + counted + shared;
  const isBeside = table - left - GAP.length >= EXAMPLE;
  const indent = " ".repeat(isBeside ? left + GAP.length : 2 * GAP.length);
  const row = (name: string, count: string, share: string): string =>
    GAP + padColumns(clip(name, named), named) + GAP + count.padStart(counted) + GAP +
    share.padStart(shared);
  const lines = [style.dim(clip(row(title, "rows", "share"), width))];
  rules.forEach(({ rule, rows: met, examples }, i) => {
    const told = row(rule, counts[i]!, shares[i]!);
    const texts = examples.map((text) => clip(text, table - columnsOf(indent)));
    const [first, ...rest] = isBeside ? texts : ["", ...texts];
    const shown = first ? `${told}${GAP}${style.dim(first)}` : told;
    lines.push(met === 0 ? style.dim(clip(told, width)) : clip(shown, width));
    lines.push(...rest.map((text) => clip(indent + style.dim(text), width)));
  });
  return lines;
}

function widest(texts: readonly string[]): number {
  return Math.max(...texts.map(columnsOf));
}
