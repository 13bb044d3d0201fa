/**
 * The same training step in transformers and PyTorch, where Python has them: a script that takes `--model`,
 * `--batch`, `--length`, `--steps`, `--threads` and `--dropout` and prints one JSON line.
 *
 * @module
 */
import { initializeParameter } from "../../lib/train/state/initialize.ts";
import { arenaLayout, makeArena, viewOf } from "../../lib/train/state/arena.ts";
import { openModel } from "../../lib/models/open.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import { fromFileUrl } from "./median.ts";
import { productKinds } from "./products.ts";
import { BENCH_MODELS } from "./step_figures.ts";

/** What the script prints that the benchmark uses. */
export interface PeerFigures {
  readonly tokens_per_s: number;
  readonly peak_rss_mb: number;
  /** Memory of its tensors on a GPU. */
  readonly peak_gpu_mb?: number;
  /** On a GPU, with products in TensorFloat-32. */
  readonly tf32_tokens_per_s?: number;
  /** On a GPU, in bfloat16 by `torch.autocast`. */
  readonly bfloat16_tokens_per_s?: number;
  /** The matrix products of Temper's step, each timed alone in PyTorch; absent where not asked for. */
  readonly products_ms?: number;
  /** Their rate. */
  readonly products_gflops?: number;
}

/** How to run it. */
export interface Peer {
  readonly python: string;
  readonly script: string;
}

/** The peer, or why there is none. */
export async function findPeer(
  { script = fromFileUrl("./peer_train.py"), python = Deno.env.get("PYTHON") ?? "python3", gpu }: {
    readonly script?: string | undefined;
    readonly python?: string | undefined;
    /** Whether it is to compute on a GPU. */
    readonly gpu: boolean;
  },
): Promise<Peer | string> {
  try {
    const { success } = await new Deno.Command(python, {
      args: ["-c", `import torch, transformers; assert ${gpu ? "torch.cuda.is_available()" : "1"}`],
      stdout: "null",
      stderr: "null",
    }).output();
    return success
      ? { python, script }
      : `${python} has no torch${gpu ? " with a GPU" : ""} and transformers`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${python}`;
    throw error;
  }
}

/** Times a model's matrix products in PyTorch. */
export async function measurePeerProducts(
  { python }: Peer,
  { model, threads }: { readonly model: string; readonly threads: number },
): Promise<Required<Pick<PeerFigures, "products_ms" | "products_gflops">>> {
  const child = new Deno.Command(python, {
    args: [fromFileUrl("./peer_products.py"), "--threads", `${threads}`],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(JSON.stringify(productKinds(model))));
  await input.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error("peer_products.py failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** How the peer computes. */
interface PeerOptions {
  readonly model: string;
  readonly steps: number;
  readonly threads: number;
}

/** Measures the peer on a GPU, in each of its precisions. */
export async function measurePeerOnGpu(peer: Peer, options: PeerOptions): Promise<PeerFigures> {
  const on = (dtype: string): Promise<PeerFigures> =>
    measurePeer(peer, options, ["--device", "cuda", "--dtype", dtype]);
  const figures = await on("float32");
  return {
    ...figures,
    tf32_tokens_per_s: (await on("tf32")).tokens_per_s,
    bfloat16_tokens_per_s: (await on("bfloat16")).tokens_per_s,
  };
}

/** Runs the script with one of the models. */
export async function measurePeer(
  { python, script }: Peer,
  options: PeerOptions,
  more: readonly string[] = [],
): Promise<PeerFigures> {
  const { config, batch, length } = BENCH_MODELS[options.model]!;
  const dir = await Deno.makeTempDir();
  try {
    // Without --model the script makes a GPT-2 124M itself.
    const model = options.model === "gpt2" ? [] : ["--model", dir];
    if (model.length > 0) {
      const { parameters, config: full } = openModel(config);
      const arena = makeArena(arenaLayout(parameters));
      const tensors = parameters.map((parameter, index) => {
        const { name, shape } = parameter;
        const { data } = viewOf(arena, name);
        initializeParameter(parameter, { values: data, seed: 1, index });
        return [name, { shape, data }] as const;
      });
      await saveCheckpoint(dir, { config: full, tensors });
    }
    const { success, stdout, stderr } = await new Deno.Command(python, {
      args: [
        ...[script, ...model, "--batch", `${batch}`, "--length", `${length}`, "--dropout", "0.1"],
        ...["--steps", `${options.steps}`, "--threads", `${options.threads}`, ...more],
      ],
    }).output();
    if (!success) throw new Error(`${script} failed: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1) ?? "");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
