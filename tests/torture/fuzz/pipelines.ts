/**
 * Pipelines as trees, and many spellings of the same tree: block and flow style, every form of quotes and
 * numbers, keys in another order, anchors and merges, comments, line ends, a byte order mark.
 *
 * @module
 */
import fc from "fast-check";
import type { Json, JsonObject } from "../../../lib/base/json.ts";
import { isJsonObject } from "../../../lib/base/json.ts";
import { randomNumbers } from "../../fixtures/random_numbers.ts";

/** Text that is awkward in YAML, in JSON or in a shell. */
export const ODD_TEXTS: readonly string[] = [
  ...[
    "",
    " ",
    "a b",
    "a: b",
    "- a",
    "# a",
    "a #b",
    "'",
    '"',
    "\\",
    "null",
    "true",
    "1",
    "1e3",
    "~",
  ],
  ...[
    "0x1f",
    "*a",
    "&a",
    "!a",
    "{a}",
    "[a]",
    "<<",
    "|",
    ">",
    "%",
    "@",
    "`",
    "a\nb",
    "\n",
    "\t",
    "é",
  ],
  ...[
    "\u0085",
    "\u2028",
    "\ufeff",
    "𝄞",
    "yes",
    ".inf",
    "2024-01-01",
    "{{ text }}",
    "a'b",
    "---",
    "...",
  ],
];

/** Texts that mean themselves: no `${{`, no lone surrogates. */
const plainText = fc.oneof(
  fc.constantFrom(...ODD_TEXTS),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 6 }),
).filter((text) => text.isWellFormed() && !text.includes("{"));

const learningRate = fc.constantFrom(1, 1000, 5e-5, 2e-5, 0.1, 1e-7, 1.5, 123456789, 1e21);

const trainOptions: fc.Arbitrary<JsonObject> = fc.record({
  learning_rate: learningRate,
  epochs: fc.integer({ min: 1, max: 2 ** 40 }),
  strategy: fc.constantFrom("no", "steps", "epoch"),
  note: plainText,
  dropout: fc.constantFrom<Json>(0, 1, 0.1, "auto"),
  config: fc.record({
    width: fc.integer({ min: 1, max: 64 }),
    layers: fc.array(fc.record({ size: fc.integer({ min: -3, max: 3 }) }), { maxLength: 3 }),
  }),
}, { requiredKeys: [] }) as fc.Arbitrary<JsonObject>;

const matrix: fc.Arbitrary<JsonObject> = fc.record({
  learning_rate: fc.uniqueArray(learningRate, { minLength: 1, maxLength: 3 }),
  note: fc.uniqueArray(fc.constantFrom("a", "b", "A", "a b"), { minLength: 1, maxLength: 3 }),
}, { requiredKeys: [] });

/** A pipeline of the stages of `tests/pipeline/loading.ts`, without a mistake. */
export const validTree: fc.Arbitrary<JsonObject> = fc.record({
  seed: fc.option(fc.integer({ min: 0, max: 0xffff_ffff }), { nil: undefined }),
  from: plainText.filter((text) => text !== ""),
  model: plainText.filter((text) => text !== ""),
  first: trainOptions,
  second: trainOptions,
  matrix,
  fan: fc.constantFrom<Json>("first@*", ["first@*", "second"], ["second", "first@*"], ["second"]),
  metrics: fc.constantFrom<Json>(["perplexity"], ["bleu", "perplexity"], []),
  prompts: fc.array(plainText, { maxLength: 3 }),
}).map(({ seed, from, model, first, second, matrix, fan, metrics, prompts }) => ({
  name: "fuzz",
  ...(seed === undefined ? {} : { seed }),
  stages: {
    data: { uses: "download", with: { from } },
    base: { uses: "download", with: { from: model, model: true } },
    first: {
      uses: "train",
      inputs: { data: "data", model: "base" },
      with: first,
      ...(Object.keys(matrix).length === 0 ? {} : { matrix }),
    },
    second: { uses: "train", inputs: { data: "data" }, with: second },
    scored: { uses: "score", inputs: { models: fan }, with: { metrics } },
    texts: { uses: "write", inputs: { model: "second" }, with: { prompts } },
  },
}));

/** What a spelling may do; all of it is drawn from `seed`. */
export interface Spelling {
  readonly seed: number;
  readonly anchors: boolean;
  readonly crlf: boolean;
  readonly mark: boolean;
}

/** Any spelling. */
export const spelling: fc.Arbitrary<Spelling> = fc.record({
  seed: fc.nat(),
  anchors: fc.boolean(),
  crlf: fc.boolean(),
  mark: fc.boolean(),
});

/** Mappings whose order means something: that of the cells. */
const ORDERED: ReadonlySet<string> = new Set(["matrix"]);

/**
 * Writes a tree as YAML.
 *
 * @param tree A mapping.
 * @returns Text that means the tree, whatever the spelling is.
 */
