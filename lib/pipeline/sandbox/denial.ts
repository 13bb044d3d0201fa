/**
 * Deno's refusals in words: what a stage tried, which permission it lacks, and how to declare it.
 *
 * @module
 */
import { basename, relative } from "node:path";
import { UserError } from "../../base/errors.ts";
import { isWithin } from "../../base/paths.ts";
import type { Misuse } from "../stage.ts";
import type { StageNode } from "../types.ts";
import type { ThrownError } from "./protocol.ts";

/** The kinds of permission that Deno's messages name. */
type Permission = "read" | "write" | "net" | "env" | "run" | "sys" | "ffi" | "import";

/** A refused access. */
interface Denial {
  readonly kind: Permission;
  /** What was wanted: a path, a host, a name; undefined for all of the kind. */
  readonly wanted: string | undefined;
}

const DENIAL =
  /Requires (read|write|net|env|run|sys|ffi|import) access(?: to (?:"([^"]*)"|([^\s,]+)))?/;

/** The refusal that a message tells of, such as `Requires env access to "HOME", run again with …`. */
function denialIn(message: string): Denial | undefined {
  const match = DENIAL.exec(message);
  if (match === null) {
    // It has no list of folders with programs, so that it cannot tell which are there.
    const program = /Failed to spawn '([^']*)'/.exec(message)?.[1];
    return program === undefined ? undefined : { kind: "run", wanted: program };
  }
  const kind = match[1] as Permission;
  const wanted = match[2] ?? match[3];
  // An address that is not among a stage's modules is looked for as a file, where there is none.
  return kind === "read" && wanted !== undefined && /^https?:\/\//.test(wanted)
    ? { kind: "import", wanted: hostOf(new URL(wanted)) }
    : { kind, wanted };
}

function hostOf({ hostname, port, protocol }: URL): string {
  return `${hostname}:${port === "" ? protocol === "http:" ? 80 : 443 : port}`;
}

/** What Deno says of a package that is not in the lock of the process: of one that it knows, and of one that it does not. */
const UNKNOWN_PACKAGE = /^(The lockfile is out of date\b|.*--cached-only is specified)/m;

/**
 * Why a package was not loaded, in words.
 *
 * @returns undefined where the message is of something else.
 */
function packageDenial(text: string): Misuse | undefined {
  if (!UNKNOWN_PACKAGE.test(text)) return undefined;
  const name = /not found in cache: "([^"]+)"/.exec(text)?.[1];
  return {
    what: `tried to import ${
      name === undefined ? "a package" : `the package "${name}"`
    } that its code does not name: denied (permission: import)`,
    requirement:
      "a stage's code is what its imports name literally, so that its key holds all of it",
    remedy: 'write the import with a literal name: import("npm:NAME@VERSION")',
  };
}

/** What is said of each kind of permission. */
const WORDS: Readonly<
  Record<Permission, {
    /** What was tried, as in "tried to …", where Deno names it and where it does not. */
    readonly named: (wanted: string) => string;
    readonly unnamed: string;
    /** What stands in `permissions:` where Deno names nothing; undefined for what is no list. */
    readonly placeholder?: string;
    /** Why no stage can have it, and what to do instead. */
    readonly never?: { readonly requirement: string; readonly remedy: string };
  }>
> = {
  read: {
    named: (path) => `read "${path}"`,
    unnamed: "read files",
    placeholder: "PATH",
  },
  net: {
    named: (host) => `use the network: "${host}"`,
    unnamed: "use the network",
    placeholder: "HOST",
  },
  env: {
    named: (name) => `read the environment variable "${name}"`,
    unnamed: "read all environment variables",
    placeholder: "NAME",
  },
  ffi: {
    named: (path) => `load the native library "${path}"`,
    unnamed: "load a native library",
  },
  write: {
    named: (path) => `write "${path}"`,
    unnamed: "write files",
    never: {
      requirement: "no stage can be granted this: a stage writes into its output folder alone",
      remedy: "write below output.path",
    },
  },
  run: {
    named: (program) => `start the process "${program}"`,
    unnamed: "start a process",
    never: {
      requirement: "no stage can be granted this: a process it starts would not be confined",
      remedy: "do the work in TypeScript, or prepare its result before the pipeline runs",
    },
  },
  sys: {
    named: (name) => `ask for system information: "${name}"`,
    unnamed: "ask for system information",
    never: {
      requirement: "no stage can be granted this: its result would depend on the machine",
      remedy: "take what it needs as an option",
    },
  },
  import: {
    named: (host) => `import "${host}"`,
    unnamed: "import",
    never: {
      requirement: "a stage's code is what its imports name literally",
      remedy: "write the import with a literal path",
    },
  },
};

