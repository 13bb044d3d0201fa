/**
 * Every call by which a runner changes something on a disk: where `faults.ts` can kill it or make the
 * system refuse. A test holds this table against the sources of the store and the pipeline, so that a
 * new call is either here or known to change nothing.
 *
 * @module
 */

/** Functions of `Deno` that write, in the form without `Sync`; each has one with it as well. */
export const DENO_WRITES: readonly string[] = [
  ...["chmod", "chown", "copyFile", "create", "link", "makeTempDir", "makeTempFile", "mkdir"],
  ...["open", "remove", "rename", "symlink", "truncate", "utime", "writeFile", "writeTextFile"],
];

/** Methods of an open file that write. */
export const FILE_WRITES: readonly string[] = [
  ...["write", "writeSync", "sync", "syncSync", "syncData", "syncDataSync"],
  ...["truncate", "truncateSync", "utime", "utimeSync"],
];

/** Functions of `node:fs` that write. */
export const NODE_WRITES: readonly string[] = [
  ...["appendFileSync", "chmodSync", "closeSync", "copyFileSync", "fsyncSync", "linkSync"],
  ...["mkdirSync", "mkdtempSync", "openSync", "renameSync", "rmSync", "symlinkSync"],
  ...["truncateSync", "unlinkSync", "utimesSync", "writeFileSync", "writeSync"],
];

/** Functions of `Deno` and `node:fs` that a runner calls and that change nothing on a disk. */
export const READS: readonly string[] = [
  ...["addSignalListener", "chdir", "consoleSize", "cwd", "execPath", "exit", "kill"],
  ...["lstat", "readDir", "readFile", "readLink", "readTextFile", "readTextFileSync", "realPath"],
  ...["removeSignalListener", "stat", "existsSync", "statSync", "statfs", "lstatSync"],
  ...["readlinkSync"],
  ...["readDirSync", "readFileSync", "realPathSync", "memoryUsage", "uid", "hostname"],
  ...["stdout", "unrefTimer", "SeekMode"],
];

/** What the system answers, as Deno throws it. */
export const SYSTEM_ERRORS: Readonly<Record<string, { number: number; text: string }>> = {
  ENOSPC: { number: 28, text: "No space left on device" },
  EDQUOT: { number: 122, text: "Disk quota exceeded" },
  EIO: { number: 5, text: "Input/output error" },
  EROFS: { number: 30, text: "Read-only file system" },
  EACCES: { number: 13, text: "Permission denied" },
};

/** What to do at an operation; in the variable {@linkcode FAULT}. */
export type FaultKind = "kill" | "tear" | keyof typeof SYSTEM_ERRORS;

/**
 * Names the variable that says what goes wrong: `17:kill` (right before the 17th operation),
 * `17:tear` (in the middle of it, where it writes bytes), `17:ENOSPC` (it fails so), `17+:ENOSPC` (it
 * and all that follow fail so); `22@4:kill` counts from where the 22nd process is started; `count` for nothing but the names of all operations.
 */
export const FAULT = "TEMPER_TORTURE_FAULT";

/** Names the variable with the file that gets `17 rename PATH` of what was struck, or a name a line. */
export const FAULT_LOG = "TEMPER_TORTURE_FAULT_LOG";

/** Names the variable with seconds that the process's clock is ahead, or behind. */
export const CLOCK = "TEMPER_TORTURE_CLOCK";
