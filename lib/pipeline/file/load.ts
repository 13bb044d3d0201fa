/**
 * Loads a pipeline: YAML text in, a checked {@linkcode Pipeline} out, or every mistake in it at once.
 *
 * 1. `yaml_source` reads the text into nodes that know their place.
 * 2. `load_frame` reads parameters, seed and schedule.
 * 3. `stage_draft` evaluates what decides the cells of each stage; `inputs` orders the stages and
 *    `matrix` makes the cells.
 * 4. `stage_definitions` asks every stage about itself and about the options of each cell.
 * 5. Options, roles, kinds and permissions are compared with what was written.
 *
 * A mistake in one step does not end the others: a later step passes over what an earlier one
 * reported, and goes on with the rest.
 *
 * @module
 */
import type { JsonObject } from "../../base/json.ts";
import { secretInValue } from "../../base/outside/secrets.ts";
import { refuseSecretNames } from "./secret_names.ts";
import { dirname, resolve } from "node:path";
import { nearest, UserError } from "../../base/errors.ts";
import type { Memory } from "../code/memory.ts";
import { checkRoles, orderStages } from "./inputs.ts";
import { readFrame } from "./frame.ts";
import { readSource } from "./read_text.ts";
import { expandStage, type StageCell } from "./matrix.ts";
import { checkRowTemplates, reportOptions } from "./options_report.ts";
import { Problems } from "../yaml/problems.ts";
import { timeoutMilliseconds } from "../schema/pipeline_file.ts";
import type { Kind, Permissions } from "../stage.ts";
import { askStage, isOwnStage } from "./stage_definitions.ts";
import { draftStage, readCell, type StageCellFile, type StageDraft } from "./stage_draft.ts";
import { permissionMistake, systemPathMistake } from "./stage_permissions.ts";
import type { Pipeline, StageNode, StageRegistry } from "../types.ts";
import { recallYaml, rememberYaml } from "../yaml/memory.ts";
import { type MappingNode, nodeToJson, type YamlNode } from "../yaml/node.ts";
import { NAME_WORDS, type OptionsResult } from "../definition/options.ts";
import { cleanPermissions, type DescribedStage } from "../definition/describe.ts";