function attempt({ kind, wanted }: Denial): string {
  const { named, unnamed } = WORDS[kind];
  return wanted === undefined ? unnamed : named(wanted);
}

/** How a permission is written in `permissions:`. */
function setting({ kind, wanted }: Denial): string {
  const { placeholder } = WORDS[kind];
  return placeholder === undefined
    ? `${kind}: true`
    : `${kind}: [${JSON.stringify(wanted ?? placeholder)}]`;
}

/**
 * The error for a module that tried something while it was loaded.
 *
 * @returns undefined where nothing was denied.
 */
export function loadDenial(uses: string, message: string): UserError | undefined {
  const packages = packageDenial(message);
  if (packages !== undefined) {
    return new UserError({
      ...packages,
      what: `while it is loaded, the stage "${uses}" ${packages.what}`,
    });
  }
  const denial = denialIn(message);
  if (denial === undefined) return undefined;
  return new UserError({
    what: `the stage "${uses}" tries to ${attempt(denial)} while it is loaded, which is denied`,
    requirement: "a stage's module is loaded without any permission",
    remedy: WORDS[denial.kind].never === undefined
      ? `move it into run(), and declare permissions: { ${setting(denial)} }`
      : "a stage cannot have this permission, not in run() either",
  });
}

/**
 * Puts a denial into words: the permission, what was tried, and how to declare it.
 *
 * @param error What the stage threw.
 * @param node The stage.
 * @param baseDir Folder of the pipeline file, from which a path in the remedy counts.
 * @returns undefined where nothing was denied.
 */
export function explainDenial(
  error: ThrownError,
  node: StageNode,
  baseDir: string,
): Misuse | undefined {
  const text = [error.message, ...error.causes].join("\n");
  if (/Deno\.symlink(Sync)?\(\) requires/.test(text)) {
    return {
      what: `stage "${node.id}" tried to make a symbolic link: denied (permission: write)`,
      requirement: "no stage can be granted this; an artifact holds plain files",
      remedy: "copy the bytes instead",
    };
  }
  const packages = packageDenial(text);
  if (packages !== undefined) return { ...packages, what: `stage "${node.id}" ${packages.what}` };
  const storage = /\b(localStorage|caches) is not defined/.exec(text);
  if (storage !== null) {
    return {
      what: `stage "${node.id}" tried to keep data in ${storage[1]}: denied (permission: write)`,
      ...WORDS.write.never!,
    };
  }
  if (text.includes("Failed to create cache storage directory")) {
    return {
      what: `stage "${node.id}" tried to keep data in caches: denied (permission: write)`,
      ...WORDS.write.never!,
    };
  }
  // node:child_process reads the environment before it starts anything: what is denied first is not what was wanted.
  const spawns = `${error.stack}\n${text}`.includes("child_process.ts");
  const found = denialIn(text);
  if (found === undefined) return undefined;
  const denial = spawns ? { kind: "run", wanted: undefined } as const : found;
  return {
    what: `stage "${node.id}" tried to ${attempt(denial)}: denied (permission: ${denial.kind})`,
    ...WORDS[denial.kind].never ?? declaration(node, denial, baseDir),
  };
}

/** How an author declares a permission: in the stage's file and in the pipeline. */
export function declaration(
  node: StageNode,
  { kind, wanted }: Denial,
  baseDir: string,
): { readonly requirement: string; readonly remedy: string } {
  const isPath = kind === "read" && wanted !== undefined;
  const declared = setting({ kind, wanted: isPath ? pathFrom(baseDir, wanted) : wanted });
  const { description: { builtin, uses }, name } = node;
  return {
    requirement: "a stage reads its inputs, fills its output folder, and does what it declares",
    remedy: builtin
      ? `the built-in stage "${uses}" does not declare ${declared}: a fault of Temper, please report it`
      : `declare permissions: { ${declared} } in ${basename(uses)} and grant it in the pipeline: ` +
        `stage "${name}", permissions: { ${declared} }`,
  };
}

/** A path as an author writes it: from the pipeline's folder where it is below it. */
export function pathFrom(baseDir: string, path: string): string {
  return path !== baseDir && isWithin(baseDir, path) ? `./${relative(baseDir, path)}` : path;
}
