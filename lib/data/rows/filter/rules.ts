/**
 * The rules of the stage `filter`, in the order in which they apply.
 *
 * @module
 */
import type { UnicodeForm } from "../../../text/clean.ts";
import type { DedupeMode } from "../../../text/dedupe.ts";
import type { NearDuplicateOptions } from "../../../text/duplicates/near_duplicates.ts";
import type { LanguageDetector } from "../../../text/language.ts";
import type { MaskKind } from "../../../text/masking/mask.ts";
import type { QualityThresholds } from "../../../text/quality/rules.ts";

/** Which rules apply; those that are absent do not. They apply in the order of these fields. */
export interface FilterRules {
  /** The column with the text. */
  readonly column: string;
  /** Columns to make from the others: name -> Jinja template. One of the same name is replaced. */
  readonly addColumns?: Readonly<Record<string, string>>;
  readonly stripHtml?: boolean;
  /** Repairs UTF-8 that was read as another encoding. */
  readonly fixMojibake?: boolean;
  readonly normalizeUnicode?: UnicodeForm;
  /** Removes control characters, but tabs and line ends. */
  readonly removeControls?: boolean;
  /** Puts tags in place of personal data: kind -> tag. */
  readonly mask?: Readonly<Partial<Record<MaskKind, string>>>;
  /** Words in place of others. */
  readonly spelling?: Readonly<Record<string, string>>;
  /** Patterns to remove, or to put something in their place: pattern -> text. */
  readonly replacePatterns?: Readonly<Record<string, string>>;
  /** Keeps the lines of a page that look like sentences, as C4 does. */
  readonly c4Lines?: boolean;
  /** Cuts every text into passages: a row becomes several, with copies of its other columns. */
  readonly passages?: { readonly minChars: number; readonly maxChars: number };
  /** `true`: every run of white space becomes a space; `"lines"`: line ends stay. */
  readonly normalizeWhitespace?: boolean | "lines";
  readonly lowercase?: boolean;
  /** Drops texts of nothing but white space, and nulls. */
  readonly dropEmpty?: boolean;
  /** Characters (code points). */
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minWords?: number;
  readonly maxWords?: number;
  /** Drops texts with a word of a list. */
  readonly dropWords?: readonly string[];
  /** Drops texts that match a pattern. */
  readonly dropPatterns?: readonly string[];
  readonly quality?: {
    readonly thresholds: QualityThresholds;
    readonly badWords?: readonly string[];
  };
  readonly language?: {
    /** ISO 639-1. */
    readonly keep: readonly string[];
    readonly minProbability: number;
    readonly detector: LanguageDetector;
  };
  /** A Jinja condition over the columns. */
  readonly where?: string;
  /** Keeps the first of texts that count as the same, over all splits. */
  readonly dedupe?: DedupeMode;
  /** Keeps one of texts that are nearly the same, over all splits. */
  readonly near?: Omit<NearDuplicateOptions, "spill">;
  /** Random order within each split. */
  readonly shuffle?: { readonly seed: number };
  /** Keeps the first rows of each split. */
  readonly limit?: number;
}
