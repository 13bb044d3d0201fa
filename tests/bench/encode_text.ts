/**
 * Measures one tokenizer in a process of its own: `encode_text.ts FOLDER TEXT` prints one JSON line.
 *
 * @module
 */
import { loadTokenizer } from "../../lib/tokenizers/load.ts";
import { EncoderThreads, MOST_THREADS } from "../../lib/tokenizers/parallel/encoder_threads.ts";
import { documentsOf, type EncodingFigures } from "./documents.ts";

/** Passes over the text, of which the best counts, as the peer counts. */
const PASSES = 5;

/** Documents that a thread gets at once. */
const PARCEL = 32;

const [folder, file] = Deno.args as [string, string];
const text = await Deno.readTextFile(file);
const bytes = new TextEncoder().encode(text).length;
const documents = documentsOf(text);
const tokenizer = await loadTokenizer(folder);

/** Seconds of a pass, and its tokens. */
function pass(): [seconds: number, tokens: number] {
  const start = performance.now();
  let tokens = 0;
  for (const document of documents) tokens += tokenizer.encode(document).length;
  return [(performance.now() - start) / 1000, tokens];
}

const [first, tokens] = pass();
let best = Infinity;
for (let i = 0; i < PASSES; i++) best = Math.min(best, pass()[0]);
const start = performance.now();
for (const document of documents) tokenizer.encodeWithOffsets(document);
const withOffsets = (performance.now() - start) / 1000;
const threads = Math.min(navigator.hardwareConcurrency, MOST_THREADS);

/** What threads give: tokens without those around each text. */
const withoutSpecial = documents.reduce(
  (sum, document) => sum + tokenizer.encode(document, { addSpecialTokens: false }).length,
  0,
);

/** Seconds of a pass on all cores. */
async function sharedPass(encoders: EncoderThreads): Promise<number> {
  const start = performance.now();
  const parcels = Array.from(
    { length: Math.ceil(documents.length / PARCEL) },
    (_, i) => encoders.encode(documents.slice(i * PARCEL, (i + 1) * PARCEL)),
  );
  const counted = (await Promise.all(parcels)).reduce((sum, { ids }) => sum + ids.length, 0);
  if (counted !== withoutSpecial) {
    throw new Error(`${counted} tokens on ${threads} threads, not ${withoutSpecial}`);
  }
  return (performance.now() - start) / 1000;
}

/** The best of the passes with a thread a core. */
async function sharedBest(): Promise<number> {
  using encoders = new EncoderThreads({ tokenizer, folder, threads, worthThreads: 1 });
  while (encoders.depth < 2 * threads) {
    await encoders.encode([documents[0]!]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  let best = Infinity;
  for (let i = 0; i <= PASSES; i++) best = Math.min(best, await sharedPass(encoders));
  return best;
}

const rate = (seconds: number): number => bytes / seconds / 1e6;
const figures: EncodingFigures = {
  bytes,
  tokens,
  mb_per_s: rate(best),
  threads,
  all_mb_per_s: rate(threads > 1 ? await sharedBest() : best),
  first_mb_per_s: rate(first),
  offsets_mb_per_s: rate(withOffsets),
  peak_rss_mb: Deno.memoryUsage().rss / 1e6,
};
console.log(JSON.stringify(figures));
