/**
 * `deno task bench data`: what it takes to bring a corpus from parquet files to tokens, stage by stage.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fromFileUrl, median } from "../median.ts";
import { measureWay, STAGES, type WayFigures } from "./way.ts";
import { workingFolder } from "./working_folder.ts";

const USAGE = `deno task bench data [options]
  --bytes N        size of the parquet files that are made (5e9)
  --doubling       half of them first: how much longer does the whole take?
  --rounds N       times that a tenth of them goes through Temper and the peer, in turn (1)
  --no-peer        leave the peer out
  --only-peer      a tenth beside the peer alone
  --vocabulary N   tokens of the tokenizer, trained on 20,000 rows (8000)
  --folder FOLDER  where to work (the system's temporary folder)
  --python PYTHON  an interpreter with datasets and tokenizers ($TEMPER_PYTHON or python3)
  --json           one JSON object instead of the tables
The corpus: texts of about 1 KB with a number and a label, 3% copies, 3% near duplicates (Jaccard from 0.8 on).
`;

/** So many times its bytes a corpus takes on the disk, with all that is made of it. */
const ROOM = 7;

/** What goes through Temper and the peer. */
const PEER_SHARE = 0.1;

/** What the peer's script prints. */
interface PeerFigures {
  readonly seconds: Readonly<Record<string, number>>;
  readonly rows: number;
  readonly peak_rss_mb: number;
}

/** One round beside the peer. */
interface Round {
  readonly temper: WayFigures;
  readonly peer: PeerFigures;
}

