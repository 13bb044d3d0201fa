/**
 * Collects the mistakes of a file, so that all are reported in one pass.
 *
 * @module
 */
import { type Location, UserError, type UserErrorParts, UserErrors } from "../../base/errors.ts";
import type { SourceText, Span } from "./node.ts";

/** The parts of a mistake; its place is given as a span of the file. */
export type Problem = Omit<UserErrorParts, "at">;

/** How many are told: a file of another kind has one in every line. */
const MOST = 100;

/** The mistakes found so far. Each is kept once, however many cells of a matrix repeat it. */
export class Problems {
  readonly #errors: UserError[] = [];
  readonly #seen = new Set<string>();
  #untold = 0;

  /** @param source The file that spans refer to. */
  constructor(readonly source: SourceText) {}

  /** Whether anything was found. */
  get any(): boolean {
    return this.#errors.length > 0;
  }

  /** Notes a mistake, with its place in the file; undefined for one that is not in the file. */
  add(span: Span | undefined, problem: Problem): void {
    this.addError(new UserError(problem), span);
  }

  /** Notes an error that was thrown; it keeps its own place where it has one. */
  addError(error: UserError, span?: Span): void {
    if (this.#errors.length === MOST) {
      this.#untold++;
      return;
    }
    const at: Location | undefined = error.parts.at ??
      (span === undefined ? undefined : this.source.locate(span));
    const id = JSON.stringify([at?.file, at?.line, at?.column, error.parts.what]);
    if (this.#seen.has(id)) return;
    this.#seen.add(id);
    this.#errors.push(at === error.parts.at ? error : new UserError({ ...error.parts, at }));
  }

  /**
   * Throws what was found, in the order of the file; what has no place comes first, how many more there were
   * last.
   *
   * @throws {UserErrors} If there is any mistake.
   */
  throwIfAny(): void {
    if (this.#errors.length === 0) return;
    const rank = (error: UserError): [number, number] => {
      const at = error.parts.at;
      return at === undefined ? [0, 0] : [at.line, at.column];
    };
    const told = this.#errors.toSorted((a, b) => {
      const [lineA, columnA] = rank(a);
      const [lineB, columnB] = rank(b);
      return lineA - lineB || columnA - columnB;
    });
    if (this.#untold > 0) {
      const mistakes = this.#untold === 1 ? "mistake" : "mistakes";
      told.push(
        new UserError({ what: `${this.#untold} more ${mistakes}`, remedy: "mend these first" }),
      );
    }
    throw new UserErrors(told);
  }
}
