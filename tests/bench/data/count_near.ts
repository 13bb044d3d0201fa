/**
 * Searches for near duplicates in this process: `count_near.ts ROWS THRESHOLD SPILL` prints one JSON line.
 *
 * @module
 */
import { FileBytes } from "../../../lib/data/rows/file_bytes.ts";
import { NearDuplicates } from "../../../lib/text/duplicates/near_duplicates.ts";
import { jaccardSimilarity } from "../../../lib/text/duplicates/shingles.ts";
import type { NearFigures } from "./near_duplicates.ts";
import { Reviews } from "./reviews.ts";
import { peakOf } from "./stage_times.ts";

const [rows, threshold] = Deno.args.slice(0, 2).map(Number) as [number, number];
/** As the filter has them by default. */
const SHINGLES = { ngram: 5 };

const reviews = new Reviews();
using spill = new FileBytes(Deno.args[2]!);
const near = new NearDuplicates({ threshold, spill });
let milliseconds = 0;
for (let id = 0; id < rows; id++) {
  const { text } = reviews.row(id);
  const begun = performance.now();
  near.add(text);
  milliseconds += performance.now() - begun;
}
const begun = performance.now();
const clusters = near.clusters();
milliseconds += performance.now() - begun;
const peak_rss_mb = peakOf("self");

let [planted, found, none, wrong] = [0, 0, 0, 0];
for (let id = 0; id < rows; id++) {
  const { text, of } = reviews.row(id);
  const isCopy = of !== id &&
    jaccardSimilarity([text, reviews.row(of).text], SHINGLES) >= threshold;
  const isFound = clusters[id] !== id;
  if (isCopy) {
    planted++;
    if (isFound && clusters[id] === clusters[of]) found++;
  } else {
    none++;
    // The row that stands for it may be any of its cluster: what counts is whether it is like that one.
    if (
      isFound && jaccardSimilarity([text, reviews.row(clusters[id]!).text], SHINGLES) < threshold
    ) wrong++;
  }
}
const figures: NearFigures = {
  ...{ rows, planted, found, recall: planted === 0 ? 1 : found / planted },
  ...{ wrong, false_share: none === 0 ? 0 : wrong / none },
  ...{ seconds: milliseconds / 1000, rows_per_s: rows / milliseconds * 1000, peak_rss_mb },
};
console.log(JSON.stringify(figures));
