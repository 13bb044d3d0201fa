/**
 * The `pattern` of a component: `{ "String": … }` or `{ "Regex": … }`.
 *
 * @module
 */
import { ownMember } from "../../base/json.ts";
import { translateRegex, UntranslatableError } from "./oniguruma.ts";
import { literalPattern, type Pattern, regexPattern } from "./pattern.ts";
import type { Settings } from "./settings.ts";

/**
 * Reads the pattern of a component.
 *
 * @throws {ComponentError} where it is none, or JavaScript has no such regular expression.
 */
export function parsePattern(settings: Settings): Pattern {
  const pattern = settings.mapping("pattern");
  const literal = ownMember(pattern, "String");
  if (typeof literal === "string") return literalPattern(literal);
  const regex = ownMember(pattern, "Regex");
  if (typeof regex !== "string") {
    throw settings.wrong("has a pattern that is neither a String nor a Regex");
  }
  try {
    return regexPattern(translateRegex(regex));
  } catch (error) {
    if (error instanceof UntranslatableError || error instanceof SyntaxError) {
      throw settings.wrong(`has a pattern that is not supported: ${error.message}: ${regex}`);
    }
    throw error;
  }
}
