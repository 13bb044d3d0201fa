/**
 * Expands matrices: one cell for every combination, along the whole pipeline.
 *
 * A cell is a point: a value for each axis, an axis being a key of the matrix of one stage. A stage
 * that reads another plainly has a cell for each of that one's cells; two inputs that share an axis
 * are aligned on it and cross otherwise, which is the natural join of their cells.
 *
 * @module
 */
import type { Json, JsonObject } from "../../base/json.ts";
import { InternalError, nearest } from "../../base/errors.ts";
import type { Reference } from "./inputs_reference.ts";
import { matrixLabels, meansValue } from "./matrix_label.ts";
import type { Problems } from "../yaml/problems.ts";
import { nodeToJson, type Span, type YamlNode } from "../yaml/node.ts";

/** Cells that one stage may have: more is a slip, not an experiment. */
const MAX_CELLS = 1000;

/** A value on an axis. */
export interface Coordinate {
  /** Name of the stage whose matrix it comes from. */
  readonly origin: string;
  readonly key: string;
  readonly value: Json;
  /** The value as it stands in ids. */
  readonly label: string;
  /** The value's node; messages about the value point there. */
  readonly node: YamlNode;
}

/** A role's ids in one cell. */
export interface CellInput {
  /** Ids of the cells that are read. */
  readonly ids: readonly string[];
  /** Whether it was written as a list or as a fan-in, which only roles with any number take. */
  readonly isList: boolean;
  /** Whether it was written as a list without anything in it. */
  readonly isEmpty: boolean;
  /** Place of the reference or the list. */
  readonly span: Span;
  /** The references it was written with, for messages. */
  readonly references: readonly Reference[];
}

/** One combination of a stage. */
export interface StageCell {
  /** `tuned@learning_rate=1e-5`; the name where there is no axis. */
  readonly id: string;
  readonly coordinates: readonly Coordinate[];
  /** Value by key; keys that two axes share are `origin.key`. */
  readonly values: JsonObject;
  /** The values of the stage's own matrix. */
  readonly own: JsonObject;
  readonly inputs: Readonly<Record<string, CellInput>>;
}

/** A role as written, in one combination of the stage's own matrix. */
export interface WrittenInput {
  readonly references: readonly Reference[];
  /** Whether it is a list without anything in it. */
  readonly isEmpty: boolean;
  readonly isList: boolean;
  readonly span: Span;
}

/** One combination of a stage's own matrix, with the inputs as they are in it. */
export interface OwnCell {
  readonly coordinates: readonly Coordinate[];
  readonly inputs: Readonly<Record<string, WrittenInput>>;
}

/**
 * The combinations of a stage's own matrix.
 *
 * @param origin Name of the stage.
 * @param matrix The node under `matrix:`; what is not a list of values in a mapping is left out, the schema reports it.
 * @param problems Takes values that are there twice, and matrices that are too large.
 * @returns One list of coordinates a combination, the last key changing fastest; one empty list without a matrix.
 */
export function ownCombinations(
  origin: string,
  matrix: YamlNode | undefined,
  problems: Problems,
): Coordinate[][] {
  let combinations: Coordinate[][] = [[]];
  if (matrix?.type !== "mapping") return combinations;
  for (const [key, entry] of matrix.entries) {
    if (key === "__proto__") {
      problems.add(entry.key, {
        what: `the matrix of stage "${origin}" has a key that cannot be used: "${key}"`,
        requirement: "JavaScript keeps that name for itself",
      });
      continue;
    }
    if (entry.value.type !== "list" || entry.value.items.length === 0) continue;
    const nodes = entry.value.items.filter((item) => item.type !== "invalid");
    const values = nodes.map(nodeToJson);
    const texts = values.map((value) => JSON.stringify(value));
    for (const [index, text] of texts.entries()) {
      if (texts.indexOf(text) === index) continue;
      problems.add(nodes[index]!.span, {
        what: `the matrix of stage "${origin}" has the value ${text} of "${key}" twice`,
      });
    }
    if (combinations.length * values.length > MAX_CELLS) {
      problems.add(entry.key, {
        what: `the matrix of stage "${origin}" has more than ${MAX_CELLS} combinations`,
      });
      return combinations;
    }
    const labels = matrixLabels(values);
    const axis = values.map((value, index): Coordinate => ({
      origin,
      key,
      value,
      label: labels[index]!,
      node: nodes[index]!,
    }));
    combinations = combinations.flatMap((before) => axis.map((point) => [...before, point]));
  }
  return combinations;
}

/** What {@linkcode expandStage} knows about the stages before. */
export interface Expanded {
  /** Name -> cells, for every stage that this one reads, unless it could not be expanded. */
  readonly cells: ReadonlyMap<string, readonly StageCell[]>;
  readonly problems: Problems;
}

/** A row of the join: a point, and which cell of each fitting input lies on it. */
interface Row {
  readonly coordinates: readonly Coordinate[];
  readonly chosen: ReadonlyMap<string, StageCell>;
}

/**
 * Makes the cells of a stage.
 *
 * @param name Name of the stage.
 * @param ownCells The combinations of its own matrix, with inputs.
 * @param expanded The stages before it.
 * @returns Its cells, own axes first; at least one. References that lead nowhere have no ids.
 */