/** Runs it; returns the exit code. */
export async function benchData(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      bytes: { type: "string", default: "5e9" },
      doubling: { type: "boolean", default: false },
      rounds: { type: "string", default: "1" },
      "no-peer": { type: "boolean", default: false },
      "only-peer": { type: "boolean", default: false },
      vocabulary: { type: "string" },
      folder: { type: "string" },
      python: { type: "string", default: Deno.env.get("TEMPER_PYTHON") ?? "python3" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const bytes = Number(values.bytes);
  const rounds = Number(values.rounds);
  if (values.help || !(bytes >= 1) || !Number.isInteger(rounds)) {
    (values.help ? console.log : console.error)(USAGE);
    return values.help ? 0 : 2;
  }
  const { python, folder, "only-peer": onlyPeer } = values;
  const vocabulary = values.vocabulary === undefined ? undefined : Number(values.vocabulary);
  const peer = values["no-peer"] ? "it was not asked for" : await whyNoPeer(python);
  if (peer !== undefined) console.error(`no peer: ${peer}`);
  const measured = async (size: number): Promise<WayFigures> => {
    await using work = await workingFolder(ROOM * size, { in: folder });
    return await measureWay(work.path, { bytes: size, vocabulary });
  };
  // Each table as soon as it is there: what comes after may take an hour.
  const print = (table: string): void => {
    if (!values.json) console.log(`${table}\n`);
  };
  const half = values.doubling && !onlyPeer ? await measured(bytes / 2) : undefined;
  if (half !== undefined) print(wayTable(half));
  const whole = onlyPeer ? undefined : await measured(bytes);
  if (whole !== undefined) print(wayTable(whole));
  if (half !== undefined && whole !== undefined) print(doublingTable(half, whole));
  const beside: Round[] = [];
  for (let round = 0; peer === undefined && round < rounds; round++) {
    await using work = await workingFolder(ROOM * bytes * PEER_SHARE, { in: folder });
    beside.push(await besidePeer(python, { folder: work.path, bytes, vocabulary }));
  }
  if (values.json) console.log(JSON.stringify({ half, whole, beside }));
  else if (beside.length > 0) print(peerTable(beside));
  return 0;
}

/** Why there is no peer; undefined where there is one. */
async function whyNoPeer(python: string): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command(python, {
      ...{ args: ["-c", "import datasets, tokenizers"], stdout: "null", stderr: "null" },
    }).output();
    return success ? undefined : `${python} has no datasets and tokenizers`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${python}`;
    throw error;
  }
}

/** A tenth of the corpus, without near duplicates, which the peer doesn't know. */
async function besidePeer(
  python: string,
  { folder, bytes, vocabulary }: {
    readonly folder: string;
    readonly bytes: number;
    readonly vocabulary: number | undefined;
  },
): Promise<Round> {
  const temper = await measureWay(folder, { bytes: bytes * PEER_SHARE, near: false, vocabulary });
  const cache = `${folder}/peer`;
  await Deno.mkdir(cache);
  const script = fromFileUrl("./data/peer_data.py");
  const { success, stdout, stderr } = await new Deno.Command(python, {
    args: [
      ...[script, `${folder}/corpus`, temper.tokenizer, cache],
      `${navigator.hardwareConcurrency}`,
    ],
    env: { HF_HOME: cache, HF_HUB_OFFLINE: "1" },
  }).output();
  if (!success) throw new Error(`${script} failed: ${new TextDecoder().decode(stderr)}`);
  const peer = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);
  return { temper, peer };
}

/** What each stage did. */
function wayTable({ corpus, stages, ...all }: WayFigures): string {
  const heads = ["stage", "rows", "MB", "seconds", "of CPU", "MB/s", "memory, MB"];
  const body = stages.map(({ stage, rows, ...time }) => [
    ...[stage, `${rows}`, time.mb.toFixed(0), time.seconds.toFixed(1)],
    ...[time.cpu_seconds.toFixed(1), time.mb_per_s.toFixed(1), time.peak_rss_mb.toFixed(0)],
  ]);
  const mb = corpus.textBytes / 1e6;
  const sum = [
    ...["together", `${corpus.rows}`, mb.toFixed(0), all.seconds.toFixed(1)],
    all.cpu_seconds.toFixed(1),
    ...[(mb / all.seconds).toFixed(1), all.runner_peak_rss_mb.toFixed(0)],
  ];
  return `${columns([heads, ...body, sum])}
memory: of each stage's process at most; together: the runner's
${(corpus.bytes / 1e6).toFixed(0)} MB of parquet, ${
    all.disk_mb.toFixed(0)
  } MB on the disk at the end`;
}

/** The same for half of the corpus and for all of it. */
function doublingTable(half: WayFigures, whole: WayFigures): string {
  const secondsOf = (way: WayFigures, stage: string): number =>
    stage === "together" ? way.seconds : way.stages.find((each) => each.stage === stage)!.seconds;
  const cpuOf = (way: WayFigures, stage: string): number =>
    stage === "together"
      ? way.cpu_seconds
      : way.stages.find((each) => each.stage === stage)!.cpu_seconds;
  const body = [...STAGES, "together"].map((stage) => {
    const [a, b] = [secondsOf(half, stage), secondsOf(whole, stage)];
    const [c, d] = [cpuOf(half, stage), cpuOf(whole, stage)];
    return [stage, a.toFixed(1), b.toFixed(1), (b / a).toFixed(2), (d / c).toFixed(2)];
  });
  return columns([["twice the data", "half, s", "whole, s", "times", "CPU, times"], ...body]);
}

/** Beside the peer: medians of the rounds, and of their ratios. */
function peerTable(rounds: readonly Round[]): string {
  const body = STAGES.map((stage) => {
    const times = rounds.map(({ temper, peer }) => {
      const { seconds, mb } = temper.stages.find((each) => each.stage === stage)!;
      return { mb, own: seconds, peer: peer.seconds[stage]! };
    });
    const of = (value: (time: typeof times[number]) => number, digits = 1): string =>
      median(times.map(value)).toFixed(digits);
    return [
      ...[stage, of(({ mb }) => mb, 0), of(({ mb, own }) => mb / own)],
      ...[of(({ mb, peer }) => mb / peer), of(({ own, peer }) => peer / own, 2)],
    ];
  });
  const memory = median(rounds.map(({ peer }) => peer.peak_rss_mb));
  return `${columns([["a tenth", "MB", "MB/s", "datasets, MB/s", "times datasets"], ...body])}
without near duplicates, which datasets doesn't find; its memory: ${memory.toFixed(0)} MB`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)) + 2);
  return rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)).join("")
  ).join("\n");
}
