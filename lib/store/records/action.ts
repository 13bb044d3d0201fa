/**
 * Action records: what a stage's key led to. `actions/<key>.json`, written last of all.
 *
 * Whoever finds one knows that the artifact was complete on disk before it. The key is the SHA-256
 * of the components in canonical JSON, and the record carries a digest of all its members: one that
 * was tampered with counts as lost, whatever of it was changed.
 *
 * @module
 */
import { isJsonObject } from "../../base/json.ts";
import { join } from "node:path";
import { InternalError } from "../../base/errors.ts";
import { canonicalDigest } from "../../base/canonical_json.ts";
import { ensureFolder, lstatOf, readTextOf, writeFileAtomic } from "../disk/durable.ts";
import { guarded } from "../disk/failure.ts";
import { type Digest, isDigest } from "../../base/hash.ts";
import type { StoreLayout } from "../disk/layout.ts";
import { sealed, unsealed } from "./sealed.ts";

/** What made an artifact. `C` is the key document (`lib/pipeline/key/fingerprint.ts`). */
export interface Action<C = unknown> {
  /** SHA-256 of `components` in canonical JSON. */
  readonly key: Digest;
  /** Everything that decided the output. */
  readonly components: C;
  /** Digest of the artifact. */
  readonly artifact: Digest;
  /** Id of the stage in the pipeline that ran it; for people, not part of the key. */
  readonly stage: string;
  /** When it started, ISO 8601 UTC. */
  readonly started: string;
  /** How long it ran. */
  readonly seconds: number;
  /** What the stage reported for the end of the run: JSON, the store does not look inside. */
  readonly summary: unknown;
  /** Versions of Temper, Deno and the engine. */
  readonly versions: Readonly<Record<string, string>>;
  /** Engine it ran on, `cpu`, `webgpu`, `wasm`; null where it computes nothing on one. */
  readonly device: string | null;
}

/** Name of the lock that whoever works on a key holds. */
export function keyLock(key: string): string {
  return `action-${key}`;
}

/** The action records of a store. */
export class Actions {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** Path of a record. */
  pathOf(key: Digest): string {
    return join(this.#layout.actions, `${key}.json`);
  }

  /** The record of a key; undefined where it is missing, cut off, or not what its name says. */
  async read(key: Digest): Promise<Action | undefined> {
    const text = await readTextOf(this.pathOf(key));
    if (text === undefined) return undefined;
    const action = parseAction(text);
    return action?.key === key ? action : undefined;
  }

  /** Whether something lies under the name of a record that {@linkcode Actions.read} takes for none. */
  async isDamaged(key: Digest): Promise<boolean> {
    if (await lstatOf(this.pathOf(key)) === undefined) return false;
    return await this.read(key) === undefined;
  }

  /**
   * Writes a record. The artifact must be published already.
   *
   * @throws {UserError} On a full or unwritable disk.
   */
  async write(action: Action): Promise<void> {
    if (canonicalDigest(action.components) !== action.key) {
      throw new InternalError(`the key of stage ${action.stage} is not that of its components`);
    }
    const path = this.pathOf(action.key);
    await guarded({ doing: "record a finished stage", path }, async () => {
      await ensureFolder(this.#layout.actions);
      await writeFileAtomic(path, sealed(action), {
        temporary: this.#layout.temporary,
        replacesFolder: true,
      });
    });
  }
}

function parseAction(text: string): Action | undefined {
  const value = unsealed(text);
  if (value === undefined) return undefined;
  const { key, components, artifact, stage, started, seconds, summary, versions, device } = value;
  if (!isDigest(key) || !isDigest(artifact) || typeof stage !== "string") return undefined;
  if (typeof started !== "string" || typeof seconds !== "number") return undefined;
  if (typeof device !== "string" && device !== null) return undefined;
  if (!isTextRecord(versions)) return undefined;
  try {
    if (canonicalDigest(components) !== key) return undefined;
  } catch {
    return undefined;
  }
  return { key, components, artifact, stage, started, seconds, summary, versions, device };
}

function isTextRecord(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) &&
    Object.values(value).every((item) => typeof item === "string");
}
