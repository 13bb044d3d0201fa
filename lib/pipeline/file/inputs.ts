/**
 * The edges of the pipeline: which stage reads which, in what order, and whether the kinds fit.
 *
 * @module
 */
import { nearest } from "../../base/errors.ts";
import { roleWords } from "../definition/inputs_spec.ts";
import type { Reference } from "./inputs_reference.ts";
import { listed, type StageCell } from "./matrix.ts";
import type { Problems } from "../yaml/problems.ts";
import type { Kind } from "../stage.ts";
import { isMistyped, type StageDraft } from "./stage_draft.ts";
import type { StageDescription } from "../types.ts";
import type { Span } from "../yaml/node.ts";

/** One stage reads another. */
interface Edge {
  readonly from: string;
  readonly to: string;
  readonly reference: Reference;
}

/** The order of stages, and which of them cannot be followed. */
export interface StageOrder {
  /** Names so that a stage comes after all that it reads; otherwise as in the file. */
  readonly order: readonly string[];
  /** Names that are read but do not exist, and names on a circle. */
  readonly unusable: ReadonlySet<string>;
}

/**
 * Orders stages by their inputs and reports unknown names, stages that read themselves, and circles.
 *
 * @param drafts The stages in the order of the file.
 * @param problems Takes mistakes.
 * @returns The order.
 */
export function orderStages(drafts: readonly StageDraft[], problems: Problems): StageOrder {
  const names = drafts.map(({ name }) => name);
  const unusable = new Set<string>();
  const edges = new Map<string, Edge[]>(names.map((name) => [name, []]));
  for (const { name, ownCells } of drafts) {
    const references = ownCells.flatMap(({ inputs }) =>
      Object.values(inputs).flatMap((input) => input.references)
    );
    for (const reference of references) {
      if (!edges.has(reference.name)) {
        unusable.add(reference.name);
        const others = names.filter((other) => other !== name);
        problems.add(reference.span, {
          what: `unknown stage "${reference.name}"`,
          requirement: others.length === 0 ? "there is no other" : `stages: ${listed(others)}`,
          nearest: nearest(reference.name, others),
        });
      } else if (reference.name === name) {
        problems.add(reference.span, { what: `the stage "${name}" reads itself` });
      } else if (!edges.get(name)!.some(({ to }) => to === reference.name)) {
        edges.get(name)!.push({ from: name, to: reference.name, reference });
      }
    }
  }
  for (const cycle of findCycles(edges)) {
    reportCycle(cycle, problems);
    for (const { from } of cycle) unusable.add(from);
  }
  return { order: sort(names, edges), unusable };
}

/** Kahn's algorithm, always taking the first of the file that is ready; what is on a circle comes last. */
function sort(names: readonly string[], edges: ReadonlyMap<string, readonly Edge[]>): string[] {
  const order: string[] = [];
  const placed = new Set<string>();
  while (order.length < names.length) {
    const ready = names.find((name) =>
      !placed.has(name) && edges.get(name)!.every(({ to }) =>
        placed.has(to)
      )
    ) ?? names.find((name) => !placed.has(name))!;
    order.push(ready);
    placed.add(ready);
  }
  return order;
}

/** Every circle that a depth-first walk in the order of the file closes, beginning at its first stage. */
function findCycles(edges: ReadonlyMap<string, readonly Edge[]>): Edge[][] {
  const cycles: Edge[][] = [];
  const done = new Set<string>();
  const path: Edge[] = [];
  const walk = (name: string): void => {
    for (const edge of edges.get(name) ?? []) {
      const start = path.findIndex(({ from }) => from === edge.to);
      if (start >= 0) cycles.push([...path.slice(start), edge]);
      else if (!done.has(edge.to)) {
        path.push(edge);
        walk(edge.to);
        path.pop();
      }
    }
    done.add(name);
  };
  for (const name of edges.keys()) {
    if (done.has(name)) continue;
    walk(name);
  }
  return cycles;
}

