/**
 * Quickstart's training, engine by engine: the same first losses, at quickstart's own size. On a software
 * adapter a step of WebGPU takes two seconds.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { resultOf, ROOT, runPipeline, type Surroundings, workspace } from "./temper.ts";
import { onDevice } from "../fixtures/webgpu.ts";

const STEPS = 10;
const TOLERANCE = 1e-3;

/** quickstart.yaml up to its model, with a log entry a step: what follows takes an engine's time. */
async function trainingPart(): Promise<string> {
  const text = await Deno.readTextFile(join(ROOT, "pipelines/quickstart.yaml"));
  let part = text.slice(0, text.indexOf("\n  scores:") + 1);
  for (const [name, value] of [["logging_steps", "1"], ["eval_strategy", '"no"']]) {
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
  around: Surroundings,
): Promise<number[]> {
  const steps = ["-p", `max_steps=${STEPS}`];
  const run = await runPipeline(["quickstart.yaml", ...steps, "--device", device], around);
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
  await using around = await workspace({ "quickstart.yaml": await trainingPart() });
  let native: number[] = [];
  await t.step("native", async () => {
    native = await lossesOn("cpu", around);
  });
  await t.step("wasm", async () => {
    agree(await lossesOn("wasm", around), native, "wasm");
  });
  await t.step({
    ...onDevice("webgpu", "webgpu"),
    fn: async () => agree(await lossesOn("webgpu", around), native, "webgpu"),
  });
});
