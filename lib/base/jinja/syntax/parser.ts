/**
 * Templates: text, `{{ }}` and the statements that make sense without other files. `{% extends %}`,
 * `{% include %}`, `{% import %}` and `{% block %}` are for templates that consist of several, and
 * `{% autoescape %}` is for HTML; they are refused. `{% generation %}`, by which chat templates mark what
 * a model writes, is transformers' own.
 *
 * @module
 */
import { nearest } from "../../errors.ts";
import { ExpressionParser } from "./expression_parser.ts";
import { JinjaSyntaxError, tokenize } from "./lexer.ts";
import { TokenStream } from "./token_stream.ts";
import type { MacroStatement, Parameter, Statement, Target } from "./tree.ts";

/**
 * Parses a template.
 *
 * @throws {JinjaSyntaxError} Where it is none.
 * @throws {RangeError} Where it is nested too deeply.
 */
export function parse(template: string): readonly Statement[] {
  return new Parser(new TokenStream(tokenize(template))).parseTemplate();
}

const STATEMENTS = "for if set with macro call filter break continue generation raw print".split(
  " ",
);

class Parser extends ExpressionParser {
  #loops = 0;

  parseTemplate(): Statement[] {
    const body = this.#parseBody();
    if (this.stream.current.kind !== "end") this.#unknown(this.stream.current.value);
    return body;
  }

  /** Statements up to a tag that begins with one of these names, which is left to be read. */
  #parseBody(...ends: readonly string[]): Statement[] {
    const body: Statement[] = [];
    for (;;) {
      const { kind, value } = this.stream.current;
      if (kind === "end") {
        if (ends.length > 0) throw new JinjaSyntaxError("a block is not closed");
        return body;
      }
      this.stream.next();
      if (kind === "data") body.push({ type: "Data", text: value });
      else if (kind === "open output") {
        body.push({ type: "Output", expression: this.parseTuple() });
        this.stream.expectClose("close output");
      } else {
        if (ends.some((end) => this.stream.isName(end))) return body;
        body.push(...this.stream.nested(() => this.#parseStatement()));
        this.stream.expectClose("close block");
      }
    }
  }

  /** A body, its tag's end before it and the tag after it. */
  #parseBlock(...ends: readonly string[]): { body: Statement[]; end: string } {
    this.stream.expectClose("close block");
    const body = this.#parseBody(...ends);
    return { body, end: this.stream.expectName() };
  }

