import assert from "node:assert/strict";
import { resolveDownload } from "../../lib/data/sources/resolve_download.ts";
import type { ResolveSettings } from "../../lib/data/sources/resolved.ts";

/** Nothing here comes so far as to ask a server. */
const NOWHERE: ResolveSettings = {
  baseDir: "/",
  pins: { get: () => undefined, set: () => {} },
  update: false,
  offline: true,
  digestFile: () => Promise.reject(new Error("read")),
  env: () => undefined,
  signal: new AbortController().signal,
};

Deno.test("resolveDownload() refuses options that do nothing for what is downloaded", async () => {
  const model = { from: "hf://org/model" };
  const table: [Parameters<typeof resolveDownload>[0], RegExp][] = [
    [{ ...model, format: "csv" }, /`format` is for rows/],
    [{ ...model, split_by: "file" }, /`split_by` is for rows/],
    [{ ...model, text_column: "body" }, /`text_column` is for rows/],
    [{ ...model, delimiter: ";" }, /`delimiter` is for rows/],
    [{ ...model, column_names: ["a"] }, /`column_names` is for rows/],
    [{ ...model, columns: ["a"] }, /`columns` is for rows/],
    [{ ...model, field: "data" }, /`field` is for rows/],
    [{ ...model, types: { a: "int" } }, /`types` is for rows/],
    [{ ...model, encoding: "latin1" }, /`encoding` is for rows/],
    [{ ...model, on_error: "skip" }, /`on_error` is for rows/],
    [{ ...model, config: "en" }, /`config` is for datasets/],
    [{ ...model, split: "train" }, /`split` is for datasets/],
    [{ ...model, limit: 3 }, /`limit` is for rows/],
    [{ from: "a.txt", allow_patterns: ["*"] }, /`allow_patterns` chooses files of a model/],
    [{ from: "a.txt", ignore_patterns: ["*"] }, /`ignore_patterns` chooses files of a model/],
    [{ from: ["hf://org/model", "a.txt"] }, /a model is the only source/],
    [{ from: { train: "hf://org/model" } }, /a model is the only source/],
    [{ from: {} }, /names no split/],
  ];
  for (const [options, message] of table) {
    await assert.rejects(resolveDownload(options, NOWHERE), message);
  }
  // The stage fills in defaults: they are no wish.
  const defaults = {
    format: "auto",
    split_by: "line",
    text_column: "text",
    limit: 0,
    on_error: "error",
  };
  await assert.rejects(resolveDownload({ ...model, ...defaults }, NOWHERE), /--offline/);
});
