/**
 * What the training benchmark measures, and on which models.
 *
 * @module
 */
import type { JsonObject } from "../../lib/base/json.ts";

/** The figures of one measurement; times are medians over its steps. */
export interface StepFigures {
  /** Forward, backward, clipping and AdamW. */
  readonly step_ms: number;
  /** Forward and backward alone; absent on a GPU, which nobody waits for in the middle of a step. */
  readonly gradients_ms?: number;
  /** Clipping and AdamW alone; likewise. */
  readonly update_ms?: number;
  /** Share of the step that is not inside a run of ONNX Runtime. */
  readonly outside_share: number;
  readonly tokens_per_s: number;
  /** Building the graph and making its session. */
  readonly session_ms: number;
  /** The process's largest resident set during training. */
  readonly peak_rss_mb: number;
  /** Sum of the step's matrix products, each timed alone; absent where not asked for. */
  readonly products_ms?: number;
  /** Their rate. */
  readonly products_gflops?: number;
  /** Compute kernels that a step starts on a GPU, as all below on average over the steps; absent elsewhere. */
  readonly gpu_launches?: number;
  /** Lists of commands. */
  readonly gpu_submits?: number;
  /** Tensors that go to the GPU: the batch and scalars. */
  readonly gpu_upload_kb?: number;
  /** What launches say of sizes and strides. */
  readonly gpu_sizes_kb?: number;
  /** What comes back: loss and norm. */
  readonly gpu_download_kb?: number;
  /** Times that the host waits for it. */
  readonly gpu_readbacks?: number;
  /** The most GPU memory that there were buffers for at once. */
  readonly gpu_peak_mb?: number;
}

/** A model and the batch it is measured with. */
export interface BenchModel {
  readonly config: JsonObject;
  /** B. */
  readonly batch: number;
  /** T. */
  readonly length: number;
}

const DROPOUT = { resid_pdrop: 0.1, embd_pdrop: 0.1, attn_pdrop: 0.1 };

/** The models by name. */
export const BENCH_MODELS: Readonly<Record<string, BenchModel>> = {
  gpt2: { config: { model_type: "gpt2", ...DROPOUT }, batch: 2, length: 512 },
  small: {
    config: {
      model_type: "gpt2",
      n_layer: 4,
      n_embd: 256,
      n_head: 4,
      vocab_size: 4096,
      n_positions: 128,
      bos_token_id: 0,
      eos_token_id: 0,
      ...DROPOUT,
    },
    batch: 8,
    length: 128,
  },
  // Too small to say anything of speed: for the benchmark's own test.
  tiny: {
    config: {
      model_type: "gpt2",
      n_layer: 1,
      n_embd: 32,
      n_head: 2,
      vocab_size: 128,
      n_positions: 16,
      bos_token_id: 0,
      eos_token_id: 0,
      ...DROPOUT,
    },
    batch: 2,
    length: 16,
  },
};

/** Those that are measured where none is asked for. */
export const DEFAULT_MODELS: readonly string[] = ["gpt2", "small"];
