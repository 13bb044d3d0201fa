/** Runs a training program and prints the most memory that the process had: a process of its own for a test. */
import { openModel } from "../../lib/models/open.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { float32, int32 } from "../../lib/runtime/session/session.ts";
import { arenaLayout, makeArena } from "../../lib/train/state/arena.ts";
import { initializeParameter } from "../../lib/train/state/initialize.ts";
import { compileTraining, gradientOutput, LOSS_OUTPUT } from "../../lib/train/program/program.ts";

const [B, T, V] = [4, 256, 64];
const model = openModel({
  model_type: "gpt2",
  n_layer: 8,
  n_head: 4,
  n_embd: 64,
  n_positions: T,
  vocab_size: V,
});
const layout = arenaLayout(model.parameters);
const [parameters, gradients] = [makeArena(layout), makeArena(layout)];
for (const [index, parameter] of model.parameters.entries()) {
  const { data: values } = parameters.tensors.get(parameter.name)!;
  initializeParameter(parameter, { values, seed: 1, index });
}
const engine = await openEngine("cpu", { threads: 1 });
const gradientCheckpointing = Deno.args[0] === "true";
const { session } = await compileTraining(model, {
  engine,
  batchSize: B,
  length: T,
  gradientCheckpointing,
});
const ids = Int32Array.from({ length: B * T }, (_, i) => (i * 7919 + 13) % V);

/** Kibibytes: what the process has now, or the most that it had. */
function memory(field: "VmRSS" | "VmHWM"): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(new RegExp(`${field}:\\s*(\\d+)`).exec(status)?.[1]);
}

const before = memory("VmRSS");
const loss = float32(new Float32Array(1), []);
await session.run({
  ...Object.fromEntries(parameters.tensors),
  input_ids: int32(ids, [B, T]),
  targets: int32(ids.map((id) => (id * 5 + 1) % V), [B, T]),
  loss_denominator: float32(Float32Array.of(B * T), []),
  dropout_seed: int32(Int32Array.of(77), []),
}, {
  [LOSS_OUTPUT]: loss,
  ...Object.fromEntries(
    [...gradients.tensors].map(([name, tensor]) => [gradientOutput(name), tensor]),
  ),
});
const square = gradients.values.reduce((sum, value) => sum + value * value, 0);
console.log(JSON.stringify({
  kibibytes: memory("VmHWM") - before,
  loss: loss.data[0],
  norm: Math.sqrt(square),
}));
Deno.exit();
