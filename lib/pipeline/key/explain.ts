/**
 * Says in plain words how two key documents differ: why a stage runs again, every reason.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";
import { canonicalJson } from "../../base/canonical_json.ts";
import type { Components, Granted, PendingComponents } from "./fingerprint.ts";

/** Options of {@linkcode explain}. */
export interface ExplainOptions {
  /** Role -> ids of the stages that the inputs come from, in the order of the digests. */
  readonly producers?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Every difference between the components that a stage ran with and those it has now.
 *
 * @param previous Components of an action record.
 * @param current Components now; inputs not made yet are null.
 * @returns Sentences without full stops, in the order stage, code, packages, options, inputs, seed,
 *   sources, grants, device. Empty where nothing changed.
 *
 * @example
 * ```ts
 * import { explain } from "./explain.ts";
 * const before = {
 *   stage: "train", version: 1, code: { files: {}, imports: {} }, packages: [],
 *   options: { learning_rate: 2e-5 }, inputs: {}, seed: 42, sources: null,
 * };
 * const now = { ...before, options: { learning_rate: 3e-5 } };
 * const [reason] = explain(before, now);
 * if (reason !== "option learning_rate changed: 0.00002 -> 0.00003") throw new Error(reason);
 * ```
 */
export function explain(
  previous: Components,
  current: PendingComponents,
  options: ExplainOptions = {},
): string[] {
  return [
    ...changed("the stage's definition changed", previous.stage, current.stage),
    ...changed("the stage's version changed", previous.version, current.version),
    ...codeReasons(previous.code, current.code),
    ...packageReasons(previous.packages, current.packages),
    ...optionReasons(previous.options, current.options),
    ...inputReasons(previous.inputs, current.inputs, options.producers ?? {}),
    ...changed("seed changed", previous.seed, current.seed),
    ...sourceReasons(previous.sources, current.sources),
    ...grantedReasons(previous.granted, current.granted),
    ...changed("device changed", previous.device ?? "no device", current.device ?? "no device"),
  ];
}

/** Whether a value read from disk has the form of {@linkcode Components}, down to its last part. */
export function isComponents(value: unknown): value is Components {
  if (!isObject(value)) return false;
  const { stage, version, code, packages, options, inputs, seed, sources, granted, device } = value;
  const isText = (item: unknown): boolean => typeof item === "string";
  const isDigest = (item: unknown): boolean => item === null || isText(item);
  const isTexts = (list: unknown): boolean => Array.isArray(list) && list.every(isText);
  return isText(stage) && typeof version === "number" && typeof seed === "number" &&
    isObject(code) && isRecord(code.files, isText) && isRecord(code.imports, isText) &&
    isTexts(packages) && isObject(options) && isRecord(inputs, isTexts) &&
    sources !== undefined && (device === undefined || isText(device)) &&
    (granted === undefined ||
      (isObject(granted) && isRecord(granted.read, isDigest) && isRecord(granted.env, isDigest)));
}

function isRecord(value: unknown, fits: (item: unknown) => boolean): boolean {
  return isObject(value) && Object.values(value).every(fits);
}

function changed(what: string, before: string | number, now: string | number): string[] {
  return before === now ? [] : [`${what}: ${before} -> ${now}`];
}

function codeReasons(before: Components["code"], now: Components["code"]): string[] {
  const reasons: string[] = [];
  for (const [file, a, b] of differences(before.files, now.files)) {
    if (a === undefined) reasons.push(`code added: ${file}`);
    else if (b === undefined) reasons.push(`code no longer used: ${file}`);
    else reasons.push(`code changed: ${file}`);
  }
  for (const [name, a, b] of differences(before.imports, now.imports)) {
    // That a name is new or gone shows in the file that imports it.
    if (a !== undefined && b !== undefined) {
      reasons.push(`import "${name}" now leads to another file: ${a} -> ${b}`);
    }
  }
  return reasons;
}

function packageReasons(before: readonly string[], now: readonly string[]): string[] {
  const reasons: string[] = [];
  for (const [name, a, b] of differences(versionsOf(before), versionsOf(now))) {
    if (a === undefined) reasons.push(`package ${name} ${b} was added`);
    else if (b === undefined) reasons.push(`package ${name} ${a} was removed`);
    else reasons.push(`package ${name} ${a} -> ${b}`);
  }
  if (reasons.length > 0 || canonicalJson(before) === canonicalJson(now)) return reasons;
  // Temper sorts them and names each once; a record that somebody changed may not have them so.
  return ["the packages are listed otherwise"];
}

/** Name -> version; a package may be there in several. */
function versionsOf(packages: readonly string[]): Record<string, string> {
  const versions = new Map<string, string>();
  for (const item of packages) {
    const at = item.lastIndexOf("@");
    const name = item.slice(0, at);
    const version = item.slice(at + 1);
    const other = versions.get(name);
    versions.set(name, other === undefined ? version : `${other}, ${version}`);
  }
  return Object.fromEntries(versions);
}

function grantedReasons(before: Components["granted"], now: Components["granted"]): string[] {
  const reasons = (what: string, a: Granted["read"] = {}, b: Granted["read"] = {}): string[] =>
    differences(a, b).map(([name, x, y]) => {
      if (x === undefined) return `granted ${what} ${name} was added`;
      if (y === undefined) return `granted ${what} ${name} was removed`;
      const how = x === null ? "is there now" : y === null ? "is gone" : "changed";
      return `granted ${what} ${name} ${how}`;
    });
  const named = [
    ...reasons("path", before?.read, now?.read),
    ...reasons("environment variable", before?.env, now?.env),
  ];
  if (named.length > 0 || (before === undefined) === (now === undefined)) return named;
  return [
    `a list of grants, with nothing in it, was ${before === undefined ? "added" : "removed"}`,
  ];
}

function optionReasons(before: Components["options"], now: Components["options"]): string[] {
  const reasons: string[] = [];
  for (const [path, a, b] of deepDifferences(before, now, "")) {
    if (a === undefined) reasons.push(`option ${path} was added: ${shown(b)}`);
    else if (b === undefined) reasons.push(`option ${path} was removed (it was ${shown(a)})`);
    else reasons.push(`option ${path} changed: ${fromTo(a, b)}`);
  }
  return reasons;
}

function inputReasons(
  before: Components["inputs"],
  now: PendingComponents["inputs"],
  producers: Readonly<Record<string, readonly string[]>>,
): string[] {
  const reasons: string[] = [];
  for (const role of [...new Set([...Object.keys(before), ...Object.keys(now)])].sort()) {
    const old = own(before, role);
    const current = own(now, role);
    const stages = own(producers, role) ?? [];
    const from = stages.length === 0 ? "" : ` (from stage ${stages.join(", ")})`;
    if (old === undefined) reasons.push(`input ${role} was added${from}`);
    else if (current === undefined) reasons.push(`input ${role} was removed`);
    else if (old.length !== current.length) {
      reasons.push(`input ${role} has ${current.length} artifacts now, it had ${old.length}`);
    } else {
      const lone = current.length === 1;
      for (const [i, digest] of current.entries()) {
        if (digest === old[i]) continue;
        const one = stages[i] === undefined ? "" : ` (from stage ${stages[i]})`;
        const name = lone || one !== "" ? role : `${role}[${i}]`;
        reasons.push(
          digest === null ? `input ${name} is made anew${one}` : `input ${name} changed${one}`,
        );
      }
    }
  }
  return reasons;
}

/**
 * Sources are whatever a stage's `resolve` returns. Where that is a record by source (`hf://…` ->
 * `{ commit }`), the sentence names the source and the field; otherwise the path that differs.
 */
function sourceReasons(before: Json, now: Json): string[] {
  if (before === null && now === null) return [];
  if (!isObject(before) || !isObject(now)) {
    return canonicalJson(before) === canonicalJson(now)
      ? []
      : [`sources changed: ${fromTo(before, now)}`];
  }
  const reasons: string[] = [];
  for (const [source, a, b] of differences(before, now)) {
    if (a === undefined) reasons.push(`source ${source} was added`);
    else if (b === undefined) reasons.push(`source ${source} was removed`);
    else if (!isObject(a) || !isObject(b)) reasons.push(`source ${source} moved: ${fromTo(a, b)}`);
    else {
      const parts = [...deepDifferences(a, b, "")].map(([path, x, y]) =>
        `${path} ${fromTo(x ?? null, y ?? null, bare)}`
      );
      reasons.push(`source ${source} moved: ${parts.join(", ")}`);
    }
  }
  return reasons;
}

/** Members of two records that differ, sorted by name; undefined where there is none. */
function differences<T extends Json>(
  before: Readonly<Record<string, T>>,
  now: Readonly<Record<string, T>>,
): [name: string, before: T | undefined, now: T | undefined][] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.map((name) => [name, own(before, name), own(now, name)] as const)
    .filter(([, a, b]) =>
      a === undefined || b === undefined || canonicalJson(a) !== canonicalJson(b)
    )
    .map(([name, a, b]) => [name, a, b]);
}