/** What {@linkcode loadPipeline} needs. */
export interface LoadOptions {
  /** `-p` options, `key=value` each. */
  readonly params: readonly string[];
  /** The built-in stages. */
  readonly registry: StageRegistry;
  /** Folder with `deno.json`, whose import map says what "temper" is. */
  readonly project: string;
  /** Remembers trees of files and what own stages said about themselves. */
  readonly memory?: Memory | undefined;
  /** Takes what is to be remembered once the caller finds nothing wrong either; default: it is done at once. */
  readonly defer?: ((remember: () => Promise<void>) => void) | undefined;
  /** Reads an environment variable; default `Deno.env.get`. */
  readonly env?: ((name: string) => string | undefined) | undefined;
  /** Milliseconds that an own stage may take to be loaded; default 10 s. */
  readonly describeTimeout?: number | undefined;
  /** Stops the processes in which own stages are described. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Loads and checks a pipeline file. Nothing of it runs.
 *
 * @param file Path of the YAML file, as the user wrote it; messages show it so.
 * @param options Parameters, stages, and where to remember answers.
 * @returns The pipeline, its stages in an order in which they can run.
 * @throws {UserErrors} With every mistake of the file.
 */
export async function loadPipeline(file: string, options: LoadOptions): Promise<Pipeline> {
  const problems = new Problems(await readSource(file));
  const { text } = problems.source;
  const { memory } = options;
  const known = memory === undefined ? undefined : await recallYaml(text, memory);
  // The package takes a good part of a call that finds every stage cached.
  const parsed = known ?? (await import("../yaml/source.ts")).parseYaml(problems);
  const root = rootMapping(parsed, problems);
  const frame = await readFrame(root, {
    overrides: options.params,
    env: options.env ?? ((name) => Deno.env.get(name)),
    problems,
  });

  const drafts: StageDraft[] = [];
  for (const [name, { key, value }] of frame.stages?.entries ?? []) {
    // The schema passes it over in silence, and objects by stage would lose it.
    if (name === "__proto__") {
      problems.add(key, {
        what: `stage "${name}" has a name that cannot be used`,
        requirement: `a name is made of: ${NAME_WORDS}`,
      });
      continue;
    }
    if (value.type === "mapping") {
      const entry = { key, node: value };
      drafts.push(await draftStage(name, entry, { scope: frame.scope, problems }));
    } else if (value.type !== "invalid") {
      problems.add(key, {
        what: `the stage "${name}" must be a mapping`,
        requirement: "with at least `uses:`",
      });
    }
  }
  const cells = await readCells(drafts, { scope: frame.scope, problems });
  refuseSecretNames([
    {
      of: "the pipeline",
      name: frame.value?.name ?? "",
      span: root.entries.get("name")?.value.span,
    },
    ...cells.map(({ cell: { id }, draft: { key } }) => ({
      of: `stage "${id}"`,
      name: id,
      span: key,
    })),
  ], problems);
  for (const [name, value] of Object.entries(frame.params)) {
    // A text is cut out of the run's record; a number could be a count there.
    if (typeof value !== "number" || secretInValue(value) === undefined) continue;
    problems.add(undefined, {
      what: `the parameter "${name}" holds ${secretInValue(value)}`,
      requirement:
        "parameters are kept in the records of a run, for all to read who see its folder",
      remedy: "grant the secret as a variable: permissions: { env: [NAME] }",
    });
  }
  const described = await describeAll(cells, { ...options, file, problems });
  const baseDir = dirname(resolve(file));
  const stages = await checkCells(cells, { described, problems, baseDir });
  problems.throwIfAny();
  if (known === undefined && memory !== undefined) {
    const remember = (): Promise<void> => rememberYaml(text, { root: parsed, memory });
    if (options.defer === undefined) await remember();
    else options.defer(remember);
  }

  const { name, seed, schedule } = frame.value!;
  return { file: resolve(file), name, seed, params: frame.params, stages, schedule };
}

/** The file's mapping. */
function rootMapping(root: YamlNode, problems: Problems): MappingNode {
  const example = "a pipeline has at least `name:` and `stages:`";
  if (root.type === "scalar" && root.value === null) {
    problems.add({ start: 0, end: 0 }, { what: "the file is empty", requirement: example });
  } else if (root.type !== "mapping" && root.type !== "invalid") {
    const what = `the file holds ${root.type === "list" ? "a list" : "a single value"}, no mapping`;
    problems.add(root.span, { what, requirement: example });
  }
  if (root.type === "mapping") return root;
  problems.throwIfAny();
  return { type: "mapping", entries: new Map(), span: root.span };
}

/** Orders the stages, makes their cells, and reads each cell; in an order in which they can run. */
async function readCells(
  drafts: readonly StageDraft[],
  options: { scope: Parameters<typeof draftStage>[2]["scope"]; problems: Problems },
): Promise<StageCellFile[]> {
  const { problems } = options;
  const { order, unusable } = orderStages(drafts, problems);
  const byName = new Map(drafts.map((draft) => [draft.name, draft]));
  const cells = new Map<string, readonly StageCell[]>();
  /** Stages whose cells may be fewer than meant, because something they read could not be found. */
  const incomplete = new Set<string>();
  const files: StageCellFile[] = [];
  for (const name of order) {
    const draft = byName.get(name)!;
    const reads = draft.ownCells.flatMap(({ inputs }) =>
      Object.values(inputs).flatMap(({ references }) => references.map((one) => one.name))
    );
    if (reads.some((other) => unusable.has(other) || incomplete.has(other) || other === name)) {
      incomplete.add(name);
    }
    const before = new Map(
      reads.filter((other) => !incomplete.has(other)).flatMap((other) => {
        const known = cells.get(other);
        return known === undefined ? [] : [[other, known] as const];
      }),
    );
    const own = expandStage(name, draft.ownCells, { cells: before, problems });
    cells.set(name, own);
    for (const cell of own) {
      files.push(await readCell(draft, cell, { ...options, complete: !incomplete.has(name) }));
    }
  }
  return files;
}

/** The answers of a stage's module, by the cell that was asked about. */
interface Answers {
  readonly stage: DescribedStage;
  readonly results: ReadonlyMap<StageCellFile, OptionsResult>;
}

/** Asks each module once, about all its cells. */
async function describeAll(
  files: readonly StageCellFile[],
  options: LoadOptions & { file: string; problems: Problems },
): Promise<ReadonlyMap<string, Answers>> {
  const byUses = new Map<string, StageCellFile[]>();
  for (const file of files) {
    const { uses } = file.draft;
    if (uses === undefined || uses === "") continue;
    byUses.set(uses, [...byUses.get(uses) ?? [], file]);
  }
  const answers = new Map<string, Answers>();
  await Promise.all([...byUses].map(async ([uses, asking]) => {
    const requests = asking.map((file) => ({
      given: givenOptions(file) ?? {},
      matrix: file.cell.own,
      inputs: connectedRoles(file),
      counts: Object.fromEntries(
        Object.entries(file.cell.inputs).map(([role, { ids }]) => [role, ids.length]),
      ),
    }));
    try {
      const stage = await askStage(uses, requests, {
        ...options,
        baseDir: dirname(resolve(options.file)),
        granted: asking.flatMap(grantedPaths),
        timeout: options.describeTimeout,
      });
      const results = new Map(asking.map((file, index) => [file, stage.results[index]!]));
      answers.set(uses, { stage, results });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      for (const { draft } of asking) {
        options.problems.addError(error, draft.node.entries.get("uses")?.value.span ?? draft.key);
      }
    }
  }));
  return answers;
}

/** What stands under `permissions: read:`, whatever else is wrong with the stage. */
function grantedPaths({ node }: StageCellFile): string[] {
  const written = node.entries.get("permissions")?.value;
  const { read } = written?.type === "mapping" ? nodeToJson(written) as JsonObject : {};
  return Array.isArray(read) ? read.filter((path) => typeof path === "string") : [];
}

/** What stands under `with:`, whatever else is wrong with the stage; undefined where it is no mapping. */
function givenOptions({ node }: StageCellFile): JsonObject | undefined {
  const written = node.entries.get("with")?.value;
  if (written === undefined) return {};
  return written.type === "mapping" ? nodeToJson(written) as JsonObject : undefined;
}

/** The roles under `inputs:`, whatever is wrong with what they name. */
function connectedRoles({ node }: StageCellFile): string[] {
  const written = node.entries.get("inputs")?.value;
  return written?.type === "mapping" ? [...written.entries.keys()] : [];
}

/** Compares every cell with its stage's description. */
async function checkCells(
  files: readonly StageCellFile[],
  { described, problems, baseDir }: {
    described: ReadonlyMap<string, Answers>;
    problems: Problems;
    baseDir: string;
  },
): Promise<StageNode[]> {
  const outputs = new Map<string, readonly Kind[]>();
  for (const file of files) {
    const answers = described.get(file.draft.uses ?? "");
    if (answers === undefined) continue;
    const result = answers.results.get(file)!;
    outputs.set(file.cell.id, result.ok ? [result.output] : answers.stage.description.output);
  }
  const nodes: StageNode[] = [];
  for (const stageFile of files) {
    const { draft, cell, file } = stageFile;
    const answers = described.get(draft.uses ?? "");
    if (answers === undefined) continue;
    const { description } = answers.stage;
    const result = answers.results.get(stageFile)!;
    const report = { stageFile, description, problems };
    if (givenOptions(stageFile) !== undefined) reportOptions(result, report);
    await checkRowTemplates(result.ok ? result.options : result.value, report);
    const inputs = checkRoles({ draft, cell, description, outputs, problems });
    const permissions = checkPermissions(stageFile, description.permissions, { problems, baseDir });
    const read = [...file?.permissions?.read ?? [], ...permissions.read ?? []];
    const mistake = isOwnStage(draft.uses ?? "")
      ? systemPathMistake(draft.name, { read, baseDir })
      : undefined;
    if (mistake !== undefined) {
      problems.add(stageFile.node.entries.get("permissions")?.key ?? draft.key, mistake);
    }
    checkMatrixKeys(draft, answers.stage, problems);
    if (file === undefined || !result.ok) continue;
    nodes.push({
      id: cell.id,
      name: draft.name,
      cell: cell.values,
      description,
      inputs,
      options: result.options,
      output: result.output,
      permissions,
      timeout: timeoutMilliseconds(file.timeout),
      at: problems.source.locate(draft.key),
    });
  }
  return nodes;
}

function checkPermissions(
  { draft, node, file }: StageCellFile,
  asked: Permissions,
  { problems, baseDir }: { readonly problems: Problems; readonly baseDir: string },
): Permissions {
  const written = node.entries.get("permissions");
  if (!isOwnStage(draft.uses ?? "")) {
    if (written !== undefined) {
      problems.add(written.key, {
        what: `the built-in stage "${draft.uses}" takes no permissions`,
        requirement: "built-in stages bring their own; `permissions:` is for own stages",
      });
    }
    return asked;
  }
  if (file !== undefined) {
    const { net, env, read, ffi } = file.permissions ?? {};
    const granted = cleanPermissions({
      net: net ?? [],
      env: env ?? [],
      read: read ?? [],
      ffi: ffi ?? false,
    });
    const mistake = permissionMistake(draft.name, asked, { granted, baseDir });
    const span = written?.key ?? node.entries.get("uses")?.value.span ?? draft.key;
    if (mistake !== undefined) problems.add(span, mistake);
  }
  return asked;
}

/** A matrix key that changes nothing makes cells that differ in their name alone. */
function checkMatrixKeys(draft: StageDraft, stage: DescribedStage, problems: Problems): void {
  for (const [key, { span, used }] of draft.matrixKeys) {
    if (used || stage.optionNames.includes(key)) continue;
    problems.add(span, {
      what: `the matrix key "${key}" of stage "${draft.name}" is used nowhere`,
      requirement:
        `it must be an option of "${stage.description.uses}" or stand in \${{ matrix.${key} }}`,
      nearest: nearest(key, stage.optionNames),
    });
  }
}
