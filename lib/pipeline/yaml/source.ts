/**
 * Reads a YAML 1.2 file (core schema, https://yaml.org/spec/1.2.2/) into a {@linkcode YamlNode} tree.
 *
 * The `yaml` package does the syntax. Anchors, aliases, merge keys (`<<`, https://yaml.org/type/merge.html)
 * and duplicate keys are done here, because every value has to keep its place and because the size of
 * what aliases unfold to must be bounded. Left out: tags, several documents in one file, keys that
 * are lists or mappings, numbers that JSON cannot hold.
 *
 * @module
 */
import {
  type Document,
  isAlias,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import { nearest } from "../../base/errors.ts";
import type { Problems } from "./problems.ts";
import type { MappingEntry, Span, YamlNode } from "./node.ts";

/** Nodes that a file may unfold to through its aliases; a pipeline has some hundreds. */
const MAX_NODES = 100_000;
/** Levels of nesting; deeper ones would end in a stack overflow somewhere. */
const MAX_DEPTH = 100;
const TOO_DEEP = {
  what: "the file is nested too deeply to be read",
  requirement: `at most ${MAX_DEPTH} levels`,
};

/**
 * Parses a file's text. Mistakes go to `problems`.
 *
 * @param problems Holds the text, takes the mistakes.
 * @returns The root node; `invalid` where the syntax is wrong; null (a scalar) for an empty file.
 */
export function parseYaml(problems: Problems): YamlNode {
  const { text } = problems.source;
  const invalid: YamlNode = { type: "invalid", span: { start: 0, end: 0 } };
  let document: Document.Parsed;
  if (opensTooMany(text)) {
    problems.add({ start: 0, end: 0 }, TOO_DEEP);
    return invalid;
  }
  try {
    document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, logLevel: "error" });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.add({ start: 0, end: 0 }, TOO_DEEP);
    return invalid;
  }
  // A tag that nobody resolves is a warning to the package; its value would silently be text.
  const mistakes = [...document.errors, ...document.warnings];
  if (mistakes.length > 0) {
    reportSyntax(mistakes, problems);
    return invalid;
  }
  if (document.contents === null) {
    return { type: "scalar", value: null, span: { start: 0, end: 0 } };
  }
  return new Converter(problems).convert(document.contents as Node, 0).node;
}

/**
 * Whether so many levels are opened, in a row or by indentation, that the package would take minutes or
 * run out of stack: at which level it does is another in each run, so it is not even asked.
 */
function opensTooMany(text: string): boolean {
  const most = 3 * MAX_DEPTH;
  let run = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (" \n\r\t".includes(character)) continue;
    run = "-?".includes(character) && text[i + 1] === " " ? run + 1 : 0;
    if (run > most) return true;
  }
  const indents: number[] = [];
  for (const [, { length }] of text.matchAll(/^( *)[^ \r\n]/gm) as Iterable<[string, string]>) {
    while ((indents.at(-1) ?? -1) >= length) indents.pop();
    if (indents.push(length) > most) return true;
  }
  return opensFlows(text, most);
}

/** Whether more than so many `{` and `[` are open at once, those in texts and comments aside. */
function opensFlows(text: string, most: number): boolean {
  if ((text.match(/[{[]/g)?.length ?? 0) <= most) return false;
  let open = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "{" || token === "[") open++;
    else if (token === "}" || token === "]") open--;
    if (open > most) return true;
  }
  return false;
}

