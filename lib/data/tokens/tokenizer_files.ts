/**
 * The files that make up a tokenizer in a Hugging Face folder, and how they come along to another:
 * from a model to its tokens, and from those to the model that is trained on them.
 *
 * @module
 */

/** Names of a tokenizer's files; only the first has to be there. */
const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
] as const;

/**
 * Copies those of a tokenizer's files that are there.
 *
 * @param from A model, tokens or tokenizer folder.
 * @param to An existing folder.
 */
export async function copyTokenizerFiles(from: string, to: string): Promise<void> {
  for (const name of TOKENIZER_FILES) await copyIfThere(`${from}/${name}`, `${to}/${name}`);
}

/** Copies a file where there is one. */
export async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    // Not copyFile, which would keep the read-only mode that files in the store have.
    await Deno.writeFile(to, await Deno.readFile(from));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
