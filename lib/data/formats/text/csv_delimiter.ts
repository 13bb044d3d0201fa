/**
 * Guesses what stands between the fields of a csv file.
 *
 * @module
 */
import type { InputFile } from "../row_file.ts";
import { CsvScanner } from "./csv_scanner.ts";

/** In order of preference where two fit alike. */
const DELIMITERS = [",", ";", "\t", "|"] as const;

/** Characters that a guess looks at. */
export const SAMPLE = 1 << 16;

/** Names of delimiters, for messages. */
const NAMES: Readonly<Record<string, string>> = { "\t": "tabs" };

/** A delimiter in words. */
export function delimiterName(delimiter: string): string {
  return NAMES[delimiter] ?? `"${delimiter}"`;
}

/**
 * The delimiter under which most rows have as many fields as the header, which has at least two. A comma
 * where there is none: the file has one column.
 *
 * @param sample The beginning of the file.
 * @param options `width`: the number of columns, where it is known. `isWhole`: whether the sample is all.
 */
export function guessDelimiter(
  file: InputFile,
  { sample, width, isWhole }: { sample: string; width?: number | undefined; isWhole: boolean },
): string {
  let best: string = ",";
  let bestShare = 0.5;
  for (const delimiter of DELIMITERS) {
    const scanner = new CsvScanner(file, delimiter);
    const records = scanner.push(sample.slice(0, SAMPLE));
    if (isWhole || records.length === 0) records.push(...scanner.finish());
    const expected = width ?? records[0]?.fields.length ?? 0;
    if (expected < 2) continue;
    const fitting = records.filter(({ fields, mistake }) =>
      mistake === undefined && fields.length === expected
    );
    const share = fitting.length / records.length;
    if (share > bestShare) [best, bestShare] = [delimiter, share];
  }
  return best;
}
