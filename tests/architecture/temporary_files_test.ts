import assert from "node:assert/strict";
import { resolve } from "node:path";
import { filesBelow } from "./module_graph.ts";

const ROOT = resolve(import.meta.dirname!, "../..");

/** Who may make temporary folders and files, since it sees to it that they go. */
const MAKERS = [
  "lib/pipeline/code/process_config.ts",
  "tests/bench/data/working_folder.ts",
  "tests/bench/peer.ts",
  "tests/fixtures/temporary_directory.ts",
  "tests/torture/command/work_folder.ts",
];

/** Who only names such calls. */
const NAMERS = [
  "tests/architecture/temporary_files_test.ts",
  "tests/pipeline/process_config_test.ts",
  "tests/torture/scene/fault_points.ts",
];

Deno.test("temporary folders are made only where it is seen to that they go", async () => {
  const found: string[] = [];
  for (const path of await filesBelow(ROOT, ["lib", "stages", "tests"])) {
    const text = await Deno.readTextFile(resolve(ROOT, path));
    // Examples in comments are no code of the room.
    if (/^(?! *\*).*(\bmakeTemp(Dir|File)|\bmkdtemp|\btmpdir\()/m.test(text)) found.push(path);
  }
  const others = found.filter((path) => !NAMERS.includes(path));
  assert.deepEqual(others, MAKERS, "a test takes temporaryDirectory() of tests/fixtures");
});
