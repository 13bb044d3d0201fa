/**
 * `deno task bench train`: what a training step takes on this machine, beside the same step in transformers.
 * `deno task bench tokenize` is in `tokenize.ts`, `data` and `near-duplicates` are in `data`.
 *
 * Every figure comes from a process of its own, so that one model's memory is not another's. A round runs
 * the peer and then Temper, within the same minutes; what is printed is the median over the rounds.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { fromFileUrl, median } from "./median.ts";
import { UserError } from "../../lib/base/errors.ts";
import { type Device, DEVICES } from "../../lib/base/device.ts";
import {
  findPeer,
  measurePeer,
  measurePeerOnGpu,
  measurePeerProducts,
  type PeerFigures,
} from "./peer.ts";
import { benchData } from "./data/data.ts";
import { benchNearDuplicates } from "./data/near_duplicates.ts";
import { benchTokenize } from "./tokenize.ts";
import { BENCH_MODELS, DEFAULT_MODELS, type StepFigures } from "./step_figures.ts";

const USAGE = `deno task bench tokenize --help
deno task bench data --help
deno task bench near-duplicates --help
deno task bench train [options]
  --model NAME     gpt2 (124M, 2 x 512) or small (4 layers, 8 x 128); both where absent
  --device DEVICE  cpu, wasm or webgpu (cpu); beside webgpu the peer computes on the GPU, too, by CUDA
  --fp16           mixed precision, on webgpu
  --rounds N       measurements to take the median of (1)
  --steps N        steps of a measurement; the first does not count (6)
  --threads N      processor cores to use (2)
  --no-products    leave out the matrix products timed alone (on webgpu they always are)
  --peer SCRIPT    the peer's script, in place of tests/bench/peer_train.py
  --python PYTHON  an interpreter with torch and transformers ($PYTHON or python3)
  --json           one JSON object instead of the table
`;

interface Row {
  readonly model: string;
  readonly temper: StepFigures;
  readonly peer: PeerFigures | undefined;
}

/** A line of the table: its name, and what it says of a model. */
type Line = readonly [string, (row: Row) => string];

async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      model: { type: "string", multiple: true },
      device: { type: "string", default: "cpu" },
      rounds: { type: "string", default: "1" },
      steps: { type: "string", default: "6" },
      threads: { type: "string", default: "2" },
      fp16: { type: "boolean", default: false },
      "no-products": { type: "boolean", default: false },
      peer: { type: "string" },
      python: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const models = values.model ?? DEFAULT_MODELS;
  const unknown = models.find((name) => !Object.hasOwn(BENCH_MODELS, name));
  const device = DEVICES.find((name) => name === values.device);
  if (positionals.join() !== "train" || unknown !== undefined || device === undefined) {
    const what = unknown !== undefined
      ? `no model "${unknown}"\n`
      : device === undefined
      ? `no device "${values.device}"\n`
      : "";
    console.error(`${what}${USAGE}`);
    return 2;
  }
  const gpu = device === "webgpu";
  if (values.fp16 && !gpu) {
    console.error(`--fp16 goes with --device webgpu\n${USAGE}`);
    return 2;
  }
  const peer = await findPeer({ script: values.peer, python: values.python, gpu });
  if (typeof peer === "string") console.error(`no peer: ${peer}`);
  const { fp16 } = values;
  const settings = { device, steps: Number(values.steps), threads: Number(values.threads), fp16 };
  const rows: Row[] = [];
  for (const model of models) {
    const rounds: Row[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const peers = typeof peer === "string"
        ? undefined
        : await (gpu ? measurePeerOnGpu : measurePeer)(peer, { model, ...settings });
      // Reading results back from a GPU takes longer than the products.
      const products = !values["no-products"] && round === 0 && !gpu;
      rounds.push({
        model,
        temper: await measureStep(model, { ...settings, products }),
        peer: peers && products && typeof peer !== "string"
          ? { ...peers, ...await measurePeerProducts(peer, { model, ...settings }) }
          : peers,
      });
    }
    rows.push(medianRow(rounds));
  }
  console.log(values.json ? JSON.stringify({ rows }) : table(rows));
  return 0;
}

