import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { writeTokens } from "../../lib/data/tokens/tokens.ts";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { trainModel } from "../../lib/train/run.ts";
import { ARGUMENTS, splitOf } from "./fixture.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

/** Reference traces; other folders of `make_goldens.py` may be named in the environment. */
const goldens = Deno.env.get("TEMPER_GOLDENS") ?? "../shared/reference/goldens";
const there = await Deno.stat(`${goldens}/gpt2-lm`).then(() => true, () => false);

interface Trace {
  optimizer: {
    lr: number;
    warmup_steps: number;
    total_steps: number;
    weight_decay: number;
    max_grad_norm: number;
    eps: number;
  };
  steps: { loss: number; grad_norm: number; lr: number }[];
}

function close(actual: number, expected: number, what: string): void {
  const tolerance = 1e-3 * Math.max(1, Math.abs(expected));
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, expected ${expected}`);
}

for (const accumulation of [1, 3]) {
  Deno.test({
    name: `train() follows transformers over six steps, each of ${accumulation} ` +
      (accumulation === 1 ? "batch" : "batches") + (there ? "" : " (skipped: no ../shared)"),
    ignore: !there,
    async fn(): Promise<void> {
      const { tensors } = await readSafetensors(`${goldens}/gpt2-lm/golden.safetensors`);
      const trace: Trace = JSON.parse(await Deno.readTextFile(`${goldens}/gpt2-lm/golden.json`));
      const ids = Array.from(tensors.get("in.input_ids")!.data, Number);
      const mask = Array.from(tensors.get("in.attention_mask")!.data, Number);
      const [rows = 0, length = 0] = tensors.get("in.input_ids")!.shape;
      const split = splitOf(Array.from({ length: rows }, (_, row) => {
        const end = mask.slice(row * length, (row + 1) * length).filter((kept) =>
          kept === 1
        ).length;
        return ids.slice(row * length, row * length + end);
      }));
      const data = await temporaryDirectory();
      await writeTokens(data, {
        info: {
          vocab_size: Math.max(...ids) + 1,
          max_length: null,
          packed: false,
          eos_token_id: 2,
          bos_token_id: 1,
          pad_token_id: 0,
          tokenizer: { source: "input", type: "BPE" },
        },
        splits: { train: split },
      });
      const output = await temporaryDirectory();
      const engine = await openEngine("cpu", { threads: 2 });
      const { optimizer } = trace;
      const { state } = await trainModel({
        engine,
        data,
        model: `${goldens}/gpt2-lm/model`,
        config: undefined,
        configOverrides: undefined,
        args: {
          ...ARGUMENTS,
          learning_rate: optimizer.lr,
          warmup_steps: optimizer.warmup_steps,
          max_steps: optimizer.total_steps,
          weight_decay: optimizer.weight_decay,
          max_grad_norm: optimizer.max_grad_norm,
          adam_epsilon: optimizer.eps,
          per_device_train_batch_size: rows / accumulation,
          gradient_accumulation_steps: accumulation,
          logging_steps: 1,
        },
        output,
        log: () => {},
        progress: () => {},
      });
      await engine.dispose();
      for (const [i, step] of trace.steps.entries()) {
        const entry = state.log_history[i]!;
        close(entry.loss!, step.loss, `loss of step ${i + 1}`);
        close(entry.grad_norm!, step.grad_norm, `norm of step ${i + 1}`);
        close(entry.learning_rate!, step.lr, `learning rate of step ${i + 1}`);
      }
      const after = await loadCheckpoint(output);
      for (const [name, { data }] of after.tensors) {
        const expected = tensors.get(`after.${name}`)!.data as Float32Array;
        assert.equal(data.length, expected.length, name);
        for (let i = 0; i < data.length; i++) {
          // A bias of all keys moves all scores of a query alike: its gradient is zero, and Adam
          // makes steps of full length out of the rounding errors that are left of it.
          if (name.endsWith("c_attn.bias") && Math.floor(3 * i / data.length) === 1) continue;
          close(data[i]!, expected[i]!, `${name}[${i}]`);
        }
      }
    },
  });
}
