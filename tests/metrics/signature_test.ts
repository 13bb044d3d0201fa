import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { METRICS_VERSION } from "../../lib/metrics/signature.ts";

Deno.test("signatures name the version that deno.json has", () => {
  assert.equal(METRICS_VERSION, `temper-${config.version}`);
});
