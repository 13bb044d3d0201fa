/**
 * The objects that Jinja gives to templates: namespaces, loops, cyclers, joiners.
 *
 * @module
 */
import { equal } from "../values/compare.ts";
import { TemplateError } from "../values/template_error.ts";
import { Callable, type Given, Thing, Tuple, Undefined, type Value } from "../values/value.ts";
import { repr } from "../values/written.ts";

/** `namespace(a=1)`: what can be changed from within a loop. */
export class Namespace extends Thing {
  readonly type = "namespace";
  readonly #members: Map<string, Value>;

  constructor(members: Map<string, Value>) {
    super();
    this.#members = members;
    for (const name of members.keys()) refusePrivate(name);
  }

  member(name: string): Value | undefined {
    return this.#members.get(name);
  }

  set(name: string, value: Value): void {
    refusePrivate(name);
    this.#members.set(name, value);
  }

  written(): string {
    const members = Array.from(this.#members, ([name, value]) => `${repr(name)}: ${repr(value)}`);
    return `<Namespace {${members.join(", ")}}>`;
  }
}

function refusePrivate(name: string): void {
  if (!name.startsWith("_")) return;
  throw new TemplateError(`a namespace has no member "${name}": no name may begin with "_"`);
}

/** `cycler("odd", "even")`. */
export class Cycler extends Thing {
  readonly type = "Cycler";
  readonly #items: readonly Value[];
  #place = 0;

  constructor(items: readonly Value[]) {
    super();
    this.#items = items;
    if (items.length === 0) throw new TemplateError("cycler() takes at least one value");
  }

  member(name: string): Value | undefined {
    switch (name) {
      case "current":
        return this.#items[this.#place];
      case "pos":
        return this.#place;
      case "items":
        return new Tuple(this.#items);
      case "next":
        return new Callable(name, () => {
          const item = this.#items[this.#place]!;
          this.#place = (this.#place + 1) % this.#items.length;
          return item;
        });
      case "reset":
        return new Callable(name, () => {
          this.#place = 0;
          return null;
        });
    }
    return undefined;
  }

  written(): string {
    throw new TemplateError("a cycler cannot be printed: its next() can");
  }
}

/** `joiner(", ")`: nothing the first time it is called, the separator then. */
export class Joiner extends Thing {
  readonly type = "Joiner";
  readonly #separator: Value;
  #isUsed = false;

  constructor(separator: Value) {
    super();
    this.#separator = separator;
  }

  override readonly call = (): Value => {
    const result = this.#isUsed ? this.#separator : "";
    this.#isUsed = true;
    return result;
  };

  member(name: string): Value | undefined {
    if (name === "sep") return this.#separator;
    return name === "used" ? this.#isUsed : undefined;
  }

  written(): string {
    throw new TemplateError("a joiner cannot be printed: it is called");
  }
}

/** `loop` in a loop. */
export class Loop extends Thing {
  readonly type = "LoopContext";
  readonly #items: readonly Value[];
  readonly #depth: number;
  #last: readonly Value[] | undefined;
  index0 = 0;
  override readonly call: (given: Given) => Value;

  /**
   * @param options `depth`: how many loops of the same statement lie around it; `recurse`: renders the
   * loop for other items, where it is marked as recursive.
   */
  constructor(
    items: readonly Value[],
    options: { depth: number; recurse: ((items: Value) => string) | undefined },
  ) {
    super();
    this.#items = items;
    this.#depth = options.depth;
    this.call = ({ positional: [items] }) => {
      if (options.recurse === undefined) {
        throw new TemplateError('only a loop that is marked "recursive" can be called');
      }
      if (items === undefined) throw new TemplateError("loop() lacks what it goes over");
      return options.recurse(items);
    };
  }

  member(name: string): Value | undefined {
    const { length } = this.#items;
    switch (name) {
      case "index":
        return this.index0 + 1;
      case "index0":
        return this.index0;
      case "revindex":
        return length - this.index0;
      case "revindex0":
        return length - this.index0 - 1;
      case "first":
        return this.index0 === 0;
      case "last":
        return this.index0 === length - 1;
      case "length":
        return length;
      case "depth":
        return this.#depth + 1;
      case "depth0":
        return this.#depth;
      case "previtem":
        return this.#itemAt(this.index0 - 1, "previous");
      case "nextitem":
        return this.#itemAt(this.index0 + 1, "next");
      case "cycle":
        return new Callable(name, ({ positional }) => {
          if (positional.length === 0) throw new TemplateError("loop.cycle() takes values");
          return positional[this.index0 % positional.length]!;
        });
      case "changed":
        return new Callable(name, ({ positional }) => {
          const last = this.#last;
          this.#last = positional;
          return last === undefined || last.length !== positional.length ||
            !last.every((value, i) => equal(value, positional[i]!));
        });
    }
    return undefined;
  }

  #itemAt(place: number, which: string): Value {
    const item = this.#items[place];
    return item === undefined ? new Undefined(`there is no ${which} item`) : item;
  }

  override count(): number {
    return this.#items.length;
  }

  written(): string {
    return `<LoopContext ${this.index0 + 1}/${this.#items.length}>`;
  }
}
