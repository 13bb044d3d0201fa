/** Records of the store, lock files and what a stage's process says: damage is told or passed over. */
import { sealed } from "../../../lib/store/records/sealed.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalDigest } from "../../../lib/base/canonical_json.ts";
import { sha256Hex } from "../../../lib/base/hash.ts";
import type { Json } from "../../../lib/base/json.ts";
import { readDatasetInfo } from "../../../lib/data/rows/dataset.ts";
import { Lockfile } from "../../../lib/pipeline/key/lockfile.ts";
import {
  isSummaryEntry,
  MARK,
  parseAnswer,
  parseLine,
} from "../../../lib/pipeline/sandbox/protocol.ts";
import { isPlainPath, parseManifest } from "../../../lib/store/manifest.ts";
import { Actions } from "../../../lib/store/records/action.ts";
import { parseRunRecord } from "../../../lib/store/records/run_record.ts";
import { layoutOf } from "../../../lib/store/disk/layout.ts";
import type { Part } from "../part.ts";
import { type Fuzz, fuzzPart, told } from "./fuzzing.ts";
import { damagedJson, damagedText } from "./mutations.ts";

const digest = sha256Hex("a");
const components = { stage: "train", options: { a: 1 }, inputs: {}, seed: 42 };
const key = canonicalDigest(components);

/** A whole document of every kind. */
const WHOLE: Readonly<Record<string, unknown>> = {
  manifest: {
    kind: "model",
    files: [
      { path: "a/b.json", size: 3, mode: "0644", digest },
      { path: "c", size: 0, mode: "0755", digest },
    ],
  },
  action: written({
    key,
    components,
    artifact: digest,
    stage: "train",
    started: "2026-01-01T00:00:00.000Z",
    seconds: 1.5,
    summary: [],
    versions: { temper: "1" },
    device: null,
  }),
  run: written({
    id: "x",
    pipeline: "p",
    file: "/p.yaml",
    seed: 1,
    params: {},
    command: ["run"],
    versions: {},
    device: null,
    started: "2026-01-01T00:00:00.000Z",
    status: "running",
    owner: { pid: 1, start: "ticks 1 of boot 1", host: "h" },
    stages: { a: { status: "done", key, artifact: digest } },
  }),
  lock: { version: 1, pins: { "hf://gpt2@main": { commit: "abc" }, "https://a/b": { etag: "1" } } },
  dataset: {
    kind: "rows",
    columns: [{ name: "text", type: "string" }, { name: "label", type: "int", names: ["a", "b"] }],
    splits: { train: { file: "train.parquet", rows: 3 } },
    dropped: { dedupe: 1 },
  },
  progress: { type: "progress", done: 1, total: 2, unit: "rows" },
  error: {
    type: "error",
    error: {
      name: "UserError",
      message: "a",
      parts: { what: "a", at: { file: "a", line: 1, column: 2 } },
      causes: [],
    },
  },
  summary: {
    type: "summary",
    entry: { type: "figure", label: "a", value: 1, compare: { label: "b", value: 2 } },
  },
  result: {
    type: "result",
    value: {
      sources: { key: { a: 1 }, read: ["/a"], net: ["a.b"] },
      pins: { a: { b: 1 } },
    },
  },
};

/** A record with the digest of itself. */
function written(record: object): unknown {
  return JSON.parse(sealed(record));
}

const kinds = Object.keys(WHOLE);

type Input = { readonly kind: string; readonly text: string };

export const fuzz: Fuzz<Input> = {
  name: "fuzz-records",
  promise: "a damaged record is none, a damaged lock file is told, and no message stops the runner",
  perCase: 1000,
  inputs: { short: 1000, long: 100_000 },
  arbitrary: fc.constantFrom(...kinds).chain((kind) =>
    fc.record({
      kind: fc.constant(kind),
      text: fc.oneof(
        fc.constant(JSON.stringify(WHOLE[kind])),
        damagedJson(fc.constant(WHOLE[kind])).map((value) => JSON.stringify(value) ?? ""),
        damagedText(fc.constant(JSON.stringify(WHOLE[kind])), [
          "{",
          "}",
          '"',
          MARK,
          "\n",
          "1e999",
          "-",
          "null",
        ]),
      ),
    })
  ),
  async check({ kind, text }, folder): Promise<void> {
    const isWhole = text === JSON.stringify(WHOLE[kind]);
    switch (kind) {
      case "manifest": {
        const manifest = parseManifest(text);
        assert.ok(!isWhole || manifest !== undefined);
        const paths = manifest?.files.map(({ path }) => path) ?? [];
        assert.ok(paths.every(isPlainPath) && new Set(paths).size === paths.length);
        for (const { size, digest } of manifest?.files ?? []) {
          assert.ok(Number.isSafeInteger(size) && size >= 0 && /^[0-9a-f]{64}$/.test(digest));
        }
        return;
      }
      case "action": {
        const actions = new Actions(layoutOf(folder));
        await Deno.mkdir(layoutOf(folder).actions, { recursive: true });
        await Deno.writeTextFile(actions.pathOf(key), text);
        const action = await actions.read(key);
        assert.ok(!isWhole || action !== undefined);
        if (action === undefined) return;
        assert.equal(canonicalDigest(action.components), key);
        assert.match(action.artifact, /^[0-9a-f]{64}$/);
        return;
      }
      case "run": {
        const run = parseRunRecord(text);
        assert.ok(!isWhole || run !== undefined);
        assert.ok(
          run === undefined ||
            Object.values(run.stages).every(({ status }) => typeof status === "string"),
        );
        return;
      }
      case "lock": {
        await Deno.writeTextFile(`${folder}/p.lock`, text);
        const { value, errors } = await told(() => Lockfile.open(`${folder}/p.yaml`));
        if (value === undefined) {
          assert.ok(!isWhole && errors!.every(({ message }) => message.includes("p.lock")));
          return;
        }
        value.of(undefined).set(new Map([["new", { commit: "1" }]]));
        const { errors: refused } = await told(() => value.write());
        if (refused !== undefined) return;
        const again = await Lockfile.open(`${folder}/p.yaml`);
        const byName = (lock: Lockfile): [string, Json][] =>
          lock.of(undefined).entries().sort(([a], [b]) => (a < b ? -1 : 1));
        assert.deepEqual(byName(again), byName(value));
        return;
      }
      case "dataset": {
        await Deno.writeTextFile(`${folder}/dataset.json`, text);
        if (!isJson(text)) return;
        const { value, errors } = await told(() => readDatasetInfo(folder));
        assert.ok(
          errors === undefined || (!isWhole && errors[0]!.message.includes("dataset.json")),
        );
        if (value === undefined) return;
        for (const { file, rows } of Object.values(value.splits)) {
          assert.ok(!/[/\\]/.test(file) && Number.isSafeInteger(rows) && rows >= 0, "a split");
        }
        for (const { names } of value.columns) {
          assert.ok(names === undefined || names.every((name) => typeof name === "string"));
        }
        return;
      }
      default: {
        const { text: rest, message } = parseLine(`${MARK}${text}`);
        assert.ok(rest !== undefined || message !== undefined);
        assert.ok(!isWhole || message !== undefined);
        if (message?.type === "progress") assert.ok(Number.isFinite(message.done));
        if (message?.type === "summary") assert.ok(isSummaryEntry(message.entry));
        if (message?.type !== "result") return;
        for (const task of ["describe", "resolve", "run"] as const) {
          parseAnswer(task, message.value);
        }
      }
    }
  },
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Attacks records, lock files and messages. */
export const records: Part = fuzzPart(fuzz, import.meta.url);
