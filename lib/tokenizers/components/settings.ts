/**
 * The settings of a component of tokenizer.json, read one by one: what is missing, of a wrong form or not
 * known is told with its place. None is passed over, since each may change the ids.
 *
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from "../../base/json.ts";

/** What is wrong with a component. `loadTokenizer` adds the file's name. */
export class ComponentError extends Error {
  override readonly name = "ComponentError";
}

/** A component's entry in tokenizer.json. */
export class Settings {
  readonly type: string;
  /** Its path in the file: `pre_tokenizer.pretokenizers[0]`. */
  readonly place: string;
  readonly #json: JsonObject;
  readonly #asked = new Set(["type"]);

  /** @param place Its path in the file. `type` stands in for one that old files leave out. */
  constructor(json: Json, place: string, type?: string) {
    if (!isJsonObject(json)) throw new ComponentError(`its ${place} is no mapping`);
    const named = json.type ?? type;
    if (typeof named !== "string") throw new ComponentError(`its ${place} has no type`);
    this.#json = json;
    this.type = named;
    this.place = place;
  }

  boolean(name: string, otherwise?: boolean): boolean {
    return this.#read(name, { otherwise, form: "true or false", is: isBoolean });
  }

  text(name: string, otherwise?: string): string {
    return this.#read(name, { otherwise, form: "a text", is: isText });
  }

  /** A whole number from 0. */
  count(name: string, otherwise?: number): number {
    return this.#read(name, { otherwise, form: "a whole number from 0", is: isCount });
  }

  /** One of a few words. */
  choice<T extends string>(name: string, words: readonly T[], otherwise?: T): T {
    return this.#read(name, {
      otherwise,
      form: `one of ${words.join(", ")}`,
      is: (value): value is T => words.some((word) => word === value),
    });
  }

  list(name: string, otherwise?: readonly Json[]): readonly Json[] {
    return this.#read(name, { otherwise, form: "a list", is: isList });
  }

  mapping(name: string): JsonObject {
    return this.#read(name, { form: "a mapping", is: isJsonObject });
  }

  /** A setting that may be absent or null. */
  optional(name: string): Json | undefined {
    this.#asked.add(name);
    return Object.hasOwn(this.#json, name) ? this.#json[name] ?? undefined : undefined;
  }

  optionalText(name: string): string | undefined {
    return this.optional(name) === undefined ? undefined : this.text(name);
  }

  /** Settings of old files that mean nothing. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#asked.add(name);
  }

  /** @throws {ComponentError} where the file says more than was asked for. */
  end(): void {
    const unknown = Object.keys(this.#json).find((name) => !this.#asked.has(name));
    if (unknown === undefined) return;
    throw new ComponentError(
      `its ${this.place} (${this.type}) has the unknown setting "${unknown}"`,
    );
  }

  /** An error about this component; `what` goes on after its name. */
  wrong(what: string): ComponentError {
    return new ComponentError(`its ${this.place} (${this.type}) ${what}`);
  }

  /** An error for a type that is not known at this place. */
  unknown(part: string): ComponentError {
    return new ComponentError(`its ${this.place} is of the unknown type ${this.type}: no ${part}`);
  }

  #read<T extends Json>(
    name: string,
    { otherwise, form, is }: {
      readonly otherwise?: T | undefined;
      readonly form: string;
      readonly is: (value: unknown) => value is T;
    },
  ): T {
    this.#asked.add(name);
    const value = Object.hasOwn(this.#json, name) ? this.#json[name] : undefined;
    if (is(value)) return value;
    if (otherwise !== undefined && (value === undefined || value === null)) return otherwise;
    if (value === undefined) throw this.wrong(`lacks the setting "${name}"`);
    throw this.wrong(`has a setting that is of a wrong form: ${name} is to be ${form}`);
  }
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === "boolean";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function isList(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}
