/**
 * The processes of stages, as the system lists them.
 *
 * @module
 */
import assert from "node:assert/strict";

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Processes of stages of one `runs` folder, by id. */
export async function stagesOf(runs: string): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,args="] }).output();
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes(`${runs}/store/scratch/`))
    .map((line) => Number.parseInt(line));
}

/** Holds that the stages of a runner that was killed end soon. */
export async function noStageLeft(runs: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (Date.now() < end && (await stagesOf(runs)).length > 0) await pause(20);
  assert.deepEqual(await stagesOf(runs), [], "stages outlive their runner");
}
