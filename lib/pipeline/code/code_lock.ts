/**
 * The part of a lock file that a stage's code needs.
 *
 * A process that is started with it, frozen, loads these packages and no other: a name that is
 * computed at run time is in no key, and asking a registry for it would carry it out of the machine.
 *
 * Source: Deno's lock file, version 5. In it a dependency is a name where only one version of it is
 * locked, which a part of the file need not be any more, so all get their version here.
 *
 * @module
 */
import type { Json } from "../../base/json.ts";

type Entries<T> = Readonly<Record<string, T>>;

/** What of a lock file is kept. */
export interface CodeLock {
  /** `npm:NAME@RANGE` or `jsr:…` -> version. */
  readonly specifiers?: Entries<string>;
  /** `NAME@VERSION` -> its digest and what it needs. */
  readonly npm?: Entries<LockedPackage>;
  readonly jsr?: Entries<Json>;
  /** URL -> where it leads. */
  readonly redirects?: Entries<string>;
  /** URL -> digest of the module. */
  readonly remote?: Entries<string>;
}

interface LockedPackage {
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
}

const VERSION = "5";

/**
 * The part of a lock file that some packages need.
 *
 * @param text A lock file, as Deno left it after it resolved the code.
 * @param packages Ids of the packages.
 */
export function codeLock(text: string, packages: Iterable<string>): CodeLock {
  const { specifiers = {}, npm = {}, jsr, redirects, remote } = JSON.parse(text) as CodeLock;
  const idOf = (dependency: string): string => idIn(npm, dependency);
  const kept = new Map<string, LockedPackage>();
  const queue = [...packages];
  for (const id of queue) {
    const found = npm[id];
    if (found === undefined || kept.has(id)) continue;
    const entry: Record<string, unknown> = { ...found };
    for (const kind of ["dependencies", "optionalDependencies"] as const) {
      const list = found[kind];
      if (list === undefined) continue;
      entry[kind] = list.map((each) => isAlias(each) ? each : idOf(each));
      queue.push(...list.map(idOf));
    }
    kept.set(id, entry);
  }
  const isKept = ([specifier, version]: [string, string]): boolean =>
    !specifier.startsWith("npm:") || kept.has(`${packageName(specifier)}@${version}`);
  return {
    specifiers: Object.fromEntries(Object.entries(specifiers).filter(isKept)),
    npm: Object.fromEntries(kept),
    ...(jsr === undefined ? {} : { jsr }),
    ...(redirects === undefined ? {} : { redirects }),
    ...(remote === undefined ? {} : { remote }),
  };
}

/** The text of one lock file for several pieces of code. */
export function lockText(locks: readonly CodeLock[]): string {
  const all = <K extends keyof CodeLock>(section: K): { [S in K]?: Record<string, unknown> } => {
    const entries = Object.assign({}, ...locks.map((lock) => lock[section]));
    if (Object.keys(entries).length === 0) return {};
    return { [section]: entries } as { [S in K]?: Record<string, unknown> };
  };
  return JSON.stringify({
    version: VERSION,
    ...all("specifiers"),
    ...all("jsr"),
    ...all("npm"),
    ...all("redirects"),
    ...all("remote"),
  });
}

/** `NAME` of `npm:NAME@RANGE`; a scope begins with an `@` of its own. */
function packageName(specifier: string): string {
  return /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(specifier)?.[1] ?? specifier;
}

/** A dependency under another name: `NAME@npm:PACKAGE@VERSION`. */
function isAlias(dependency: string): boolean {
  return dependency.includes("@npm:");
}

function idIn(npm: Entries<LockedPackage>, dependency: string): string {
  const id = dependency.slice(isAlias(dependency) ? dependency.indexOf("@npm:") + 5 : 0);
  if (Object.hasOwn(npm, id)) return id;
  const found = Object.keys(npm).filter((each) => each.startsWith(`${id}@`));
  return found.length === 1 ? found[0]! : id;
}