/** One mistake a line: what follows on the same line is nearly always its consequence. */
function reportSyntax(
  mistakes: readonly { code: string; message: string; pos: [number, number] }[],
  problems: Problems,
): void {
  const lines = new Set<number>();
  for (const { code, message, pos } of mistakes.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    const span = { start: pos[0], end: pos[1] };
    const { line, text = "" } = problems.source.locate(span);
    if (lines.has(line)) continue;
    lines.add(line);
    if (message === "Maximum call stack size exceeded") {
      // Where the parser gave up says nothing: that depends on the stack.
      problems.add({ start: 0, end: 0 }, TOO_DEEP);
      continue;
    }
    const remedy = syntaxRemedy(code, text);
    problems.add(span, {
      what: `not valid YAML: ${syntaxMessage(code, message)}`,
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
}

function syntaxMessage(code: string, message: string): string {
  switch (code) {
    case "MULTIPLE_DOCS":
      return "a second document begins here, a pipeline file holds one";
    case "TAB_AS_INDENT":
      return "a tab indents this line";
    case "BLOCK_AS_IMPLICIT_KEY":
      return "a second key on the line, or a line indented deeper than the one before";
    case "MULTILINE_IMPLICIT_KEY":
      return "this line is neither a key with a value nor part of one";
    case "TAG_RESOLVE_FAILED":
      return `tags are not supported: ${message.replace(/^Unresolved tag: /, "")}`;
    default:
      return message.replace(/^./, (letter) => letter.toLowerCase());
  }
}

function syntaxRemedy(code: string, line: string): string | undefined {
  if (code === "TAB_AS_INDENT") return "indent with spaces";
  if (/(^|[^"'])\$?\{\{/.test(line)) return 'put quotes around a value with {{ }}: "${{ … }}"';
  switch (code) {
    case "BLOCK_AS_IMPLICIT_KEY":
      return 'put quotes around a value with ": " in it, or align the line with its neighbours';
    case "BAD_SCALAR_START":
      return "put quotes around the value";
    case "BAD_DQ_ESCAPE":
      return "write \\\\ for a backslash, or use single quotes";
    default:
      return undefined;
  }
}

/** A converted node with the number of nodes that it unfolds to. */
interface Converted {
  readonly node: YamlNode;
  readonly size: number;
}

class Converter {
  readonly #problems: Problems;
  /** Anchors met so far; undefined while the anchor's own value is being read. */
  readonly #anchors = new Map<string, Converted | undefined>();
  #refused = false;

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  convert(node: Node | null, depth: number): Converted {
    if (node === null) return { node: scalar(null, { start: 0, end: 0 }), size: 1 };
    const span = spanOf(node);
    if (depth > MAX_DEPTH) {
      return this.#invalid(span, TOO_DEEP);
    }
    if (isAlias(node)) return this.#alias(node.source, span);
    const anchor = node.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, undefined);
    let converted: Converted;
    if (isScalar(node)) converted = this.#scalar(node, span);
    else if (isSeq(node)) {
      const items = node.items.map((item) => this.convert(item as Node | null, depth + 1));
      converted = {
        node: { type: "list", items: items.map((item) => item.node), span },
        size: 1 + items.reduce((sum, item) => sum + item.size, 0),
      };
    } else converted = this.#mapping(node as YAMLMap, span, depth);
    if (converted.size > MAX_NODES && !this.#refused) {
      this.#refused = true;
      converted = this.#invalid(span, {
        what: `the aliases of this file unfold to more than ${MAX_NODES} values`,
        requirement: "aliases of aliases multiply; a pipeline needs few of them",
      });
    }
    if (anchor !== undefined) this.#anchors.set(anchor, converted);
    return converted;
  }

  #scalar(node: Scalar, span: Span): Converted {
    const value: unknown = node.value;
    if (typeof value === "number") {
      if (!Number.isFinite(value)) {
        return this.#invalid(span, { what: `${node.source} is not a number that can be used` });
      }
      const isInteger = /^[-+]?(0x[0-9a-f]+|0o[0-7]+|[0-9]+)$/i.test(node.source ?? "");
      if (isInteger && !Number.isSafeInteger(value)) {
        return this.#invalid(span, {
          what: `the whole number ${node.source} cannot be held exactly`,
          requirement: `from -${Number.MAX_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
          remedy: "put quotes around it if it is text",
        });
      }
      return { node: scalar(Object.is(value, -0) ? 0 : value, span), size: 1 };
    }
    if (typeof value === "string" || typeof value === "boolean" || value === null) {
      return { node: scalar(value, span), size: 1 };
    }
    return this.#invalid(span, { what: `cannot use the value ${node.source ?? ""}` });
  }

  #alias(name: string, span: Span): Converted {
    const target = this.#anchors.get(name);
    if (target !== undefined) return target;
    if (this.#anchors.has(name)) {
      return this.#invalid(span, { what: `the anchor "&${name}" contains itself` });
    }
    return this.#invalid(span, {
      what: `unknown anchor "${name}"`,
      requirement: `an alias "*${name}" needs "&${name}" before it`,
      nearest: nearest(name, this.#anchors.keys()),
    });
  }

  #mapping(map: YAMLMap, span: Span, depth: number): Converted {
    const own = new Map<string, MappingEntry>();
    const merged = new Map<string, MappingEntry>();
    let size = 1;
    for (const pair of map.items) {
      if (!isPair(pair)) continue;
      const keyNode = pair.key as Node | null;
      const key = this.#key(keyNode);
      const keySpan = keyNode === null ? span : spanOf(keyNode);
      const value = pair.value as Node | null;
      if (key === undefined) {
        // `{{ x }}` without quotes is a mapping whose key is a mapping: nothing else of it counts.
        if (map.items.length === 1) return { node: { type: "invalid", span }, size: 1 };
        continue;
      }
      if (key === "<<" && isScalar(keyNode) && keyNode.type === "PLAIN") {
        size += this.#merge(value, merged, depth + 1);
        continue;
      }
      // `key:` with nothing behind it has no place of its own.
      const isEmpty = value === null ||
        (isScalar(value) && value.value === null && value.source === "" && !value.anchor);
      const converted = isEmpty
        ? { node: scalar(null, keySpan), size: 1 }
        : this.convert(value, depth + 1);
      size += converted.size;
      if (own.has(key)) {
        const first = this.#problems.source.locate(own.get(key)!.key);
        this.#problems.add(keySpan, {
          what: `the key "${key}" is there twice`,
          requirement: `it stands in line ${first.line} already`,
        });
        continue;
      }
      own.set(key, { key: keySpan, value: converted.node });
    }
    for (const [key, entry] of merged) if (!own.has(key)) own.set(key, entry);
    return { node: { type: "mapping", entries: own, span }, size };
  }

  /** Puts the entries behind a `<<` into `into`; the first of several mappings wins. */
  #merge(value: Node | null, into: Map<string, MappingEntry>, depth: number): number {
    const { node, size } = this.convert(value, depth);
    const sources = node.type === "list" ? node.items : [node];
    for (const source of sources) {
      if (source.type === "invalid") continue;
      if (source.type !== "mapping") {
        this.#problems.add(value === null ? source.span : spanOf(value), {
          what: 'the merge key "<<" does not lead to a mapping',
          requirement: "it takes an alias of a mapping, or a list of such aliases",
        });
        continue;
      }
      for (const [key, entry] of source.entries) if (!into.has(key)) into.set(key, entry);
    }
    return size;
  }

  #key(node: Node | null): string | undefined {
    if (isScalar(node)) {
      if (typeof node.value === "string") return node.value;
      // `1: x` and `true: x`: the text as written is the only key that surprises nobody.
      if (node.value !== null && node.source !== undefined) return node.source;
    }
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source)?.node;
      if (target?.type === "scalar" && target.value !== null) return String(target.value);
    }
    const span = node === null ? { start: 0, end: 0 } : spanOf(node);
    const isTemplate = this.#problems.source.text.slice(span.start, span.start + 2) === "{ " ||
      this.#problems.source.text.slice(Math.max(0, span.start - 1), span.start + 1) === "{{";
    this.#problems.add(span, {
      what: "a key must be text",
      ...(isTemplate ? { remedy: 'put quotes around a value with {{ }}: "{{ … }}"' } : {}),
    });
    return undefined;
  }

  #invalid(span: Span, problem: Parameters<Problems["add"]>[1]): Converted {
    this.#problems.add(span, problem);
    return { node: { type: "invalid", span }, size: 1 };
  }
}

function scalar(value: string | number | boolean | null, span: Span): YamlNode {
  return { type: "scalar", value, span };
}

/** From the first character of the value to behind its last; comments after it are not part of it. */
function spanOf(node: Node): Span {
  const range = node.range;
  return range ? { start: range[0], end: range[1] } : { start: 0, end: 0 };
}
