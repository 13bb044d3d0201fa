/**
 * What stages are run from: their code and what they were granted, as it was when the run began.
 *
 * A pipeline runs for hours, and people go on working in the same folder. So code and granted files are
 * digested once for a whole run, and copied (`lib/store/snapshots.ts`) before the first stage starts;
 * keys tell the digests, processes read the copies, and a save changes only the next run. A run in
 * which everything is cached copies nothing.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { SnapshotFiles } from "../../store/mod.ts";
import { codeDigest } from "../code/memory.ts";
import { type ModuleGraph, moduleGraph } from "../code/module_graph.ts";
import { type GrantedFiles, grantedTo } from "../key/granted.ts";
import { HOST } from "../sandbox/child.ts";
import type { StageNode } from "../types.ts";
import type { PlanContext } from "./context.ts";

/** Code and granted files of the stages of one run. */
export class Capture {
  readonly #context: PlanContext;
  readonly #graphs = new Map<string, Promise<ModuleGraph>>();
  readonly #granted = new Map<string, Promise<GrantedFiles>>();
  readonly #snapshots = new Map<string, Promise<string | undefined>>();

  constructor(context: PlanContext) {
    this.#context = context;
  }

  /** The module graph of a stage. */
  async graphOf({ description: { module, code, uses } }: StageNode): Promise<ModuleGraph> {
    const graph = await this.#graph(module);
    if (code !== undefined && codeDigest(graph) !== code) {
      throw new UserError({
        what: `the code of the stage "${uses}" was changed while the run began`,
        requirement: "what a stage is and what it does have to be of one version",
        remedy: "start the run again",
      });
    }
    return graph;
  }

  #graph(module: string): Promise<ModuleGraph> {
    const { project, store: { index }, signal } = this.#context;
    return remembered(this.#graphs, module, () => moduleGraph(module, { project, index, signal }));
  }

  /** What a stage was granted. */
  grantedTo(node: StageNode): Promise<GrantedFiles> {
    return remembered(this.#granted, node.id, () => this.#grantedNow(node));
  }

  #grantedNow(node: StageNode): Promise<GrantedFiles> {
    const { baseDir, store: { index, layout: { runs } }, signal } = this.#context;
    return grantedTo(node, { baseDir, runs, index, signal });
  }

  /** Whether what a stage was granted is still what its key tells; asked where it is read in place. */
  async isUnchanged(node: StageNode): Promise<boolean> {
    const [then, now] = await Promise.all([this.grantedTo(node), this.#grantedNow(node)]);
    return then.digest === now.digest;
  }

  /**
   * The folder that holds copies of a stage's code and of what it was granted.
   *
   * @returns undefined where a file changed while it was copied: what is remembered of the stage is
   *   forgotten, and its key has to be made again.
   * @throws {UserError} On a full or unwritable disk.
   */
  async snapshotOf(node: StageNode): Promise<string | undefined> {
    const { module, builtin } = node.description;
    const key = builtin ? "" : node.id;
    const root = await remembered(this.#snapshots, key, async () => {
      const files = await this.#filesOf(node);
      const { store, signal } = this.#context;
      const snapshot = await store.snapshots.take(files, signal);
      return snapshot.type === "taken" ? snapshot.root : undefined;
    });
    if (root === undefined) {
      this.#snapshots.delete(key);
      this.#granted.delete(node.id);
      for (const each of builtin ? this.#modules() : [module, HOST]) this.#graphs.delete(each);
    }
    return root;
  }

  /** Built-in stages share one copy, so that Deno compiles what they share once. */
  async #filesOf(node: StageNode): Promise<SnapshotFiles> {
    const modules = node.description.builtin ? this.#modules() : [node.description.module, HOST];
    const graphs = await Promise.all(modules.map((module) => this.#graph(module)));
    const { files, isCopied } = await this.grantedTo(node);
    return Object.assign({}, ...graphs.map(({ local }) => local), isCopied ? files : {});
  }

  /** What all built-in stages of the pipeline run: they, the other side, and threads of the engine. */
  #modules(): readonly string[] {
    const { pipeline, threadModules } = this.#context;
    const builtin = pipeline.stages.filter(({ description }) => description.builtin);
    return [
      ...new Set(builtin.map(({ description }) => description.module)),
      HOST,
      ...threadModules,
    ];
  }
}

/** What was found before under a name, or is looked for now; a failure is not remembered. */
function remembered<T>(
  known: Map<string, Promise<T>>,
  name: string,
  find: () => Promise<T>,
): Promise<T> {
  let found = known.get(name);
  if (found === undefined) {
    found = find();
    known.set(name, found);
    found.catch(() => known.delete(name));
  }
  return found;
}