/** A member by a name that others chose: an option may be called `toString`. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** As {@linkcode differences}, going into objects on both sides: `padding.side`. */
function* deepDifferences(
  before: Readonly<Record<string, Json>>,
  now: Readonly<Record<string, Json>>,
  prefix: string,
): Generator<[path: string, before: Json | undefined, now: Json | undefined]> {
  for (const [name, a, b] of differences(before, now)) {
    const path = `${prefix}${name}`;
    if (isObject(a) && isObject(b)) yield* deepDifferences(a, b, `${path}.`);
    else yield [path, a, b];
  }
}

function isObject<T>(value: T): value is T & Readonly<Record<string, Json>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As many characters of a value as help; the whole is in the action record. */
const SHOWN = 60;

/** A value as JSON, so that the text "1" and the number 1 look different. */
function shown(value: Json | undefined): string {
  return value === undefined ? "nothing" : canonicalJson(value);
}

/** Commits and digests need no quotes and are told apart by their first characters. */
function bare(value: Json): string {
  return typeof value === "string" ? value : shown(value);
}

function fromTo(before: Json, now: Json, show: (value: Json) => string = shown): string {
  const a = show(before);
  const b = show(now);
  if (/^[0-9a-f]{40,64}$/.test(a) && /^[0-9a-f]{40,64}$/.test(b)) {
    return `${a.slice(0, 12)} -> ${b.slice(0, 12)}`;
  }
  if (a.length <= SHOWN && b.length <= SHOWN) return `${a} -> ${b}`;
  // Long texts usually differ in a word: show where.
  let same = 0;
  while (same < a.length && a[same] === b[same]) same++;
  const start = Math.max(0, same - 20);
  const cut = (text: string): string =>
    `${start > 0 ? "…" : ""}${text.slice(start, start + SHOWN)}${
      text.length > start + SHOWN ? "…" : ""
    }`;
  return `${cut(a)} -> ${cut(b)}`;
}
