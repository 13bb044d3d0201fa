/**
 * Quickstart's training, engine by engine: the same first losses.
 *
 * On a software adapter a step of WebGPU takes half a minute at quickstart's size. There WebGPU is held
 * to the native engine on a copy of quickstart with a narrower model and smaller batches; on a real GPU,
 * or with TEMPER_SLOW_TESTS=1, at full size.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { adapterInfo, requestAdapter } from "../../lib/runtime/adapter.ts";
import { resultOf, ROOT, runPipeline, type Surroundings, workspace } from "./temper.ts";

const STEPS = 10;
const TOLERANCE = 1e-3;

/** quickstart.yaml up to its model, with a log entry a step: what follows takes an engine's time. */
async function trainingPart(settings: Readonly<Record<string, string>> = {}): Promise<string> {
  const text = await Deno.readTextFile(join(ROOT, "pipelines/quickstart.yaml"));
  let part = text.slice(0, text.indexOf("\n  scores:") + 1);
  for (
    const [name, value] of Object.entries({
      logging_steps: "1",
      eval_strategy: '"no"',
      ...settings,
    })
  ) {
    const line = new RegExp(`^( +)${name}:.*$`, "m");
    const written = `${name}: ${value}`;
    part = line.test(part)
      ? part.replace(line, `$1${written}`)
      : part.replace(/^( +)learning_rate:/m, `$1${written}\n$1learning_rate:`);
    assert.ok(part.includes(written), `quickstart.yaml takes no ${name}`);
  }
  return part;
}

/** The losses of the first steps. */
async function lossesOn(
  device: string,
  { file, around, args = [] }: {
    readonly file: string;
    readonly around: Surroundings;
    readonly args?: readonly string[];
  },
): Promise<number[]> {
  const steps = ["-p", `max_steps=${STEPS}`];
  const run = await runPipeline([file, ...steps, ...args, "--device", device], around);
  assert.equal(run.code, 0, JSON.stringify(run.failures) + run.stderr);
  const started = run.events.find((event) =>
    event.type === "stage_start" && event.stage === "model"
  );
  assert.ok(started?.type === "stage_start" && started.device === device, "its own training");
  const state = JSON.parse(
    await Deno.readTextFile(resultOf(around.runs, "model", "trainer_state.json")),
  ) as { log_history: { step: number; loss?: number }[] };
  const entries = state.log_history.filter(({ loss }) => loss !== undefined);
  assert.deepEqual(entries.map(({ step }) => step), Array.from({ length: STEPS }, (_, i) => i + 1));
  return entries.map(({ loss }) => loss!);
}

function agree(found: readonly number[], expected: readonly number[], what: string): void {
  const differences = found.map((loss, i) => Math.abs(loss - expected[i]!));
  assert.ok(
    Math.max(...differences) <= TOLERANCE,
    `${what}: ${JSON.stringify({ found, expected })}`,
  );
  assert.ok(found.at(-1)! < found[0]!, `${what} learns nothing: ${JSON.stringify(found)}`);
}

Deno.test("quickstart's first ten training losses agree among native, wasm and webgpu", async (t) => {
  await using around = await workspace({
    "quickstart.yaml": await trainingPart(),
    "narrow.yaml": await trainingPart({ per_device_train_batch_size: "2" }),
  });
  let native: number[] = [];
  await t.step("native", async () => {
    native = await lossesOn("cpu", { file: "quickstart.yaml", around });
  });
  await t.step("wasm", async () => {
    agree(await lossesOn("wasm", { file: "quickstart.yaml", around }), native, "wasm");
  });

  const adapter = await requestAdapter();
  if (adapter === undefined) {
    console.log("webgpu is left out: this machine has no WebGPU adapter");
    return;
  }
  const { name, software } = adapterInfo(adapter);
  if (!software || Deno.env.get("TEMPER_SLOW_TESTS") === "1") {
    await t.step("webgpu", async () => {
      agree(await lossesOn("webgpu", { file: "quickstart.yaml", around }), native, "webgpu");
    });
    return;
  }
  console.log(`webgpu is a software adapter here (${name}): a narrower model, batches of 2`);
  await t.step("webgpu, narrow", async () => {
    const narrow = { file: "narrow.yaml", around, args: ["-p", "n_layer=2", "-p", "n_embd=64"] };
    agree(await lossesOn("webgpu", narrow), await lossesOn("cpu", narrow), "webgpu");
  });
});
