/**
 * The bound on how long a template may take. Loops in loops take hours with a few characters, and a text
 * that is doubled a hundred times fills the memory; nothing else runs meanwhile. Whatever computes says
 * here what it costs. Jinja's own sandbox, which `transformers` renders with, bounds `range` alone.
 *
 * @module
 */
import { TemplateError } from "./template_error.ts";

/** Steps of one rendering: some seconds of a machine. Chat templates take hundreds, or thousands. */
const MAX_STEPS = 5_000_000;

/** So many items of a list, and so many characters of a text, cost as much as one evaluation. */
const ITEMS_A_STEP = 4;
const CHARACTERS_A_STEP = 64;
/** Comparisons of a search that take as long as one character that is gone over. */
const SEARCHED_AT_ONCE = 16;

/** Rendering never waits for anything, so that one rendering at a time counts here. */
let steps = 0;

/** Begins a rendering. */
export function startSteps(): void {
  steps = 0;
}

/**
 * Something costs this many steps.
 *
 * @throws {TemplateError} Where it is too much.
 */
export function spend(count: number): void {
  steps += count;
  if (steps <= MAX_STEPS) return;
  throw new TemplateError(`it has no end in sight: it took more than ${MAX_STEPS} steps`);
}

/** A text of this length is made, or gone over. To be said before it is there. */
export function spendCharacters(count: number): void {
  spend(count / CHARACTERS_A_STEP);
}

/** A text is looked for in another, which takes both lengths together at worst, and with luck hardly more than one. */
export function spendSearch(text: string, wanted: string): void {
  spendCharacters(text.length + text.length * wanted.length / SEARCHED_AT_ONCE);
}

/** A list of this length is made, or gone over. */
export function spendItems(count: number): void {
  spend(count / ITEMS_A_STEP);
}
