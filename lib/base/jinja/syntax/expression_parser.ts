/**
 * Expressions, with the precedence of Jinja's `parser.py`, which is not quite Python's: `~` binds more
 * tightly than `+`, `**` goes from left to right, `-x | abs` is `(-x) | abs`.
 *
 * @module
 */
import { JinjaSyntaxError, type Token } from "./lexer.ts";
import type { TokenStream } from "./token_stream.ts";
import type { Arguments, Arithmetic, Comparison, Condition, Expression } from "./tree.ts";

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ...["true", "True"].map((name) => [name, true] as const),
  ...["false", "False"].map((name) => [name, false] as const),
  ...["none", "None"].map((name) => [name, null] as const),
]);

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);

/** Names that cannot begin the argument of a test that stands without brackets: `x is odd or y`. */
const AFTER_TEST: ReadonlySet<string> = new Set(["else", "or", "and"]);

/** Reads expressions from tokens. */
export class ExpressionParser {
  protected readonly stream: TokenStream;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  /** Any expression but a tuple without brackets. */
  parseExpression(): Expression {
    return this.stream.nested(() => this.#parseCondition());
  }

  /** An expression, or several with commas between: a tuple. */
  parseTuple(
    options: { withCondition?: boolean; ends?: (stream: TokenStream) => boolean } = {},
  ): Expression {
    const items: Expression[] = [];
    const { withCondition = true, ends } = options;
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expectMark(",");
      if (this.#isTupleEnd() || ends?.(this.stream)) break;
      items.push(
        withCondition ? this.parseExpression() : this.stream.nested(() => this.#parseOr()),
      );
      if (!this.stream.isMark(",")) break;
      isTuple = true;
    }
    if (isTuple) return { type: "Tuple", items };
    return items[0] ?? this.stream.fail();
  }

  #isTupleEnd(): boolean {
    const { kind } = this.stream.current;
    return kind === "close block" || kind === "close output" || this.stream.isMark(")");
  }

  #parseCondition(): Expression {
    let result = this.#parseOr();
    while (this.stream.skipName("if")) {
      const test = this.#parseOr();
      const otherwise = this.stream.skipName("else") ? this.parseExpression() : undefined;
      const condition: Condition = { type: "Condition", test, then: result, otherwise };
      result = condition;
    }
    return result;
  }

  #parseOr(): Expression {
    let left = this.#parseAnd();
    while (this.stream.skipName("or")) {
      left = { type: "Logic", operator: "or", left, right: this.#parseAnd() };
    }
    return left;
  }

  #parseAnd(): Expression {
    let left = this.#parseNot();
    while (this.stream.skipName("and")) {
      left = { type: "Logic", operator: "and", left, right: this.#parseNot() };
    }
    return left;
  }

  #parseNot(): Expression {
    if (!this.stream.skipName("not")) return this.#parseCompare();
    const operand = this.stream.nested(() => this.#parseNot());
    return { type: "Unary", operator: "not", operand };
  }

  #parseCompare(): Expression {
    const left = this.#parseSum();
    const rest: { operator: Comparison; right: Expression }[] = [];
    for (;;) {
      const operator = this.#comparison();
      if (operator === undefined) break;
      rest.push({ operator, right: this.#parseSum() });
    }
    return rest.length === 0 ? left : { type: "Compare", left, rest };
  }

  #comparison(): Comparison | undefined {
    const { kind, value } = this.stream.current;
    if (kind === "mark" && COMPARISONS.has(value)) return this.stream.next().value as Comparison;
    if (this.stream.skipName("in")) return "in";
    if (!this.stream.isName("not") || !this.stream.isName("in", 1)) return undefined;
    this.stream.next();
    this.stream.next();
    return "not in";
  }

