/**
 * What a template cannot compute, where Python would raise.
 *
 * @module
 */

/** A row for which a template has no result, in words. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
}
