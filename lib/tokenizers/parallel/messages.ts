/**
 * What the threads that encode are told, and what they answer.
 *
 * @module
 */
import type { UserErrorParts } from "../../base/errors.ts";
import type { EncodedTexts, Marks } from "./encoded_texts.ts";

/** First `open`, once; then any number of `encode`, each answered before the next is looked at. */
export type WorkerTask =
  | {
    readonly type: "open";
    /** Of the tokenizer's files. */
    readonly folder: string;
    /** Where they came from, for messages. */
    readonly name: string;
    /** What is printed where a text takes without end. */
    readonly lastWords: string;
  }
  | {
    readonly type: "encode";
    readonly texts: readonly string[];
    /** Which parts are learned, where not all is. */
    readonly marks?: Marks | undefined;
  };

/** The answer to a task. */
export type WorkerAnswer =
  | { readonly type: "ready" }
  | { readonly type: "encoded"; readonly encoded: EncodedTexts }
  | { readonly type: "refused"; readonly parts: UserErrorParts }
  | {
    /** A bug of ours. */
    readonly type: "failed";
    readonly stack: string;
  };