  #parseSum(): Expression {
    return this.#parseBinary(["+", "-"], () => this.#parseConcat());
  }

  #parseConcat(): Expression {
    const items = [this.#parseProduct()];
    while (this.stream.skipMark("~")) items.push(this.#parseProduct());
    return items.length === 1 ? items[0]! : { type: "Concat", items };
  }

  #parseProduct(): Expression {
    return this.#parseBinary(["*", "/", "//", "%"], () => this.#parsePower());
  }

  #parsePower(): Expression {
    return this.#parseBinary(["**"], () => this.#parseUnary());
  }

  #parseBinary(operators: readonly Arithmetic[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const operator = operators.find((mark) => this.stream.skipMark(mark));
      if (operator === undefined) return left;
      left = { type: "Binary", operator, left, right: operand() };
    }
  }

  #parseUnary(withFilter = true): Expression {
    const sign = (["-", "+"] as const).find((mark) => this.stream.skipMark(mark));
    const operand: Expression = sign === undefined ? this.#parsePrimary() : {
      type: "Unary",
      operator: sign,
      operand: this.stream.nested(() => this.#parseUnary(false)),
    };
    const whole = this.#parsePostfix(operand);
    return withFilter ? this.#parseApplied(whole) : whole;
  }

  #parsePrimary(): Expression {
    const token = this.stream.current;
    switch (token.kind) {
      case "name": {
        this.stream.next();
        const constant = CONSTANTS.get(token.value);
        return constant === undefined
          ? { type: "Name", name: token.value }
          : { type: "Constant", value: constant };
      }
      case "text": {
        let value = "";
        while (this.stream.current.kind === "text") value += this.stream.next().value;
        return { type: "Text", value };
      }
      case "integer":
        this.stream.next();
        return { type: "Integer", value: integerOf(token) };
      case "float":
        this.stream.next();
        return { type: "Float", value: Number(token.value.replaceAll("_", "")) };
      case "mark":
        if (token.value === "(") return this.#parseBrackets();
        if (token.value === "[") return this.#parseList();
        if (token.value === "{") return this.#parseDict();
    }
    return this.stream.fail();
  }

  #parseBrackets(): Expression {
    this.stream.next();
    const inner: Expression = this.stream.isMark(")")
      ? { type: "Tuple", items: [] }
      : this.parseTuple();
    this.stream.expectMark(")");
    return inner;
  }

  #parseList(): Expression {
    return { type: "List", items: this.#parseItems("[", "]", () => this.parseExpression()) };
  }

  #parseDict(): Expression {
    const entries = this.#parseItems("{", "}", () => {
      const key = this.parseExpression();
      this.stream.expectMark(":");
      return [key, this.parseExpression()] as const;
    });
    return { type: "Dict", entries };
  }

  #parseItems<T>(open: string, close: string, item: () => T): T[] {
    this.stream.expectMark(open);
    const items: T[] = [];
    while (!this.stream.isMark(close)) {
      if (items.length > 0) this.stream.expectMark(",");
      if (this.stream.isMark(close)) break;
      items.push(item());
    }
    this.stream.expectMark(close);
    return items;
  }

  #parsePostfix(node: Expression): Expression {
    for (;;) {
      if (this.stream.skipMark(".")) node = this.#parseMember(node);
      else if (this.stream.skipMark("[")) node = this.#parseSubscript(node);
      else if (this.stream.isMark("(")) {
        node = { type: "Call", callee: node, args: this.#parseArguments() };
      } else return node;
    }
  }

  #parseMember(object: Expression): Expression {
    const token = this.stream.current;
    if (token.kind === "name") {
      return { type: "Attribute", object, name: this.stream.next().value };
    }
    if (token.kind !== "integer") return this.stream.fail();
    this.stream.next();
    return { type: "Subscript", object, key: { type: "Integer", value: integerOf(token) } };
  }

  #parseSubscript(object: Expression): Expression {
    const keys: Expression[] = [];
    let isTuple = false;
    while (!this.stream.isMark("]")) {
      if (keys.length > 0) {
        this.stream.expectMark(",");
        isTuple = true;
      }
      keys.push(this.#parseKey());
    }
    if (keys.length === 0) this.stream.fail();
    this.stream.expectMark("]");
    return {
      type: "Subscript",
      object,
      key: isTuple ? { type: "Tuple", items: keys } : keys[0]!,
    };
  }

  #parseKey(): Expression {
    const part = (): Expression | undefined =>
      [":", "]", ","].some((mark) => this.stream.isMark(mark)) ? undefined : this.parseExpression();
    const start = part();
    if (!this.stream.skipMark(":")) return start ?? this.stream.fail();
    const stop = part();
    const step = this.stream.skipMark(":") ? part() : undefined;
    return { type: "Slice", parts: [start, stop, step] };
  }

  #parseArguments(): Arguments {
    const positional: Expression[] = [];
    const keywords: { name: string; value: Expression }[] = [];
    let spread: Expression | undefined;
    let keywordSpread: Expression | undefined;
    const inOrder = (isRight: boolean): void => {
      if (!isRight) throw new JinjaSyntaxError("a call names its values in a wrong order");
    };
    this.stream.expectMark("(");
    for (let isFirst = true; !this.stream.isMark(")"); isFirst = false) {
      if (!isFirst) this.stream.expectMark(",");
      if (this.stream.isMark(")")) break;
      if (this.stream.skipMark("*")) {
        inOrder(spread === undefined && keywordSpread === undefined);
        spread = this.parseExpression();
      } else if (this.stream.skipMark("**")) {
        inOrder(keywordSpread === undefined);
        keywordSpread = this.parseExpression();
      } else if (this.stream.current.kind === "name" && this.stream.isMark("=", 1)) {
        inOrder(keywordSpread === undefined);
        const name = this.stream.next().value;
        this.stream.next();
        if (keywords.some((one) => one.name === name)) {
          throw new JinjaSyntaxError(`a call gives "${name}" twice`);
        }
        keywords.push({ name, value: this.parseExpression() });
      } else {
        const isPlain = spread === undefined && keywordSpread === undefined;
        inOrder(isPlain && keywords.length === 0);
        positional.push(this.parseExpression());
      }
    }
    this.stream.expectMark(")");
    return {
      positional,
      keywords,
      ...(spread === undefined ? {} : { spread }),
      ...(keywordSpread === undefined ? {} : { keywordSpread }),
    };
  }

  #parseApplied(node: Expression): Expression {
    for (;;) {
      if (this.stream.isMark("|")) node = this.parseFilters(node);
      else if (this.stream.skipName("is")) node = this.#parseTest(node);
      else if (this.stream.isMark("(")) {
        node = { type: "Call", callee: node, args: this.#parseArguments() };
      } else return node;
    }
  }

  /**
   * Filters, as many as there are.
   *
   * @param operand What they apply to; undefined for the text of a block.
   * @param options `isInline`: the first stands without its `|`, as in `{% filter upper %}`.
   */
  protected parseFilters(
    operand: Expression | undefined,
    options: { isInline?: boolean } = {},
  ): Expression {
    let { isInline = false } = options;
    let node = operand;
    while (isInline || this.stream.skipMark("|")) {
      isInline = false;
      node = { type: "Filter", operand: node, name: this.#dottedName(), args: this.#ifCalled() };
    }
    return node ?? this.stream.fail();
  }

  #dottedName(): string {
    let name = this.stream.expectName();
    while (this.stream.skipMark(".")) name += `.${this.stream.expectName()}`;
    return name;
  }

  #ifCalled(): Arguments {
    return this.stream.isMark("(") ? this.#parseArguments() : { positional: [], keywords: [] };
  }

  #parseTest(operand: Expression): Expression {
    const isNegated = this.stream.skipName("not");
    const name = this.#dottedName();
    const { kind, value } = this.stream.current;
    let args: Arguments = { positional: [], keywords: [] };
    const isArgument = kind === "name"
      ? !AFTER_TEST.has(value)
      : kind === "text" || kind === "integer" || kind === "float" ||
        (kind === "mark" && (value === "[" || value === "{"));
    if (this.stream.isMark("(")) args = this.#parseArguments();
    else if (isArgument) {
      if (value === "is" && kind === "name") {
        throw new JinjaSyntaxError("tests cannot follow one another: x is odd is true");
      }
      args = { positional: [this.#parsePostfix(this.#parsePrimary())], keywords: [] };
    }
    const test: Expression = { type: "Test", operand, name, args };
    return isNegated ? { type: "Unary", operator: "not", operand: test } : test;
  }
}

function integerOf({ value }: Token): number | bigint {
  const exact = BigInt(value.replaceAll("_", ""));
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}
