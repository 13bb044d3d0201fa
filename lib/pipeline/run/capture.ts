/**
 * What stages are run from: their code and what they were granted, as it was when the run began.
 *
 * A pipeline runs for hours, and people go on working in the same folder. So code and granted files are
 * digested once for a whole run, and copied (`lib/store/snapshots.ts`) before the first stage starts;
 * keys tell the digests, processes read the copies, and a save changes only the next run. A run in
 * which everything is cached copies nothing, but for own stages with a `resolve`: that is run from a
 * copy before there is a key.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import type { SnapshotFiles } from "../../store/mod.ts";
import { type Confinement, confinementOf } from "../code/confinement.ts";
import { codeDigest } from "../code/memory.ts";
import { type ModuleGraph, moduleGraph } from "../code/module_graph.ts";
import { type GrantedFiles, grantedTo } from "../key/granted.ts";
import { HOST, type OwnCode } from "../sandbox/child.ts";
import { installCode } from "../sandbox/own_code.ts";
import type { StageNode } from "../types.ts";
import type { PlanContext } from "./context.ts";
import { otherThanRemembered } from "./steady.ts";

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
  async graphOf(node: StageNode): Promise<ModuleGraph> {
    const { module, code, uses } = node.description;
    const graph = await this.#graph(module, node);
    if (code !== undefined && codeDigest(graph) !== code) {
      throw new UserError({
        what: `the code of the stage "${uses}" was changed while the run began`,
        requirement: "what a stage is and what it does have to be of one version",
        remedy: "start the run again",
      });
    }
    return graph;
  }

  /** @param own The own stage whose module it is: its code is confined, Temper's is not. */
  #graph(module: string, own?: StageNode): Promise<ModuleGraph> {
    const { project, store: { index }, signal } = this.#context;
    return remembered(this.#graphs, nameOf(module, own), async () => {
      const confinement = await this.#confinementOf(own);
      return await moduleGraph(module, { project, index, signal, confinement });
    });
  }

  async #confinementOf(node: StageNode | undefined): Promise<Confinement | undefined> {
    if (node === undefined || node.description.builtin) return undefined;
    return await confinementOf(this.#context.baseDir, node.permissions.read);
  }

  /** What an own stage's process may load; a built-in one's loads what it wants. */
  async codeOf(node: StageNode): Promise<OwnCode> {
    const { project, store: { index }, signal } = this.#context;
    const graphs = await Promise.all([this.graphOf(node), this.#graph(HOST)]);
    const confinement = await confinementOf(this.#context.baseDir, node.permissions.read);
    return {
      graphs,
      index,
      install: () => installCode(node.description, { project, confinement, signal }),
    };
  }

  /** What a stage was granted. */
  grantedTo(node: StageNode): Promise<GrantedFiles> {
    return remembered(this.#granted, node.id, () => this.#grantedNow(node));
  }

  #grantedNow(node: StageNode): Promise<GrantedFiles> {
    const { baseDir, store: { index, layout: { runs } }, signal } = this.#context;
    return grantedTo(node, { baseDir, runs, index, signal });
  }

  /**
   * What a stage was granted that is no longer what its key tells, or was not for a while; asked where it
   * is read in place.
   *
   * @returns Words for it; undefined where all is as it was.
   */
  async changeOf(node: StageNode): Promise<string | undefined> {
    const [then, now] = await Promise.all([this.grantedTo(node), this.#grantedNow(node)]);
    const path = now.marks.changedSince(then.marks);
    if (path === undefined && then.digest === now.digest) return undefined;
    const granted = (node.permissions.read ?? []).join(", ");
    return `what it was granted (${granted}${path === undefined ? "" : `: ${path}`})`;
  }

  /**
   * The folder that holds copies of a stage's code and of what it was granted.
   *
   * @returns undefined where a file changed while it was copied: what is remembered of the stage is
   *   forgotten, and its key has to be made again.
   * @throws {UserError} On a full or unwritable disk, and where a file has other bytes than are
   *   remembered of it.
   */
  async snapshotOf(node: StageNode): Promise<string | undefined> {
    const { module, builtin } = node.description;
    const key = builtin ? "" : node.id;
    const root = await remembered(this.#snapshots, key, async () => {
      const files = await this.#filesOf(node);
      const { store: { snapshots, index }, signal } = this.#context;
      const snapshot = await snapshots.take(files, signal);
      if (snapshot.type === "taken") return snapshot.root;
      const { path } = snapshot;
      const now = await index.digestFile(path, signal).catch(() => undefined);
      signal.throwIfAborted();
      if (now === files[path]) throw otherThanRemembered(path);
      return undefined;
    });
    if (root === undefined) {
      this.#snapshots.delete(key);
      this.#granted.delete(node.id);
      for (const each of builtin ? this.#modules() : [HOST]) this.#graphs.delete(each);
      this.#graphs.delete(nameOf(module, node));
    }
    return root;
  }

  /** Whether the copy that a stage was run from is still what its key tells. */
  async isWhole(node: StageNode, root: string): Promise<boolean> {
    const { store, signal } = this.#context;
    return await store.snapshots.isWhole(root, await this.#filesOf(node), signal);
  }

  /** Built-in stages share one copy, so that Deno compiles what they share once. */
  async #filesOf(node: StageNode): Promise<SnapshotFiles> {
    const { module, builtin } = node.description;
    const graphs = await Promise.all(
      builtin
        ? this.#modules().map((each) => this.#graph(each))
        : [this.#graph(module, node), this.#graph(HOST)],
    );
    const { files, isCopied } = await this.grantedTo(node);
    return Object.assign({}, ...graphs.map(({ local }) => local), isCopied ? files : {});
  }

  /** What all built-in stages of the pipeline run: they, the other side, and threads. */
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

/** Two stages of one module may be granted different things, and so may consist of different files. */
function nameOf(module: string, node: StageNode | undefined): string {
  return node === undefined || node.description.builtin ? module : `${node.id} ${module}`;
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
