/**
 * `deno task bench tokenize`: how fast texts become ids, beside the Rust package on the same text.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { EncodingFigures } from "./documents.ts";
import { fromFileUrl, median } from "./median.ts";

const USAGE = `deno task bench tokenize --text FILE --tokenizer FOLDER [options]
  --text FILE         UTF-8; documents of 2,000 characters are encoded
  --tokenizer FOLDER  with a tokenizer.json; may be given several times
  --rounds N          measurements to take the median of (1)
  --peer SCRIPT       the peer's script, in place of tests/bench/peer_tokenize.py
  --python PYTHON     an interpreter with tokenizers ($TEMPER_PYTHON or python3)
  --json              one JSON object instead of the table
`;

/** What the peer's script prints. */
interface PeerFigures {
  readonly "one thread": { readonly mb_per_s: number; readonly tokens: number };
  readonly "all threads"?: { readonly mb_per_s: number };
}

interface Row {
  readonly tokenizer: string;
  readonly tokens: number;
  readonly mb_per_s: number;
  readonly all_mb_per_s: number;
  readonly first_mb_per_s: number;
  readonly offsets_mb_per_s: number;
  readonly peak_rss_mb: number;
  readonly peer_mb_per_s?: number;
  readonly peer_all_mb_per_s?: number;
  readonly peer_tokens?: number;
}

/** Runs it; returns the exit code. */
export async function benchTokenize(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      text: { type: "string" },
      tokenizer: { type: "string", multiple: true, default: [] },
      rounds: { type: "string", default: "1" },
      peer: { type: "string", default: fromFileUrl("./peer_tokenize.py") },
      python: { type: "string", default: Deno.env.get("TEMPER_PYTHON") ?? "python3" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { text, tokenizer: folders, rounds, peer, python } = values;
  if (values.help || text === undefined || folders.length === 0) {
    (values.help ? console.log : console.error)(USAGE);
    return values.help ? 0 : 2;
  }
  const rows: Row[] = [];
  for (const folder of folders) {
    const measured: Row[] = [];
    for (let round = 0; round < Number(rounds); round++) {
      const theirs = await measurePeer([python, peer, `${folder}/tokenizer.json`, text]);
      const own = await measure(folder, text);
      measured.push({
        ...own,
        tokenizer: folder.split("/").at(-1)!,
        ...theirs === undefined ? {} : {
          peer_mb_per_s: theirs["one thread"].mb_per_s,
          peer_tokens: theirs["one thread"].tokens,
          peer_all_mb_per_s: theirs["all threads"]?.mb_per_s ?? NaN,
        },
      });
    }
    rows.push(medianRow(measured));
  }
  console.log(values.json ? JSON.stringify({ rows }) : table(rows));
  return 0;
}

async function measure(folder: string, text: string): Promise<EncodingFigures> {
  const config = fromFileUrl("../../deno.json");
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-read", "--no-check", "--quiet", "--config", config],
      ...[fromFileUrl("./encode_text.ts"), folder, text],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`the measurement of ${folder} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function measurePeer(command: [string, ...string[]]): Promise<PeerFigures | undefined> {
  const [python, ...args] = command;
  try {
    const { success, stdout } = await new Deno.Command(python, { args, stderr: "null" }).output();
    if (success) return JSON.parse(new TextDecoder().decode(stdout));
    console.error(`no peer: ${python} ${args[0]} fails`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error(`no peer: there is no ${python}`);
  }
  return undefined;
}

function medianRow(rows: readonly Row[]): Row {
  const names = Object.keys(rows[0]!).filter((name) => name !== "tokenizer") as (keyof Row)[];
  const medians = names.map((name) => [name, median(rows.map((row) => row[name] as number))]);
  return { ...rows[0]!, ...Object.fromEntries(medians) };
}

function table(rows: readonly Row[]): string {
  const shown = (value: number | undefined, digits = 2): string => value?.toFixed(digits) ?? "-";
  const times = (own: number, peer: number | undefined): string =>
    shown(peer === undefined ? undefined : own / peer);
  const lines: [string, (row: Row) => string][] = [
    ["MB/s, one thread", (row) => shown(row.mb_per_s)],
    ["  the first time", (row) => shown(row.first_mb_per_s)],
    ["  with offsets", (row) => shown(row.offsets_mb_per_s)],
    ["MB/s, all threads", (row) => shown(row.all_mb_per_s)],
    ["tokens", (row) => shown(row.tokens, 0)],
    ["memory, MB", (row) => shown(row.peak_rss_mb, 0)],
    ["Rust package, MB/s, one thread", (row) => shown(row.peer_mb_per_s)],
    ["  all threads", (row) => shown(row.peer_all_mb_per_s)],
    ["  tokens", (row) => shown(row.peer_tokens, 0)],
    ["times the Rust package", (row) => times(row.mb_per_s, row.peer_mb_per_s)],
    ["  all threads", (row) => times(row.all_mb_per_s, row.peer_all_mb_per_s)],
  ];
  const body = [
    ["", ...rows.map(({ tokenizer }) => tokenizer)],
    ...lines.map(([name, cell]) => [
      name,
      ...rows.map(cell),
    ]),
  ];
  return body.map(([name = "", ...cells]) =>
    name.padEnd(32) + cells.map((cell) => cell.padStart(20)).join("")
  ).join("\n");
}
