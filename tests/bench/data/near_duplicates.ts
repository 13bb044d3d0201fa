/**
 * `deno task bench near-duplicates`: how many of the near duplicates that are in a corpus are found, how many
 * rows are taken for some that are none, and what that takes.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fromFileUrl } from "../median.ts";
import { workingFolder } from "./working_folder.ts";

const USAGE = `deno task bench near-duplicates [options]
  --rows N         rows of about 1 KB, 3% of them copies, 3% near duplicates (1000000)
  --threshold T    of the Jaccard similarity of shingles of 5 words (0.8)
  --folder FOLDER  where to work (the system's temporary folder)
  --json           one JSON object instead of the table
`;

/** What was found. */
export interface NearFigures {
  readonly rows: number;
  /** Copies in the corpus at least as similar as the threshold, exact ones too, and those found. */
  readonly planted: number;
  readonly found: number;
  readonly recall: number;
  /** Rows that were taken for copies and are none, and their share of those that are none. */
  readonly wrong: number;
  readonly false_share: number;
  /** Of the search alone: the corpus is made in between. */
  readonly seconds: number;
  readonly rows_per_s: number;
  readonly peak_rss_mb: number;
}

/** Bytes that a row takes on the disk: shingles and hashes. */
const ROW = 1200;

/** Runs it; returns the exit code. */
export async function benchNearDuplicates(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      rows: { type: "string", default: "1000000" },
      threshold: { type: "string", default: "0.8" },
      folder: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const rows = Number(values.rows);
  const threshold = Number(values.threshold);
  if (values.help || !(Number.isInteger(rows) && rows > 0) || !(threshold > 0)) {
    (values.help ? console.log : console.error)(USAGE);
    return values.help ? 0 : 2;
  }
  await using work = await workingFolder(rows * ROW, { in: values.folder });
  // In a process of its own, whose memory is nothing else's.
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--no-check", "--quiet", "--config"],
      ...[fromFileUrl("../../deno.json"), fromFileUrl("./data/count_near.ts")],
      ...[`${rows}`, `${threshold}`, `${work.path}/spill`],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("the search for near duplicates failed");
  const figures: NearFigures = JSON.parse(new TextDecoder().decode(stdout));
  console.log(values.json ? JSON.stringify(figures) : table(figures));
  return 0;
}

function table(figures: NearFigures): string {
  const percent = (share: number): string => `${(100 * share).toFixed(3)}%`;
  const lines: [string, string][] = [
    ["rows", `${figures.rows}`],
    ["copies and near duplicates", `${figures.planted}`],
    ["  found", `${figures.found}`],
    ["  recall", percent(figures.recall)],
    ["taken for some that are none", `${figures.wrong}`],
    ["  share", percent(figures.false_share)],
    ["seconds", figures.seconds.toFixed(1)],
    ["rows/s", figures.rows_per_s.toFixed(0)],
    ["memory, MB", figures.peak_rss_mb.toFixed(0)],
  ];
  return lines.map(([name, value]) => name.padEnd(32) + value.padStart(12)).join("\n");
}
