/**
 * What the README.md of a dataset says of its configs: the YAML between the two `---` at its beginning, after
 * the hub's manual on "Manual configuration" of data files.
 *
 * ```yaml
 * configs:
 *   - config_name: en
 *     data_files: [{ split: train, path: "en/train-*.parquet" }]
 *     default: true
 * ```
 *
 * Every scalar is read as the text that stands there: a config called `no` or `1e5` keeps its name. Left out:
 * `dataset_info` and `features`, which the files know better.
 *
 * @module
 */
import { UserError } from "../../../base/errors.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../base/json.ts";

/** A config as a README.md says it. */
export interface CardConfig {
  readonly name: string;
  readonly isDefault: boolean;
  /** Split -> patterns of its files; undefined where the names of files tell. */
  readonly dataFiles: ReadonlyMap<string, readonly string[]> | undefined;
  /** The folder that patterns and names count from; empty for the repository's own. */
  readonly dataDir: string;
  /** Settings that nothing here heeds, as `sep` of csv files. */
  readonly others: readonly string[];
}

/** Most characters of the YAML: that of the largest multilingual datasets has half a million. */
const MAX_YAML = 1 << 21;

const BEGIN = /^\uFEFF?\s*---[ \t]*\r?\n/;
const END = /^---[ \t]*\r?$/m;

/**
 * Reads the configs of a README.md.
 *
 * @param text All of it.
 * @param name What messages call it.
 * @returns Undefined where it says nothing of configs.
 * @throws {UserError} Where its YAML cannot be read, or a config has not the form that one has.
 */
export async function readCard(text: string, name: string): Promise<CardConfig[] | undefined> {
  const begin = BEGIN.exec(text)?.[0];
  if (begin === undefined) return undefined;
  const rest = text.slice(begin.length);
  const yaml = rest.slice(0, END.exec(rest)?.index ?? 0);
  // Most say nothing, and to load the package takes a moment.
  if (!/^["']?configs\b/m.test(yaml)) return undefined;
  const configs = (await parsed(yaml, name)).configs;
  if (isNothing(configs)) return undefined;
  if (!Array.isArray(configs)) throw misshapen(name, "its `configs` is no list");
  const read = configs.map((config) => readConfig(config, name));
  const seen = new Set<string>();
  const twice = read.find(({ name }) => seen.size === seen.add(name).size);
  if (twice !== undefined) throw misshapen(name, `it has two configs "${twice.name}"`);
  return read.length === 0 ? undefined : read;
}

async function parsed(yaml: string, name: string): Promise<JsonObject> {
  if (yaml.length > MAX_YAML) throw misshapen(name, `its YAML has ${yaml.length} characters`);
  const { parseDocument } = await import("yaml");
  let value: unknown;
  let mistake: string | undefined;
  try {
    // Only texts, lists and mappings: no name becomes a number or a truth value.
    const options = { schema: "failsafe", merge: true, uniqueKeys: false } as const;
    const document = parseDocument(yaml, { ...options, prettyErrors: false, logLevel: "silent" });
    mistake = document.errors[0]?.message;
    // Bounded, so that a few lines of aliases do not become gigabytes.
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    mistake ??= (error as Error).message;
  }
  if (mistake !== undefined) {
    throw misshapen(name, `its YAML cannot be read: ${firstLine(mistake)}`);
  }
  return isJsonObject(value) ? value as JsonObject : {};
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!.slice(0, 200);
}

const KNOWN = ["config_name", "data_files", "data_dir", "default"];
/** What says nothing of how rows are read. */
const IDLE = ["features", "description", "version", "drop_labels"];

function readConfig(config: Json, file: string): CardConfig {
  const name = isJsonObject(config) ? config.config_name : undefined;
  if (!isJsonObject(config) || typeof name !== "string" || name === "") {
    throw misshapen(file, "one of its `configs` has no config_name");
  }
  const { data_files: files, data_dir: dir, default: isDefault } = config;
  const of = `its config "${name}"`;
  if (!isNothing(dir) && typeof dir !== "string") {
    throw misshapen(file, `${of} has a data_dir that is no text`);
  }
  return {
    name,
    isDefault: typeof isDefault === "string" && /^(?:true|yes|on)$/i.test(isDefault),
    dataFiles: isNothing(files) ? undefined : readDataFiles(files!, { file, of }),
    dataDir: isNothing(dir) ? "" : String(dir),
    others: Object.keys(config).filter((key) => !KNOWN.includes(key) && !IDLE.includes(key)),
  };
}

/** A pattern or a list of them is `train`; a list of splits has one entry each. */
function readDataFiles(
  files: Json,
  { file, of }: { readonly file: string; readonly of: string },
): Map<string, readonly string[]> {
  const patterns = patternsOf(files);
  if (patterns !== undefined) return new Map([["train", patterns]]);
  const splits = new Map<string, readonly string[]>();
  for (const entry of Array.isArray(files) ? files : [files]) {
    const { split, path } = isJsonObject(entry) ? entry : {};
    const own = path === undefined ? undefined : patternsOf(path);
    if (typeof split !== "string" || own === undefined) {
      throw misshapen(
        file,
        `${of} has data_files that are neither patterns nor a list of split and path`,
      );
    }
    if (splits.has(split)) throw misshapen(file, `${of} has the split "${split}" twice`);
    splits.set(split, own);
  }
  return splits;
}

/** Patterns; undefined where it is something else. */
function patternsOf(value: Json): readonly string[] | undefined {
  if (typeof value === "string") return [value];
  const isList = Array.isArray(value) && value.length > 0 &&
    value.every((item) => typeof item === "string" && item !== "");
  return isList ? value as string[] : undefined;
}

/** Nothing, as YAML's core schema writes it. */
function isNothing(value: Json | undefined): boolean {
  return value === undefined || value === null || value === "" || value === "~" || value === "null";
}

function misshapen(name: string, why: string): UserError {
  return new UserError({
    what: `${name} does not say what its configs are: ${why}`,
    requirement: "`configs` is a list of config_name, data_files, data_dir and default",
    remedy: "name the files instead: hf://datasets/ORG/NAME/FILE, by split in a mapping",
  });
}
