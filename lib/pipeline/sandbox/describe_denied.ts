/**
 * Deno's refusals while a definition is loaded, in words.
 *
 * @module
 */

/** A refused access. */
export interface DeniedAccess {
  /** What was tried: `reads the environment variable "HOME"`. */
  readonly action: string;
  /** How to declare it for `run`: `permissions: { env: ["HOME"] }`; undefined for what no stage can have. */
  readonly declare: string | undefined;
}

/**
 * Reads the message of a `Deno.errors.NotCapable`.
 *
 * @param message Such as `Requires env access to "HOME", run again with the --allow-env flag`.
 * @returns What was refused; undefined for a message of another form.
 */
export function deniedAccess(message: string): DeniedAccess | undefined {
  const match = /^Requires (\w+) access(?: to (.+?))?, run again/.exec(message);
  if (match === null) return undefined;
  const target = match[2] === undefined ? undefined : match[2].replace(/^<|>$/g, "");
  const quoted = target === undefined || target.startsWith('"') ? target : `"${target}"`;
  switch (match[1]) {
    case "env":
      return {
        action: quoted === undefined
          ? "reads the environment"
          : `reads the environment variable ${quoted}`,
        declare: `permissions: { env: [${quoted ?? "…"}] }`,
      };
    case "read":
      return {
        action: `reads the file ${quoted ?? ""}`.trimEnd(),
        declare: `permissions: { read: [${quoted ?? "…"}] }`,
      };
    case "net":
      return {
        action: `connects to ${quoted ?? "the network"}`,
        declare: `permissions: { net: [${quoted ?? "…"}] }`,
      };
    case "ffi":
      return { action: "loads a native library", declare: "permissions: { ffi: true }" };
    case "write":
      return {
        action: `writes the file ${quoted ?? ""}`.trimEnd(),
        declare: undefined,
      };
    default:
      return {
        action: match[1] === "run"
          ? `starts the process ${quoted ?? ""}`.trimEnd()
          : `needs ${match[1]} access`,
        declare: undefined,
      };
  }
}
