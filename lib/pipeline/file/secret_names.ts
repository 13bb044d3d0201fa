/**
 * Names that hold a secret: they become names of folders and files of a run, where nothing is cut out.
 *
 * @module
 */
import { secretIn } from "../../base/outside/secrets.ts";
import type { Span } from "../yaml/node.ts";
import type { Problems } from "../yaml/problems.ts";

/** A name, and where it stands. */
export interface WrittenName {
  /** As in "the name of stage "a"". */
  readonly of: string;
  readonly name: string;
  readonly span: Span | undefined;
}

/** Notes every name that holds a secret. */
export function refuseSecretNames(names: readonly WrittenName[], problems: Problems): void {
  for (const { of, name, span } of names) {
    const secret = secretIn(name);
    if (secret === undefined) continue;
    problems.add(span, {
      what: `the name of ${of} holds ${secret}`,
      requirement: "names become names of folders and files under runs/, for all to read",
      remedy:
        "give it another name, and grant the secret as a variable: permissions: { env: [NAME] }",
    });
  }
}
