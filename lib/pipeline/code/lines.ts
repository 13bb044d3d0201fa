/**
 * What a process prints, a line at a time, however it prints: in time that grows with what was printed and
 * in bounded memory, and with turns for everything else that this process has to do.
 *
 * @module
 */

/** Longer lines of text are passed on in pieces, in characters: a process may never end its line. */
export const MAX_LINE = 1 << 20;
/** How long lines are passed on before timers and others get a turn, in milliseconds. */
const TURN_MS = 25;

/** How {@linkcode eachLine} reads. */
export interface LineOptions {
  /** Told of every chunk; what it refuses is dropped. */
  readonly count: (bytes: number) => boolean;
  /** Takes a line without its end. */
  readonly each: (line: string) => void;
  /** What begins a message: from there on a line stays whole. */
  readonly mark?: string | undefined;
  /** Characters of the longest message, which is left out where it is longer; no bound where absent. */
  readonly maxMessage?: number | undefined;
}

/** Calls `each` for every line of a stream; the last one needs no newline. */
export async function eachLine(
  stream: ReadableStream<Uint8Array>,
  { count, each, mark, maxMessage }: LineOptions,
): Promise<void> {
  const decoder = new TextDecoder();
  const lines = new Lines(each, { mark, maxMessage });
  let turn = performance.now();
  for await (const chunk of stream) {
    if (!count(chunk.length)) continue;
    lines.add(decoder.decode(chunk, { stream: true }));
    if (performance.now() - turn < TURN_MS) continue;
    // A pipe that is always full would keep timers waiting, of other stages too.
    await new Promise((go) => setTimeout(go, 0));
    turn = performance.now();
  }
  lines.add(decoder.decode());
  lines.end();
}

/** Puts pieces of text together to lines. */
class Lines {
  readonly #each: (line: string) => void;
  readonly #mark: string | undefined;
  readonly #maxMessage: number;
  #parts: string[] = [];
  #length = 0;
  /** Whether the line that is being read is a message, and so stays whole. */
  #isMessage = false;
  /** Whether the rest of the line is passed over. */
  #dropping = false;

  constructor(
    each: (line: string) => void,
    { mark, maxMessage = Infinity }: Pick<LineOptions, "mark" | "maxMessage">,
  ) {
    this.#each = each;
    this.#mark = mark;
    this.#maxMessage = maxMessage;
  }

  add(text: string): void {
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      this.#push(text.slice(from, end));
      this.#finish(true);
      from = end + 1;
    }
    this.#push(text.slice(from));
  }

  end(): void {
    if (this.#length > 0) this.#finish(false);
  }

  #push(text: string): void {
    if (text === "" || this.#dropping) return;
    this.#parts.push(text);
    this.#length += text.length;
    if (!this.#isMessage && this.#length > MAX_LINE) this.#cut();
    if (this.#isMessage && this.#length > this.#maxMessage) {
      this.#take();
      this.#dropping = true;
      this.#each(`a message of more than ${this.#maxMessage} characters was left out`);
    }
  }

  /** Passes on what is too long for a line, up to where a message begins or may begin. */
  #cut(): void {
    const line = this.#take();
    const begin = this.#mark === undefined ? -1 : line.indexOf(this.#mark);
    this.#isMessage = begin >= 0;
    const keep = begin >= 0 ? begin : line.length - (this.#mark?.length ?? 1) + 1;
    if (keep > 0) this.#each(line.slice(0, keep));
    if (keep >= line.length) return;
    this.#parts = [line.slice(keep)];
    this.#length = line.length - keep;
  }

  #finish(ended: boolean): void {
    const dropped = this.#dropping;
    const line = this.#take();
    this.#isMessage = false;
    this.#dropping = false;
    if (!dropped) this.#each(ended && line.endsWith("\r") ? line.slice(0, -1) : line);
  }

  #take(): string {
    const line = this.#parts.length === 1 ? this.#parts[0]! : this.#parts.join("");
    this.#parts = [];
    this.#length = 0;
    return line;
  }
}
