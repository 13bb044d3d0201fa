/**
 * Which stages `--only`, `--from` and `--force` mean.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import type { Pipeline, StageNode } from "../types.ts";

/** What the command line asks for, as written. A name means all cells of its matrix. */
export interface SelectionRequest {
  readonly only?: string | undefined;
  readonly from?: string | undefined;
  readonly force?: readonly string[] | undefined;
}

/** Which stages take part, and which run whether or not their results are there. */
export interface Selection {
  /** Ids that may run. */
  readonly run: ReadonlySet<string>;
  /** Ids that must be there already: what `--only` reads. */
  readonly required: ReadonlySet<string>;
  /** Id -> the reason why it runs in any case. */
  readonly forced: ReadonlyMap<string, string>;
}

/**
 * Works out a selection.
 *
 * @throws {UserError} For a stage that the pipeline does not have, with the nearest one, for
 *   `--only` together with `--from`, and for `--force` of what `--only` leaves out.
 */
export function select(pipeline: Pipeline, request: SelectionRequest): Selection {
  const forced = new Map<string, string>();
  for (const name of request.force ?? []) {
    for (const id of matching(pipeline, name, "--force")) {
      forced.set(id, `forced by --force ${name}`);
    }
  }
  if (request.from !== undefined) {
    if (request.only !== undefined) {
      throw new UserError({
        what: "--only and --from cannot be used together",
        requirement: "--only S runs S alone; --from S reruns S and what depends on it",
      });
    }
    const start = matching(pipeline, request.from, "--from");
    for (const id of downstream(pipeline, start)) {
      forced.set(id, `forced by --from ${request.from}`);
    }
  }
  if (request.only === undefined) {
    return { run: new Set(pipeline.stages.map(({ id }) => id)), required: new Set(), forced };
  }
  const run = new Set(matching(pipeline, request.only, "--only"));
  const idle = [...forced.keys()].find((id) => !run.has(id));
  if (idle !== undefined) {
    throw new UserError({
      what: `--force has no effect on "${idle}": --only ${request.only} runs that stage alone`,
      remedy: "leave --only away, or force what it runs",
    });
  }
  const byId = new Map(pipeline.stages.map((node) => [node.id, node]));
  const required = new Set<string>();
  // A stage's key needs the digests of its inputs, and theirs those of what is above them.
  for (const id of run) {
    for (const above of upstream(byId, id)) if (!run.has(above)) required.add(above);
  }
  return { run, required, forced };
}

/** Ids that a stage reads, each once. */
export function readsOf(node: StageNode): string[] {
  return [...new Set(Object.values(node.inputs).flat())];
}

function matching(pipeline: Pipeline, name: string, option: string): string[] {
  const wanted = name.endsWith("@*") ? name.slice(0, -2) : name;
  const ids = pipeline.stages
    .filter((node) => node.id === wanted || node.name === wanted)
    .map((node) => node.id);
  if (ids.length > 0) return ids;
  const names = [...new Set(pipeline.stages.flatMap((node) => [node.name, node.id]))];
  throw new UserError({
    what: `${option}: the pipeline has no stage "${name}"`,
    nearest: nearest(name, names),
    requirement: `stages: ${[...new Set(pipeline.stages.map((node) => node.name))].join(", ")}`,
  });
}

function downstream(pipeline: Pipeline, start: readonly string[]): Set<string> {
  const found = new Set(start);
  for (const node of pipeline.stages) {
    if (readsOf(node).some((id) => found.has(id))) found.add(node.id);
  }
  return found;
}

function upstream(byId: ReadonlyMap<string, StageNode>, id: string): Set<string> {
  const found = new Set<string>([id]);
  for (const each of found) for (const read of readsOf(byId.get(each)!)) found.add(read);
  found.delete(id);
  return found;
}
