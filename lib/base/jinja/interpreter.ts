/**
 * An interpreter of templates that comes to an end.
 *
 * Loops in loops take hours with a few characters of template, and nothing else runs meanwhile. Each
 * evaluation costs a step, and large values cost as much as whatever goes over them may take. Jinja's
 * own sandbox, which `transformers` renders with, bounds `range` alone.
 *
 * @module
 */
import { Environment, Interpreter } from "@huggingface/jinja";
import type { JinjaNode } from "./tree.ts";

type Program = Parameters<Interpreter["run"]>[0];
type RuntimeValue = ReturnType<Interpreter["run"]>;
type For = { readonly iterable?: JinjaNode & { readonly lhs?: JinjaNode } };

/** Steps of one rendering: some seconds of a machine. Chat templates take hundreds, or thousands. */
const MAX_STEPS = 5_000_000;

/** So many items of a list, and so many characters of a text, cost as much as one evaluation. */
const ITEMS_A_STEP = 4;
const CHARACTERS_A_STEP = 64;

/** What a turn of a loop costs beside its body: the package makes a dozen objects for it. */
const STEPS_A_TURN = 5;

class BoundedInterpreter extends Interpreter {
  #steps = 0;
  /** What loops go over. */
  readonly #iterables = new Set<JinjaNode>();

  override evaluate(...[node, scope]: Parameters<Interpreter["evaluate"]>): RuntimeValue {
    this.#spend(1);
    const iterable = (node as For | undefined)?.iterable;
    // `for x in list if test`: the list is a part of it.
    if (node?.type === "For" && iterable) this.#iterables.add(iterable.lhs ?? iterable);
    const result = super.evaluate(node, scope);
    const { value } = result as { readonly value: unknown };
    if (typeof value === "string") this.#spend(value.length / CHARACTERS_A_STEP);
    else if (Array.isArray(value)) {
      const isIterated = this.#iterables.has(node as JinjaNode);
      this.#spend(value.length * (isIterated ? STEPS_A_TURN : 1 / ITEMS_A_STEP));
    }
    return result;
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps <= MAX_STEPS) return;
    throw new Error(`it has no end in sight: it took more than ${MAX_STEPS} steps`);
  }
}

/**
 * Runs a program.
 *
 * @param values What it may name, functions as well. A value may bear the name of a function of Jinja.
 * @returns What it renders.
 * @throws What the package throws, and an error where it takes too many steps.
 */
export function interpret(program: Program, values: Readonly<Record<string, unknown>>): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries(values)) {
    // Jinja's own names, of which `namespace` is one, give way to a column.
    environment.variables.delete(name);
    environment.set(name, value);
  }
  return String(new BoundedInterpreter(environment).run(program).value);
}
