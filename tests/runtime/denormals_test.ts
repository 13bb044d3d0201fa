/**
 * The smallest numbers: JavaScript's are what they were after an engine has computed in the same thread.
 */
import assert from "node:assert/strict";
import { canonicalJson } from "../../lib/base/canonical_json.ts";
import { DEVICES } from "../../lib/base/device.ts";
import { openCausalModel } from "../../lib/evaluation/open_model.ts";
import { generate } from "../../lib/decoding/generate.ts";
import { resolveSettings } from "../../lib/decoding/resolve.ts";
import { rowWindows } from "../../lib/evaluation/windows.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import { toOnnx } from "../../lib/graph/onnx/compile.ts";
import { add } from "../../lib/graph/ops/mod.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { float32, type HostTensor } from "../../lib/runtime/session/session.ts";
import { trainModel } from "../../lib/train/run.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { onDevice } from "../fixtures/webgpu.ts";
import { ARGUMENTS, writeRows } from "../train/fixture.ts";

/** Operands of processor instructions: what is written into the source is read when it is compiled. */
const [SMALLEST, ONE] = [Number("5e-324"), Number("1")];

function assertKept(after: string): void {
  assert.notEqual(SMALLEST * ONE, 0, after);
  assert.equal(canonicalJson(SMALLEST / ONE), "5e-324", after);
  assert.equal(Math.fround(1e-40 * ONE), Math.fround(Number("1e-40")), after);
}

const ROWS = [[3, 1, 4, 1, 5], [9, 2, 6], [5, 3, 5, 8]];

for (const device of DEVICES) {
  Deno.test({
    ...onDevice(device, `5e-324 is no 0 after ${device} has trained, evaluated and decoded`),
    async fn(): Promise<void> {
      // Two threads of WebAssembly on a busy machine wait for each other more than they compute.
      const threads = device === "cpu" ? 2 : 1;
      const engine = await openEngine(device, { threads });
      const output = await temporaryDirectory();
      await trainModel({
        engine,
        data: await writeRows({ train: ROWS, validation: ROWS }, { vocabSize: 10 }),
        model: undefined,
        config: { model_type: "gpt2", n_layer: 1, n_head: 2, n_embd: 8, n_positions: 16 },
        configOverrides: undefined,
        args: { ...ARGUMENTS, max_steps: 1, logging_steps: 1, eval_strategy: "epoch" },
        output,
        log: (line) => assertKept(line),
        progress: (step) => assertKept(`step ${step}`),
      });
      await engine.dispose();
      assertKept("training");
      await using model = await openCausalModel(output, { device, threads });
      await model.score(rowWindows([Int32Array.from(ROWS[0]!)], 16), { batchSize: 1 });
      assertKept("evaluation");
      await generate(model.decoder({ cache: true }), {
        prompts: [ROWS[1]!],
        settings: resolveSettings({ max_new_tokens: 4 }, model.defaults),
        seed: 1,
        batchSize: 1,
        decode: () => "",
      });
      assertKept("decoding");
    },
  });
}

const flushes = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

Deno.test({
  name: "the native engine counts denormals as 0 in every one of its threads" +
    (flushes ? "" : ` (skipped: not on ${Deno.build.os} ${Deno.build.arch})`),
  ignore: !flushes,
  async fn(): Promise<void> {
    const size = 2 ** 20;
    const graph = new Graph("twice");
    const x = graph.input("x", { type: "float32", shape: [size] });
    graph.output("y", add(x, x));
    const engine = await openEngine("cpu", { threads: 2 });
    const session = await engine.createSession(toOnnx(graph, { target: "cpu" }));
    const { y } = await session.run({ x: float32(new Float32Array(size).fill(1e-40), [size]) });
    assert.ok((y as HostTensor<"float32">).data.every((value) => value === 0));
    await engine.dispose();
    assertKept("a run");
  },
});
