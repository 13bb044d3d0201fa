/**
 * Encodes texts on all cores: each thread has the tokenizer for itself, and gets lists of texts in turn.
 *
 * A thread takes a second to load a large vocabulary, so few texts are encoded here, and more are until the
 * threads are there. What comes out is the same, however many there are.
 *
 * @module
 */
import { InternalError, UserError } from "../../base/errors.ts";
import { lastWordsOf } from "../../base/watchdog.ts";
import type { Tokenizer } from "../load.ts";
import { endlessText } from "../watched.ts";
import { type EncodedTexts, encodeTexts, type Marks } from "./encoded_texts.ts";
import type { WorkerAnswer, WorkerTask } from "./messages.ts";

/** Characters after which threads are worth their start. */
const WORTH_THREADS = 1 << 22;

/** More would wait for the thread that reads rows and gives them theirs; each has a vocabulary to hold. */
export const MOST_THREADS = 8;

/** Options of {@linkcode EncoderThreads}. */
export interface EncoderThreadsOptions {
  /** The tokenizer, which encodes in this thread. */
  readonly tokenizer: Tokenizer;
  /** The folder that it was loaded from. */
  readonly folder: string;
  /** Where it came from, for messages; default the folder. */
  readonly name?: string | undefined;
  /** Cores to keep busy; with 1 there is no other thread than this. */
  readonly threads: number;
  /** Characters to encode here first. */
  readonly worthThreads?: number;
  /** Told when threads start. */
  readonly log?: (message: string) => void;
}

/** Threads that encode; see there. Ends them where it is disposed of. */
export class EncoderThreads implements Disposable {
  readonly #options: EncoderThreadsOptions;
  #threads: EncoderThread[] | undefined;
  #encoded = 0;
  #turn = 0;

  constructor(options: EncoderThreadsOptions) {
    this.#options = options;
  }

  /** Lists of texts that should be on their way for every thread to have something to do. */
  get depth(): number {
    const ready = this.#threads?.filter(({ isReady }) => isReady).length ?? 0;
    return Math.max(1, 2 * ready);
  }

  /**
   * Encodes texts.
   *
   * @param marks Which parts are learned, where not all is.
   * @returns Their ids, without what the tokenizer puts around them.
   * @throws {UserError} what the tokenizer throws.
   */
  encode(texts: readonly string[], marks?: Marks): Promise<EncodedTexts> {
    const { tokenizer, threads, worthThreads = WORTH_THREADS } = this.#options;
    const ready = this.#threads?.filter(({ isReady }) => isReady) ?? [];
    if (ready.length > 0) return ready[this.#turn++ % ready.length]!.encode(texts, marks);
    if (this.#threads === undefined && threads > 1 && this.#encoded >= worthThreads) this.#start();
    for (const text of texts) this.#encoded += text.length;
    return Promise.resolve(encodeTexts(tokenizer, texts, marks));
  }

  #start(): void {
    const { folder, name = folder, threads, log } = this.#options;
    const length = Math.min(threads, MOST_THREADS);
    log?.(`tokenizing on ${length} threads`);
    this.#threads = Array.from({ length }, () => new EncoderThread({ folder, name }));
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads ?? []) thread.end();
  }
}

/** One of them. */
class EncoderThread {
  readonly #worker: Worker;
  /** Whom the answers are for, in the order of the tasks. */
  readonly #waiting: PromiseWithResolvers<EncodedTexts>[] = [];
  #problem: Error | undefined;
  isReady = false;

  constructor({ folder, name }: { readonly folder: string; readonly name: string }) {
    this.#worker = new Worker(import.meta.resolve("./encoder_worker.ts"), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => this.#take(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new InternalError(`a thread that encodes: ${event.message}`));
    };
    this.#post({ type: "open", folder, name, lastWords: lastWordsOf(endlessText(name)) });
  }

  encode(texts: readonly string[], marks: Marks | undefined): Promise<EncodedTexts> {
    const answer = Promise.withResolvers<EncodedTexts>();
    // Whoever gave up on what comes before doesn't wait for this one.
    answer.promise.catch(() => {});
    if (this.#problem !== undefined) answer.reject(this.#problem);
    else {
      this.#waiting.push(answer);
      this.#post({ type: "encode", texts, marks });
    }
    return answer.promise;
  }

  end(): void {
    this.#worker.terminate();
  }

  #post(task: WorkerTask): void {
    this.#worker.postMessage(task);
  }

  #take(answer: WorkerAnswer): void {
    switch (answer.type) {
      case "ready":
        this.isReady = true;
        break;
      case "encoded":
        this.#waiting.shift()!.resolve(answer.encoded);
        break;
      case "refused":
        this.#fail(new UserError(answer.parts));
        break;
      case "failed":
        this.#fail(new InternalError(`a thread that encodes: ${answer.stack}`));
    }
  }

  /** What a thread fails with is told to whoever waits, and to the next who asks. */
  #fail(problem: Error): void {
    this.#problem ??= problem;
    this.isReady = true;
    for (const { reject } of this.#waiting.splice(0)) reject(problem);
  }
}
