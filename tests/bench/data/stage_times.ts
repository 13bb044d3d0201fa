/**
 * Runs a pipeline with the real runner, and measures each stage: how long it took, and how much memory its
 * process had at most, as Linux counts it.
 *
 * @module
 */
import type { RunEvent } from "../../../lib/pipeline/run/events.ts";
import { fromFileUrl } from "../median.ts";

/** How often the processes are looked at, in milliseconds. The kernel keeps the peak itself. */
const LOOK = 50;

/** What a stage took. */
export interface StageTime {
  readonly stage: string;
  readonly seconds: number;
  /** Of processors, as far as was seen: what other work on the machine does not change. */
  readonly cpu_seconds: number;
  /** The largest resident set of its process. */
  readonly peak_rss_mb: number;
}

/** What a run took. */
export interface RunTimes {
  readonly stages: readonly StageTime[];
  readonly runner_peak_rss_mb: number;
  /** Stage -> its artifact's folder. */
  readonly artifacts: Readonly<Record<string, string>>;
}

/**
 * Runs a pipeline, a stage at a time.
 *
 * In a process of its own: Deno shows the memory of others only to programs that may do everything.
 *
 * @param file Its path; the store is made beside it.
 * @throws {Error} Where it fails; why has been printed.
 */
export async function timeStages(file: string): Promise<RunTimes> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--no-check", "--quiet", "--config"],
      ...[fromFileUrl("../../deno.json"), fromFileUrl("./data/stage_times.ts"), file],
    ],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`the run of ${file} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function run(file: string): Promise<RunTimes> {
  const folder = file.slice(0, file.lastIndexOf("/"));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-P=runner", "--no-check", "--quiet", "--config", fromFileUrl("../../deno.json")],
      ...[fromFileUrl("../../main.ts"), "run", file, "--json", "--jobs", "1"],
    ],
    cwd: folder,
    env: { NO_COLOR: "1", INIT_CWD: folder, TEMPER_RUNS: `${folder}/runs` },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const peaks = new Map<string, number>();
  /** Seconds of processors, by stage and process. */
  const cpu = new Map<string, Map<number, number>>();
  let running: string | undefined;
  let runner = 0;
  const look = (): void => {
    runner = Math.max(runner, peakOf(child.pid));
    for (const pid of descendantsOf(child.pid)) {
      if (running === undefined) continue;
      peaks.set(running, Math.max(peaks.get(running) ?? 0, peakOf(pid)));
      const own = cpu.get(running) ?? new Map<number, number>();
      cpu.set(running, own.set(pid, Math.max(own.get(pid) ?? 0, processorSeconds(pid))));
    }
  };
  const timer = setInterval(look, LOOK);
  const stages: StageTime[] = [];
  let artifacts: Readonly<Record<string, string>> = {};
  const failures: string[] = [];
  const errors = new Response(child.stderr).text();
  for await (const event of eventsOf(child.stdout)) {
    if (event.type === "stage_start") running = event.stage;
    if (event.type === "run_end") artifacts = event.artifacts;
    if (event.type !== "stage_end") continue;
    const { stage, duration, failure } = event;
    // The next may have started before this one's end was written down.
    if (running === stage) running = undefined;
    const cpu_seconds = [...cpu.get(stage)?.values() ?? []].reduce((sum, one) => sum + one, 0);
    const peak_rss_mb = peaks.get(stage) ?? NaN;
    stages.push({ stage, seconds: duration / 1000, cpu_seconds, peak_rss_mb });
    if (failure !== undefined) failures.push(`${stage}: ${failure.what}`);
  }
  clearInterval(timer);
  const { success } = await child.status;
  const told = await errors;
  if (!success) throw new Error(`the run of ${file} failed: ${failures.join("; ") || told}`);
  return { stages, runner_peak_rss_mb: runner, artifacts };
}

async function* eventsOf(out: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<RunEvent> {
  let rest = "";
  for await (const piece of out.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line);
  }
}

/** The largest resident set of a process so far, in megabytes; 0 where it is gone. */
export function peakOf(pid: number | "self"): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024 / 1e6;
  } catch {
    return 0;
  }
}

/** Clock ticks in a second, on every Linux that Deno runs on. */
const TICKS = 100;

/** What a process used of processors, in seconds; 0 where it is gone. */
function processorSeconds(pid: number): number {
  try {
    // The name in parentheses may have spaces: what comes after it has not.
    const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return 0;
  }
}

function descendantsOf(pid: number): number[] {
  try {
    const own = [...Deno.readDirSync(`/proc/${pid}/task`)].flatMap(({ name }) =>
      Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`).split(" ").filter(Boolean)
    ).map(Number);
    return own.flatMap((child) => [child, ...descendantsOf(child)]);
  } catch {
    return []; // It has ended.
  }
}

if (import.meta.main) console.log(JSON.stringify(await run(Deno.args[0]!)));
