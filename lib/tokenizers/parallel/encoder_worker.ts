/**
 * A thread that encodes: loads a tokenizer from a folder, then answers each list of texts with their ids.
 *
 * @module
 */
import { UserError } from "../../base/errors.ts";
import { sayLastWordsAs } from "../../base/watchdog.ts";
import { loadTokenizer, type Tokenizer } from "../load.ts";
import { watchedTokenizer } from "../watched.ts";
import { encodeTexts } from "./encoded_texts.ts";
import type { WorkerAnswer, WorkerTask } from "./messages.ts";

const thread = globalThis as unknown as {
  onmessage: ((event: MessageEvent<WorkerTask>) => Promise<void>) | null;
  postMessage: (answer: WorkerAnswer, transfer: ArrayBuffer[]) => void;
};

let tokenizer: Tokenizer | undefined;

thread.onmessage = async ({ data: task }): Promise<void> => {
  try {
    if (task.type === "open") {
      // Of how the process of a stage speaks with its runner a thread knows nothing.
      sayLastWordsAs(() => task.lastWords);
      tokenizer = await watchedTokenizer(await loadTokenizer(task.folder), { name: task.name });
      thread.postMessage({ type: "ready" }, []);
      return;
    }
    const encoded = encodeTexts(tokenizer!, task.texts, task.marks);
    const { ids, ends, learned } = encoded;
    const buffers = [ids.buffer, ends.buffer, ...learned === undefined ? [] : [learned.buffer]];
    thread.postMessage({ type: "encoded", encoded }, buffers);
  } catch (error) {
    thread.postMessage(
      error instanceof UserError
        ? { type: "refused", parts: { ...error.parts, cause: undefined } }
        : { type: "failed", stack: error instanceof Error ? error.stack ?? error.message : "" },
      [],
    );
  }
};
