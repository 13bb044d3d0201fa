/**
 * The way of data through the stages, measured: a corpus of a size is made, downloaded, filtered, divided and
 * tokenized.
 *
 * @module
 */
import { readDatasetInfo } from "../../../lib/data/rows/dataset.ts";
import { type Corpus, writeCorpus } from "./corpus.ts";
import { timeStages } from "./stage_times.ts";

/** What a stage did. */
export interface StageFigures {
  readonly stage: string;
  /** Rows that went into it. */
  readonly rows: number;
  /** Megabytes of their texts. */
  readonly mb: number;
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly mb_per_s: number;
  readonly peak_rss_mb: number;
}

/** What all of them did. */
export interface WayFigures {
  readonly corpus: Corpus;
  readonly stages: readonly StageFigures[];
  readonly seconds: number;
  readonly cpu_seconds: number;
  readonly runner_peak_rss_mb: number;
  /** What the folder held at the end, in megabytes. */
  readonly disk_mb: number;
  /** The tokenizer that was trained on some of the rows. */
  readonly tokenizer: string;
}

/** Stages that are measured; those before them train a tokenizer on some of the rows. */
export const STAGES = ["download", "filter", "split", "tokenize"] as const;

/** Rows that the tokenizer is trained on, and its tokens. */
const SAMPLE = 20_000;
const VOCABULARY = 8_000;

/** How rows are filtered; without near duplicates it is what other libraries can do. */
function pipeline({ near, vocabulary }: { near: boolean; vocabulary: number }): string {
  return `name: bench
seed: 1
stages:
  sample: { uses: download, with: { from: "corpus/*.parquet", limit: ${SAMPLE} } }
  vocabulary:
    uses: tokenize
    inputs: { data: sample }
    with: { train: { vocab_size: ${vocabulary} }, max_length: 512 }
  download: { uses: download, with: { from: "corpus/*.parquet" } }
  filter:
    uses: filter
    inputs: { data: download }
    with:
      strip_html: true
      normalize_whitespace: true
      min_words: 20
      dedupe: exact${near ? "\n      near: { threshold: 0.8 }" : ""}
  split: { uses: split, inputs: { data: filter }, with: { stratify: label } }
  tokenize:
    uses: tokenize
    inputs: { data: split, tokenizer: vocabulary }
    with: { max_length: 512 }
`;
}

/**
 * Makes a corpus and goes the way.
 *
 * @param folder An empty folder.
 * @throws {Error} Where a stage fails.
 */
export async function measureWay(
  folder: string,
  { bytes, near = true, vocabulary = VOCABULARY }: {
    readonly bytes: number;
    readonly near?: boolean;
    readonly vocabulary?: number | undefined;
  },
): Promise<WayFigures> {
  await Deno.mkdir(`${folder}/corpus`);
  const corpus = await writeCorpus(`${folder}/corpus`, { bytes });
  await Deno.writeTextFile(`${folder}/p.yaml`, pipeline({ near, vocabulary }));
  const { stages, runner_peak_rss_mb, artifacts } = await timeStages(`${folder}/p.yaml`);
  const rowsOf = async (stage: string): Promise<number> => {
    const { splits } = await readDatasetInfo(artifacts[stage]!);
    return Object.values(splits).reduce((sum, { rows }) => sum + rows, 0);
  };
  const all = { download: corpus.rows, filter: corpus.rows };
  const rows = { ...all, split: await rowsOf("filter"), tokenize: await rowsOf("split") };
  const figures = STAGES.map((stage): StageFigures => {
    const { seconds, cpu_seconds, peak_rss_mb } = stages.find((each) => each.stage === stage)!;
    const mb = corpus.textBytes / corpus.rows * rows[stage] / 1e6;
    const time = { seconds, cpu_seconds, mb_per_s: mb / seconds };
    return { stage, rows: rows[stage], mb, ...time, peak_rss_mb };
  });
  return {
    corpus,
    stages: figures,
    seconds: figures.reduce((sum, { seconds }) => sum + seconds, 0),
    cpu_seconds: figures.reduce((sum, { cpu_seconds }) => sum + cpu_seconds, 0),
    runner_peak_rss_mb,
    disk_mb: sizeOf(folder) / 1e6,
    tokenizer: `${artifacts.vocabulary}/tokenizer.json`,
  };
}

/** Bytes of the files in a folder; one that has several names counts once. */
function sizeOf(folder: string, seen = new Set<number>()): number {
  let bytes = 0;
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) bytes += sizeOf(path, seen);
    if (!isFile) continue;
    const { size, ino } = Deno.lstatSync(path);
    if (ino !== null && seen.has(ino)) continue;
    if (ino !== null) seen.add(ino);
    bytes += size;
  }
  return bytes;
}
