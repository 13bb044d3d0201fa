/**
 * Reads what a role accepts: `rows`, `model|tokens?`, `metrics[]`.
 *
 * @module
 */
import { nearest, UserError } from "../../base/errors.ts";
import { type InputSpec, type Kind, KINDS } from "../stage.ts";
import type { RoleSpec } from "../types.ts";

/**
 * Parses an {@linkcode InputSpec}.
 *
 * @param role Name of the role, for the message.
 * @param spec Kinds separated by `|`, then `[]`, `?` or both.
 * @returns The parsed specification.
 * @throws {UserError} If a kind does not exist or the form is wrong: the stage's definition is at fault.
 */
export function parseInputSpec(role: string, spec: InputSpec): RoleSpec {
  const match = /^([a-z|]*)(\[\])?(\?)?(\[\])?$/.exec(spec);
  const kinds = match?.[1]?.split("|") ?? [];
  const unknown = kinds.find((kind) => !KINDS.includes(kind as Kind));
  if (match === null || unknown !== undefined || (match[2] && match[4])) {
    throw new UserError({
      what: `the role "${role}" accepts "${spec}", which means nothing`,
      requirement: `kinds are ${
        KINDS.join(", ")
      }; several with "|", "[]" for a list, "?" for an optional role`,
      nearest: unknown === undefined ? undefined : nearest(unknown, KINDS),
    });
  }
  return {
    kinds: kinds as Kind[],
    many: match[2] !== undefined || match[4] !== undefined,
    optional: match[3] !== undefined,
  };
}

/** A role as a person reads it: `model or tokens, optional`, `a list of metrics`. */
export function roleWords(role: RoleSpec): string {
  const kinds = role.kinds.join(" or ");
  return `${role.many ? `any number of ${kinds}` : kinds}${role.optional ? ", optional" : ""}`;
}
