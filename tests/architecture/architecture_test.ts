/** Holds this very project to its rules; `planted_test.ts` shows that each rule finds what it is for. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { ARROWS, roomOf, upwardImports } from "./arrows.ts";
import { browserViolations, missingPlaces } from "./browser.ts";
import { fileCircles, folderCircles } from "./circles.ts";
import { filesBelow, productFiles, readModules } from "./module_graph.ts";
import { largeFolders, longFiles, uncheckedPlaces } from "./sizes.ts";

const ROOT = resolve(import.meta.dirname!, "../..");
const FILES = await productFiles(ROOT);
const MODULES = await readModules(ROOT, FILES);

Deno.test("every import goes downward", () => {
  assert.deepEqual(upwardImports(MODULES), []);
});

Deno.test("the table of arrows has every room, no other, and only arrows downward", () => {
  const rooms = new Set(FILES.map(roomOf));
  assert.deepEqual([...rooms].sort(), Object.keys(ARROWS).sort());
  const order = Object.keys(ARROWS);
  for (const [i, room] of order.entries()) {
    assert.deepEqual(ARROWS[room]!.filter((to) => order.indexOf(to) <= i), [], room);
  }
});

Deno.test("no files import each other in a circle", () => {
  assert.deepEqual(fileCircles(MODULES), []);
});

Deno.test("no folders import each other in a circle", () => {
  assert.deepEqual(folderCircles(MODULES), []);
});

Deno.test("what is to run in a browser uses nothing of Deno or Node.js", async () => {
  assert.deepEqual(await browserViolations(ROOT, MODULES), []);
});

Deno.test("every place that is to run in a browser is there", () => {
  assert.deepEqual(missingPlaces(MODULES), []);
});

Deno.test("no folder has too many files", () => {
  assert.deepEqual(largeFolders(FILES), []);
});

Deno.test("no file is too long", async () => {
  assert.deepEqual(await longFiles(ROOT, [...FILES, ...await filesBelow(ROOT, ["tests"])]), []);
});

Deno.test("no check of types or lint is switched off", async () => {
  assert.deepEqual(await uncheckedPlaces(ROOT, FILES), []);
});