  #parseStatement(): readonly Statement[] {
    const name = this.stream.expectName();
    switch (name) {
      case "for":
        return [this.#parseFor()];
      case "if":
        return [this.#parseIf()];
      case "set":
        return [this.#parseSet()];
      case "with":
        return [this.#parseWith()];
      case "macro":
        return [this.#parseMacro()];
      case "call":
        return [this.#parseCallBlock()];
      case "filter": {
        const filter = this.parseFilters(undefined, { isInline: true });
        return [{ type: "FilterBlock", filter, body: this.#outsideLoops("endfilter") }];
      }
      case "print":
        return this.#parsePrint();
      case "generation":
        return [{ type: "Generation", body: this.#outsideLoops("endgeneration") }];
      case "break":
      case "continue":
        if (this.#loops === 0) throw new JinjaSyntaxError(`{% ${name} %} stands in no loop`);
        return [{ type: name === "break" ? "Break" : "Continue" }];
    }
    return this.#unknown(name);
  }

  #unknown(name: string): never {
    if (name.startsWith("end") || name === "else" || name === "elif") {
      throw new JinjaSyntaxError(`{% ${name} %} closes nothing that is open`);
    }
    const near = nearest(name, STATEMENTS);
    const hint = near === undefined ? "" : `, but there is {% ${near} %}`;
    throw new JinjaSyntaxError(`there is no statement {% ${name} %}${hint}`);
  }

  #parsePrint(): Statement[] {
    const outputs: Statement[] = [];
    do outputs.push({ type: "Output", expression: this.parseExpression() }); while (
      this.stream.skipMark(",")
    );
    return outputs;
  }

  #parseFor(): Statement {
    const target = this.#parseTarget({ ends: "in" });
    if (target.type === "Name" && target.name === "loop") {
      throw new JinjaSyntaxError('"loop" is what a loop calls itself: take another name');
    }
    this.stream.expectName("in");
    const iterable = this.parseTuple({
      withCondition: false,
      ends: (stream) => stream.isName("recursive"),
    });
    const test = this.stream.skipName("if") ? this.parseExpression() : undefined;
    const isRecursive = this.stream.skipName("recursive");
    this.#loops++;
    const { body, end } = this.#parseBlock("endfor", "else");
    this.#loops--;
    const otherwise = end === "else" ? this.#parseBlock("endfor").body : [];
    return { type: "For", target, iterable, test, isRecursive, body, otherwise };
  }

  #parseIf(): Statement {
    const branches: { test: ReturnType<Parser["parseTuple"]>; body: Statement[] }[] = [];
    for (;;) {
      const test = this.parseTuple({ withCondition: false });
      const { body, end } = this.#parseBlock("elif", "else", "endif");
      branches.push({ test, body });
      if (end === "elif") continue;
      const otherwise = end === "else" ? this.#parseBlock("endif").body : [];
      return { type: "If", branches, otherwise };
    }
  }

  #parseSet(): Statement {
    const target = this.#parseTarget({ withNamespace: true });
    if (this.stream.skipMark("=")) return { type: "Set", target, value: this.parseTuple() };
    const filter = this.stream.isMark("|") ? this.parseFilters(undefined) : undefined;
    return { type: "SetBlock", target, filter, body: this.#outsideLoops("endset") };
  }

  #parseWith(): Statement {
    const targets: Target[] = [];
    const values: ReturnType<Parser["parseTuple"]>[] = [];
    while (this.stream.current.kind !== "close block") {
      if (targets.length > 0) this.stream.expectMark(",");
      targets.push(this.#parseTarget());
      this.stream.expectMark("=");
      values.push(this.parseExpression());
    }
    return { type: "With", targets, values, body: this.#parseBlock("endwith").body };
  }

  #parseMacro(): MacroStatement {
    const name = this.#assignable(this.stream.expectName());
    const parameters = this.#parseParameters();
    return { type: "Macro", name, parameters, body: this.#outsideLoops("endmacro") };
  }

  #parseCallBlock(): Statement {
    const parameters = this.stream.isMark("(") ? this.#parseParameters() : [];
    const call = this.parseExpression();
    if (call.type !== "Call") throw new JinjaSyntaxError("{% call %} takes a call of a macro");
    return { type: "CallBlock", call, parameters, body: this.#outsideLoops("endcall") };
  }

  /** What is run elsewhere, or changed when it is whole: a loop around it cannot be left from within. */
  #outsideLoops(end: string): Statement[] {
    const loops = this.#loops;
    this.#loops = 0;
    const { body } = this.#parseBlock(end);
    this.#loops = loops;
    return body;
  }

  #parseParameters(): Parameter[] {
    const parameters: Parameter[] = [];
    this.stream.expectMark("(");
    while (!this.stream.isMark(")")) {
      if (parameters.length > 0) this.stream.expectMark(",");
      const name = this.#assignable(this.stream.expectName());
      if (parameters.some((one) => one.name === name)) {
        throw new JinjaSyntaxError(`two parameters are called "${name}"`);
      }
      if (this.stream.skipMark("=")) parameters.push({ name, default: this.parseExpression() });
      else if (parameters.at(-1)?.default !== undefined) {
        throw new JinjaSyntaxError(`"${name}" has no default, but one before it has`);
      } else parameters.push({ name });
    }
    this.stream.expectMark(")");
    return parameters;
  }

  #parseTarget(options: { withNamespace?: boolean; ends?: string } = {}): Target {
    const { withNamespace = false, ends } = options;
    const items: Target[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expectMark(",");
      const { kind } = this.stream.current;
      const isEnd = kind === "close block" || this.stream.isMark(")") ||
        (ends !== undefined && this.stream.isName(ends));
      if (isEnd) break;
      items.push(this.#parseOneTarget(withNamespace));
      if (!this.stream.isMark(",")) break;
      isTuple = true;
    }
    if (isTuple) return { type: "TargetTuple", items };
    return items[0] ?? this.stream.fail();
  }

  #parseOneTarget(withNamespace: boolean): Target {
    if (this.stream.skipMark("(")) {
      const inner = this.stream.nested(() => this.#parseTarget());
      this.stream.expectMark(")");
      return inner;
    }
    const name = this.stream.expectName();
    if (withNamespace && this.stream.skipMark(".")) {
      return { type: "Member", namespace: name, name: this.stream.expectName() };
    }
    return { type: "Name", name: this.#assignable(name) };
  }

  #assignable(name: string): string {
    if (/^(?:true|false|none)$/i.test(name)) {
      throw new JinjaSyntaxError(`"${name}" is a value and cannot be assigned to`);
    }
    return name;
  }
}
