/**
 * The code of a TypeScript file without its comments and the contents of its strings, for rules that look
 * for a name: an example in a comment, or a message, is no use of it.
 *
 * A small scanner, no parser: a slash begins a regular expression where no operand is before it.
 *
 * @module
 */

/** Words after which a slash begins a regular expression, though they look like an operand. */
const BEFORE_OPERAND = /\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield)$/;

/**
 * Blanks out comments, strings and regular expressions.
 *
 * @returns Text of the same length with the same line ends; code in `${…}` stays.
 */
export function codeOf(source: string): string {
  let code = "";
  let at = 0;
  /** Open braces of each `${` that the scanner is in. */
  const holes: number[] = [];
  const blank = (end: number): void => {
    code += source.slice(at, end).replace(/[^\n]/g, " ");
    at = end;
  };
  const template = (): void => {
    const end = /(?:[^\\`$]|\\[^]|\$(?!\{))*(?:`|\$\{)?/y;
    end.lastIndex = at;
    const text = end.exec(source)![0];
    if (text.endsWith("${")) holes.push(0);
    blank(at + text.length);
  };
  while (at < source.length) {
    const char = source[at]!;
    const skipped = skip(source, at, code);
    if (skipped > at) blank(skipped);
    else if (char === "`") {
      blank(at + 1);
      template();
    } else if (char === "}" && holes.at(-1) === 0) {
      holes.pop();
      blank(at + 1);
      template();
    } else {
      if (holes.length > 0 && char === "{") holes[holes.length - 1]!++;
      if (holes.length > 0 && char === "}") holes[holes.length - 1]!--;
      code += char;
      at++;
    }
  }
  return code;
}

/** The end of the comment, string or regular expression that begins here; `at` where none does. */
function skip(source: string, at: number, before: string): number {
  const rest = source.slice(at, at + 2);
  if (rest === "//") return endOf(/[^\n]*/y);
  if (rest === "/*") return endOf(/\/\*[^]*?\*\//y);
  if (rest[0] === '"') return endOf(/"(?:[^"\\\n]|\\[^])*"/y);
  if (rest[0] === "'") return endOf(/'(?:[^'\\\n]|\\[^])*'/y);
  if (rest[0] === "/" && expectsOperand(before)) {
    return endOf(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y);
  }
  return at;

  function endOf(pattern: RegExp): number {
    pattern.lastIndex = at;
    return at + (pattern.exec(source)?.[0].length ?? 0);
  }
}

function expectsOperand(before: string): boolean {
  const text = before.trimEnd().slice(-10);
  return !/[\w$)\]}]$/.test(text) || BEFORE_OPERAND.test(text);
}