export function expandStage(
  name: string,
  ownCells: readonly OwnCell[],
  expanded: Expanded,
): StageCell[] {
  const { cells, problems } = expanded;
  const joined: { row: Row; own: OwnCell }[] = [];
  for (const own of ownCells) {
    let rows: Row[] = [{ coordinates: own.coordinates, chosen: new Map() }];
    for (const { references, span } of Object.values(own.inputs)) {
      for (const reference of references) {
        const candidates = cells.get(reference.name);
        if (reference.cells !== "fitting" || candidates === undefined) continue;
        if (rows.some((row) => row.chosen.has(reference.name))) continue;
        const next = join(rows, reference.name, candidates);
        if (next.length === 0) {
          problems.add(span, {
            what: `no cell of "${reference.name}" fits the other inputs of stage "${name}"`,
            requirement: "inputs that come from one matrix are aligned by its values",
          });
          continue;
        }
        rows = next;
        if (joined.length + rows.length > MAX_CELLS) {
          problems.add(span, {
            what: `the stage "${name}" would run in more than ${MAX_CELLS} combinations`,
          });
          rows = rows.slice(0, 1);
        }
      }
    }
    for (const row of rows) joined.push({ row, own });
  }

  const keysOf = axisKeys(joined.map(({ row }) => row.coordinates));
  return joined.map(({ row, own }): StageCell => {
    const keyed = row.coordinates.map((point) => ({ point, key: keysOf(point) }));
    const suffix = keyed.map(({ point, key }) => `${key}=${point.label}`).join(",");
    const inputs = Object.entries(own.inputs).map(([role, written]) =>
      [role, resolveInput(written, row, expanded)] as const
    );
    const ownValues = own.coordinates.map(({ key, value }) => [key, value]);
    return {
      id: suffix === "" ? name : `${name}@${suffix}`,
      coordinates: row.coordinates,
      values: Object.fromEntries(keyed.map(({ point, key }) => [key, point.value])),
      own: Object.fromEntries(ownValues),
      inputs: Object.fromEntries(inputs),
    };
  });
}

/** Natural join of rows with the cells of a stage. */
function join(rows: readonly Row[], name: string, cells: readonly StageCell[]): Row[] {
  const joined: Row[] = [];
  for (const row of rows) {
    for (const cell of cells) {
      const known = (point: Coordinate): Coordinate | undefined =>
        row.coordinates.find((other) => isSameAxis(other, point));
      const fits = cell.coordinates.every((point) => (known(point) ?? point).label === point.label);
      if (!fits) continue;
      const added = cell.coordinates.filter((point) => known(point) === undefined);
      joined.push({
        coordinates: [...row.coordinates, ...added],
        chosen: new Map(row.chosen).set(name, cell),
      });
      // The caller refuses as many; no need to make them all.
      if (joined.length > MAX_CELLS) return joined;
    }
  }
  return joined;
}

function isSameAxis(a: Coordinate, b: Coordinate): boolean {
  return a.origin === b.origin && a.key === b.key;
}

/** How axes are called in ids: by their key, by `origin.key` where two axes share it. */
function axisKeys(points: readonly (readonly Coordinate[])[]): (point: Coordinate) => string {
  const origins = new Map<string, Set<string>>();
  for (const { key, origin } of points.flat()) {
    origins.set(key, (origins.get(key) ?? new Set()).add(origin));
  }
  return ({ key, origin }) => origins.get(key)!.size > 1 ? `${origin}.${key}` : key;
}

function resolveInput(written: WrittenInput, row: Row, expanded: Expanded): CellInput {
  const { problems } = expanded;
  const ids: string[] = [];
  let isList = written.isList;
  for (const reference of written.references) {
    const cells = expanded.cells.get(reference.name);
    if (cells === undefined) continue;
    let found: readonly StageCell[];
    if (reference.cells === "fitting") {
      const chosen = row.chosen.get(reference.name);
      found = chosen === undefined ? [] : [chosen];
    } else if (reference.cells === "all") {
      isList = true;
      found = cells;
    } else {
      found = selectCells(reference, { cells, problems });
      if (found.length > 1) isList = true;
    }
    for (const { id } of found) {
      if (ids.includes(id)) {
        problems.add(reference.span, { what: `"${id}" is given twice to one input` });
      } else ids.push(id);
    }
  }
  return { ...written, ids, isList };
}

/** The cells that `name@key=value,…` means. Keys that are left out may have any value. */
function selectCells(
  reference: Reference,
  { cells, problems }: { cells: readonly StageCell[]; problems: Problems },
): readonly StageCell[] {
  if (typeof reference.cells === "string") throw new InternalError("a reference without values");
  const wanted = reference.cells;
  const keysOf = axisKeys(cells.map(({ coordinates }) => coordinates));
  const found = cells.filter(({ coordinates }) =>
    wanted.every(({ key, value }) =>
      coordinates.some((point) =>
        keysOf(point) === key && meansValue(value, point.value, point.label)
      )
    )
  );
  if (found.length === 0) {
    const ids = cells.map(({ id }) => id);
    const isMatrix = cells.some(({ coordinates }) => coordinates.length > 0);
    problems.add(reference.span, {
      what: isMatrix
        ? `the stage "${reference.name}" has no cell "${reference.text}"`
        : `the stage "${reference.name}" has no matrix, so there is no "${reference.text}"`,
      requirement: isMatrix ? `cells: ${listed(ids)}` : `write "${reference.name}"`,
      nearest: isMatrix ? nearest(reference.text, ids) : undefined,
    });
  }
  return found;
}

/** Ids in a message; of many only the first. */
export function listed(ids: readonly string[]): string {
  return ids.length <= 12 ? ids.join(", ") : `${ids.slice(0, 12).join(", ")}, … (${ids.length})`;
}
