/**
 * What a strategy of generation is: it looks at the scores after the rows of a prompt, and says which row goes on
 * with which token. It knows no model; whoever runs it reads the tokens (`generate.ts`).
 *
 * @module
 */
import type { LogitsProcessor } from "../rules/rule.ts";
import { finished, type FinishReason, type StoppingRules } from "../rules/stopping.ts";

/** A prompt that is continued. */
export interface Prompt {
  /** Which prompt of the run. */
  readonly index: number;
  /** At least one token. */
  readonly ids: readonly number[];
  /** Most tokens of prompt and continuation together. */
  readonly maxLength: number;
}

/** One sequence that a search found. */
export interface Found {
  /** Which of the prompt's `num_return_sequences`. */
  readonly sequence: number;
  /** Prompt and continuation, with the end token where it has one. */
  readonly ids: readonly number[];
  readonly finish: FinishReason;
}

/** What is read next: a token for each row, and the row so far that each goes on from. */
export interface Next {
  readonly tokens: readonly number[];
  readonly parents: readonly number[];
}

/** A prompt under way. It starts with one row, the prompt, and has the strategy's `width` after its first step. */
export interface Search {
  readonly done: boolean;
  /** Tokens written after the prompt, of the longest row. */
  readonly written: number;
  /**
   * Chooses the next tokens. Not called once it is done.
   *
   * @param logits By row: scores after its newest token, float32 [V], to be changed at will.
   * @returns As many tokens as the strategy is wide, also where they are the last.
   */
  step(logits: readonly Float32Array[]): Next;
  /** What was found, once it is done. */
  results(): readonly Found[];
}

/** How prompts are continued. */
export interface Strategy {
  /** Rows that a search takes side by side. */
  readonly width: number;
  /** Starts the searches of a prompt; they know nothing of each other. */
  searches(prompt: Prompt): readonly Search[];
}

/** The rules that a strategy keeps to. */
export interface Rules extends StoppingRules {
  /** Applied to each row's scores, in this order. */
  readonly processors: readonly LogitsProcessor[];
}

/** Applies every rule to the scores after a sequence. */
export function applyRules(
  scores: Float32Array,
  { rules, prompt, ids }: {
    readonly rules: Rules;
    readonly prompt: Prompt;
    readonly ids: readonly number[];
  },
): void {
  for (const process of rules.processors) process(scores, { ids, promptLength: prompt.ids.length });
}

/** A search of one row, whose next token is chosen from its scores alone. */
export class SingleRow implements Search {
  readonly #prompt: Prompt;
  readonly #rules: Rules;
  readonly #sequence: number;
  readonly #choose: (scores: Float32Array, position: number) => number;
  readonly #ids: number[];
  #finish: FinishReason | undefined;

  /** `choose` picks a token from the scores after all rules, given the length of the sequence so far. */
  constructor(prompt: Prompt, options: {
    readonly rules: Rules;
    readonly sequence: number;
    readonly choose: (scores: Float32Array, position: number) => number;
  }) {
    this.#prompt = prompt;
    this.#rules = options.rules;
    this.#sequence = options.sequence;
    this.#choose = options.choose;
    this.#ids = [...prompt.ids];
  }

  get done(): boolean {
    return this.#finish !== undefined;
  }

  get written(): number {
    return this.#ids.length - this.#prompt.ids.length;
  }

  step([scores]: readonly Float32Array[]): Next {
    const [ids, prompt, rules] = [this.#ids, this.#prompt, this.#rules];
    applyRules(scores!, { rules, prompt, ids });
    const token = this.#choose(scores!, ids.length);
    ids.push(token);
    this.#finish = finished(ids, { ...rules, maxLength: prompt.maxLength });
    return { tokens: [token], parents: [0] };
  }

  results(): readonly Found[] {
    return this.#finish === undefined
      ? []
      : [{ sequence: this.#sequence, ids: this.#ids, finish: this.#finish }];
  }
}