async function measureStep(
  model: string,
  { device, steps, threads, products, fp16 }: {
    device: Device;
    steps: number;
    threads: number;
    products: boolean;
    fp16: boolean;
  },
): Promise<StepFigures> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "--allow-all",
        "--no-check",
        "--quiet",
        "--config",
        fromFileUrl("../../deno.json"),
      ],
      ...[fromFileUrl("./train_step.ts"), model, device],
      ...[`${steps}`, `${threads}`, `${products}`, `${fp16}`],
    ],
    stdout: "piped",
    stderr: "inherit",
  });
  const { success, stdout } = await child.output();
  if (!success) throw new Error(`the measurement of ${model} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The median of each figure; those that only some rounds have come from these. */
function medianRow(rounds: readonly Row[]): Row {
  const over = <T extends object>(figures: readonly T[]): T => {
    const keys = new Set(figures.flatMap((one) => Object.keys(one))) as Set<keyof T>;
    return Object.fromEntries([...keys].map((key) => {
      const found = figures.flatMap((one) => typeof one[key] === "number" ? [one[key]] : []);
      return [key, median(found)];
    })) as T;
  };
  const peers = rounds.flatMap(({ peer }) => peer ?? []);
  return {
    model: rounds[0]!.model,
    temper: over(rounds.map(({ temper }) => temper)),
    peer: peers.length === 0 ? undefined : over(peers),
  };
}

/** Of devices that count them. */
const GPU_LINES: readonly Line[] = [
  ["GPU: launches of a step", ({ temper }) => temper.gpu_launches?.toFixed(0) ?? "-"],
  ["  submits", ({ temper }) => temper.gpu_submits?.toFixed(0) ?? "-"],
  ["  kB up", ({ temper }) => temper.gpu_upload_kb?.toFixed(2) ?? "-"],
  ["  kB up, launches' sizes", ({ temper }) => temper.gpu_sizes_kb?.toFixed(1) ?? "-"],
  ["  kB down", ({ temper }) => temper.gpu_download_kb?.toFixed(3) ?? "-"],
  ["  readbacks", ({ temper }) => temper.gpu_readbacks?.toFixed(0) ?? "-"],
  ["  memory at most, MB", ({ temper }) => temper.gpu_peak_mb?.toFixed(0) ?? "-"],
  ["transformers' GPU memory, MB", ({ peer }) => peer?.peak_gpu_mb?.toFixed(0) ?? "-"],
  ["  tokens/s in tf32", ({ peer }) => peer?.tf32_tokens_per_s?.toFixed(0) ?? "-"],
  ["  tokens/s in bfloat16", ({ peer }) => peer?.bfloat16_tokens_per_s?.toFixed(0) ?? "-"],
];

function table(rows: readonly Row[]): string {
  const lines: Line[] = [
    ["step, ms", ({ temper }) => temper.step_ms.toFixed(1)],
    ["  forward and backward", ({ temper }) => temper.gradients_ms?.toFixed(1) ?? "-"],
    ["  clip and AdamW", ({ temper }) => temper.update_ms?.toFixed(1) ?? "-"],
    ["  outside ONNX Runtime", ({ temper }) => percent(temper.outside_share)],
    ["tokens/s", ({ temper }) => temper.tokens_per_s.toFixed(0)],
    ["matrix products alone, ms", ({ temper }) => temper.products_ms?.toFixed(1) ?? "-"],
    ["  GFLOP/s", ({ temper }) => temper.products_gflops?.toFixed(0) ?? "-"],
    ["step / products", ({ temper }) => ratio(temper.step_ms, temper.products_ms)],
    ["peak memory, MB", ({ temper }) => temper.peak_rss_mb.toFixed(0)],
    ["session creation, s", ({ temper }) => (temper.session_ms / 1000).toFixed(2)],
    ...rows.some(({ temper }) => temper.gpu_launches !== undefined) ? GPU_LINES : [],
    ["transformers tokens/s", ({ peer }) => peer?.tokens_per_s.toFixed(0) ?? "-"],
    ["transformers peak memory, MB", ({ peer }) => peer?.peak_rss_mb.toFixed(0) ?? "-"],
    ["  its products alone, ms", ({ peer }) => peer?.products_ms?.toFixed(1) ?? "-"],
    ["  GFLOP/s", ({ peer }) => peer?.products_gflops?.toFixed(0) ?? "-"],
    ["times transformers", ({ temper, peer }) => ratio(temper.tokens_per_s, peer?.tokens_per_s)],
    ["  were all but products free", ({ temper, peer }) =>
      ratio(
        temper.step_ms * temper.tokens_per_s,
        temper.products_ms && peer && temper.products_ms * peer.tokens_per_s,
      )],
  ];
  const heads = ["", ...rows.map(({ model }) => model)];
  const body = [heads, ...lines.map(([name, cell]) => [name, ...rows.map(cell)])];
  return body.map(([name = "", ...cells]) =>
    name.padEnd(30) + cells.map((cell) => cell.padStart(12)).join("")
  ).join("\n");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

function ratio(a: number, b: number | undefined): string {
  return b === undefined ? "-" : (a / b).toFixed(2);
}

/** The other commands, by name. */
const OTHERS: Readonly<Record<string, (argv: string[]) => Promise<number>>> = {
  tokenize: benchTokenize,
  data: benchData,
  "near-duplicates": benchNearDuplicates,
};

if (import.meta.main) {
  const [what = "", ...rest] = Deno.args;
  const other = Object.hasOwn(OTHERS, what) ? OTHERS[what] : undefined;
  try {
    Deno.exit(await (other === undefined ? main(Deno.args) : other(rest)));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