export function spelled(tree: JsonObject, { seed, anchors, crlf, mark }: Spelling): string {
  const lines = new Speller(randomNumbers(seed), anchors).file(tree).join("\n") + "\n";
  return (mark ? "\ufeff" : "") + (crlf ? lines.replaceAll("\n", "\r\n") : lines);
}

class Speller {
  readonly #shared: string[] = [];
  #anchors: boolean;

  constructor(readonly random: () => number, anchors: boolean) {
    this.#anchors = anchors;
  }

  file(tree: JsonObject): string[] {
    const body = this.#mapping(tree, 0, "");
    return [...this.#chance(0.3) ? ["# a remark", ""] : [], ...this.#shared, ...body];
  }

  #chance(share: number): boolean {
    return this.random() < share;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)]!;
  }

  /** Lines of a mapping in block style. */
  #mapping(value: JsonObject, indent: number, name: string): string[] {
    let entries = Object.entries(value);
    if (!ORDERED.has(name) && this.#chance(0.7)) entries = this.#shuffled(entries);
    const pad = " ".repeat(indent);
    const lines: string[] = [];
    if (this.#anchors && entries.length > 0 && !ORDERED.has(name) && this.#chance(0.3)) {
      const cut = Math.floor(this.random() * (entries.length + 1));
      const merged = Object.fromEntries(entries.slice(cut));
      lines.push(`${pad}<<: ${this.#share(merged)}`);
      // A key of its own wins over the merged one.
      entries = [...entries.slice(0, cut), ...entries.slice(cut).filter(() => this.#chance(0.3))];
    }
    for (const [key, item] of entries) {
      if (this.#chance(0.05)) lines.push(`${pad}# ${key}`);
      const start = `${pad}${this.#key(key)}:`;
      if (isJsonObject(item) && Object.keys(item).length > 0 && this.#chance(0.7)) {
        lines.push(`${start}${this.#remark()}`, ...this.#mapping(item, indent + 2, key));
      } else if (Array.isArray(item) && item.length > 0 && this.#chance(0.5)) {
        lines.push(`${start}${this.#remark()}`);
        for (const one of item) lines.push(`${pad}  - ${this.#flow(one)}`);
      } else lines.push(`${start} ${this.#flow(item, key)}${this.#remark()}`);
    }
    return lines;
  }

  #remark(): string {
    return this.#chance(0.1) ? " # { a: *remark" : "";
  }

  /** Puts a value under an anchor at the top of the file. */
  #share(value: Json, key = ""): string {
    const name = `a${this.#shared.length}`;
    const before = this.#anchors;
    this.#anchors = false;
    this.#shared.push(`x-${name}: &${name} ${this.#flow(value, key)}`);
    this.#anchors = before;
    return `*${name}`;
  }

  #flow(value: Json, name = ""): string {
    if (this.#anchors && this.#chance(0.1)) return this.#share(value, name);
    if (Array.isArray(value)) return `[${value.map((item) => this.#flow(item)).join(", ")}]`;
    if (isJsonObject(value)) {
      const entries = Object.entries(value);
      const ordered = ORDERED.has(name) ? entries : this.#shuffled(entries);
      const parts = ordered.map(([key, item]) => `${this.#key(key)}: ${this.#flow(item, key)}`);
      return `{ ${parts.join(", ")} }`;
    }
    return typeof value === "number"
      ? this.#number(value)
      : typeof value === "string"
      ? this.#text(value)
      : value === null
      ? this.#pick(["null", "~", "Null"])
      : this.#pick([String(value), value ? "True" : "FALSE"]);
  }

  #key(key: string): string {
    return this.#pick([this.#text(key), key]);
  }

  #number(value: number): string {
    const forms = [String(value), value.toExponential()];
    if (value > 0) forms.push(`+${value}`);
    if (Number.isInteger(value) && Math.abs(value) < 2 ** 53) forms.push(`${value}.0`, `${value}.`);
    if (Number.isSafeInteger(value) && value >= 0) {
      forms.push(`0x${value.toString(16)}`, `0o${value.toString(8)}`, `0${value}`);
    }
    if (value === 0) forms.push("-0", "-0.0", "0e5");
    return this.#pick(forms);
  }

  #text(value: string): string {
    // JSON's escapes are YAML's; what lies outside of printable ASCII is escaped or not.
    const json = JSON.stringify(value).replaceAll(
      /[\x7f-\uffff]/g,
      (unit) =>
        /[\ud800-\udfff]/.test(unit) || (/[\xa0-\u2027]/.test(unit) && this.#chance(0.5))
          ? unit
          : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    const forms = [json];
    if (/^[\x20-\x7e]*$/.test(value)) forms.push(`'${value.replaceAll("'", "''")}'`);
    const isWord = /^[A-Za-z_][\w./@*=-]*$/.test(value) && !/^(null|true|false)$/i.test(value);
    if (isWord) forms.push(value, value);
    return this.#pick(forms);
  }

  #shuffled<T>(items: readonly T[]): T[] {
    return items.map((item) => [this.random(), item] as const).sort(([a], [b]) => a - b)
      .map(([, item]) => item);
  }
}
