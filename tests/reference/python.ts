/**
 * Runs the scripts beside it, which hold what was trained to transformers and peft, where a Python with
 * those is there: TEMPER_PYTHON names it, else python3.
 *
 * @module
 */
import { filePath } from "../../lib/base/paths.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

const PYTHON = Deno.env.get("TEMPER_PYTHON") ?? "python3";

/** Whether Python can import these packages. */
export async function hasPackages(...packages: string[]): Promise<boolean> {
  const find = `import importlib.util as u, sys
def missing(name):
    try:
        return u.find_spec(name) is None
    except ModuleNotFoundError:
        return True
sys.exit(any(map(missing, sys.argv[1:])))`;
  try {
    const { success } = await new Deno.Command(PYTHON, {
      args: ["-c", find, ...packages],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    // There is none, or it may not be run.
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Runs a script and reads the results that it prints.
 *
 * @param script Its name in this folder.
 * @param jobs What it does, one after another: importing torch takes longer than any of them.
 */
export async function runScript<Result>(
  script: string,
  jobs: readonly unknown[],
): Promise<Result[]> {
  const folder = await temporaryDirectory();
  const file = `${folder}/jobs.json`;
  await Deno.writeTextFile(file, JSON.stringify(jobs));
  const { success, stdout, stderr } = await new Deno.Command(PYTHON, {
    args: [filePath(new URL(script, import.meta.url)), file],
    // torch makes a cache in the folder for temporary files.
    env: { HF_HUB_OFFLINE: "1", TOKENIZERS_PARALLELISM: "false", TMPDIR: folder },
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${script} failed:\n${text(stderr)}`);
  return JSON.parse(text(stdout));
}