function reportCycle(cycle: readonly Edge[], problems: Problems): void {
  const first = cycle[0]!;
  const hops = cycle.map(({ from, to, reference }) => {
    const { line, column } = problems.source.locate(reference.span);
    return `"${from}" reads "${to}" at ${line}:${column}`;
  });
  problems.add(first.reference.span, {
    what: `the inputs form a circle: ${
      [...cycle.map(({ from }) => from), first.from].join(" -> ")
    }`,
    requirement: hops.join(", "),
    remedy: "take one of these inputs away",
  });
}

/** What {@linkcode checkRoles} compares. */
export interface RoleCheck {
  readonly draft: StageDraft;
  readonly cell: StageCell;
  readonly description: StageDescription;
  /** Id -> the kinds that a stage may put out; absent where that is not known. */
  readonly outputs: ReadonlyMap<string, readonly Kind[]>;
  readonly problems: Problems;
}

/**
 * Checks the inputs of one cell against the roles of its stage.
 *
 * @param check The cell, the stage's description and what the other stages put out.
 * @returns Role -> ids of what it reads.
 */
export function checkRoles(check: RoleCheck): Record<string, readonly string[]> {
  const { draft, cell, description, outputs, problems } = check;
  const roles = description.inputs;
  const roleList = Object.entries(roles).map(([role, spec]) => `${role} (${roleWords(spec)})`);
  const inputs: [string, readonly string[]][] = [];
  const writtenIn = draft.node.entries.get("inputs");
  const roleSpan = (role: string): Span | undefined =>
    writtenIn?.value.type === "mapping" ? writtenIn.value.entries.get(role)?.key : undefined;

  for (const [role, input] of Object.entries(cell.inputs)) {
    if (!Object.hasOwn(roles, role)) {
      problems.add(roleSpan(role) ?? input.span, {
        what: `unknown input "${role}" of stage "${description.uses}"`,
        requirement: roleList.length === 0
          ? "it reads nothing"
          : `inputs of "${description.uses}": ${roleList.join(", ")}`,
        nearest: nearest(role, Object.keys(roles)),
      });
      continue;
    }
    const spec = roles[role]!;
    if (input.isList && !spec.many) {
      problems.add(input.span, {
        what: `the input "${role}" of stage "${description.uses}" takes one stage, not a list`,
        requirement: input.ids.length === 0
          ? `it takes ${roleWords(spec)}`
          : `name one of: ${listed(input.ids)}`,
        ...(input.references.length === 1 && input.references[0]!.cells !== "fitting"
          ? { remedy: `or write "${input.references[0]!.name}" to run once for each cell` }
          : {}),
      });
      continue;
    }
    if (input.isEmpty && !spec.optional) {
      problems.add(input.span, {
        what: `the input "${role}" of stage "${draft.name}" is an empty list`,
        requirement: `it takes ${roleWords(spec)}`,
      });
    }
    for (const id of input.ids) {
      const kinds = outputs.get(id);
      if (kinds === undefined || kinds.some((kind) => spec.kinds.includes(kind))) continue;
      const name = id.split("@", 1)[0];
      const at = input.references.find((reference) => reference.name === name);
      problems.add(at?.span ?? input.span, {
        what: `the input "${role}" of stage "${description.uses}" cannot be "${name}": ` +
          `that puts out ${kinds.join(" or ")}`,
        requirement: `"${role}" accepts ${roleWords({ ...spec, optional: false })}`,
      });
    }
    inputs.push([role, input.ids]);
  }
  if (isMistyped(draft.node, "inputs")) return Object.fromEntries(inputs);
  for (const [role, spec] of Object.entries(roles)) {
    if (spec.optional || Object.hasOwn(cell.inputs, role)) continue;
    // Where the value is not even text, the schema says so.
    if (roleSpan(role) !== undefined) continue;
    // A slip in the role's name was reported as that.
    const others = Object.keys(cell.inputs).filter((other) => !Object.hasOwn(roles, other));
    if (others.some((other) => nearest(other, Object.keys(roles)) === role)) continue;
    problems.add(writtenIn?.key ?? draft.key, {
      what: `missing input "${role}" of stage "${draft.name}"`,
      requirement: `"${description.uses}" reads ${roleList.join(", ")}`,
    });
  }
  return Object.fromEntries(inputs);
}
