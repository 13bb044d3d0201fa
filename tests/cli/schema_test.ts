import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../lib/base/errors.ts";
import { run, SCHEMA_FILE } from "../../lib/cli/schema.ts";
import { pipelineJsonSchema } from "../../lib/pipeline/definition/editor.ts";
import { REGISTRY } from "../pipeline/loading.ts";
import { hearing } from "./hearing.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";

Deno.test("schema prints the JSON Schema", async () => {
  for (const argv of [[], ["--json"]]) {
    const { io, heard } = hearing({ stages: REGISTRY });
    assert.equal(await run(argv, io), 0);
    assert.deepEqual(JSON.parse(heard.out), await pipelineJsonSchema(REGISTRY));
    assert.equal(heard.err, "");
  }
});

Deno.test("schema --write puts it where editors look for it", async () => {
  const root = await temporaryDirectory();
  const { io, heard } = hearing({ stages: REGISTRY, root });
  await assert.rejects(run(["--write"], io), UserError, "there is no folder yet");
  await Deno.mkdir(join(root, "pipelines"));
  assert.equal(await run(["--write"], io), 0);
  assert.equal(heard.out, "");
  const written = JSON.parse(await Deno.readTextFile(join(root, SCHEMA_FILE)));
  assert.deepEqual(written, await pipelineJsonSchema(REGISTRY));
  const names = [...Deno.readDirSync(join(root, "pipelines"))].map(({ name }) => name);
  assert.deepEqual(names, ["pipeline.schema.json"]);
});

Deno.test("schema --help says what it takes", async () => {
  const { io, heard } = hearing({ stages: REGISTRY });
  assert.equal(await run(["--help"], io), 0);
  assert.match(heard.out, /deno task schema/);
  assert.match(heard.out, /--write/);
});
