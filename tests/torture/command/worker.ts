/**
 * The process in which cases run: one that hangs, even in a loop without end, or takes all memory,
 * ends with this process and not with the command.
 *
 * A case a line on standard input, an answer a line on standard output, marked, for parts may print.
 *
 * @module
 */
import { TextLineStream } from "./text_lines.ts";
import { ALL_PARTS, TRIAL } from "../parts.ts";

/** Begins a line that answers. */
export const MARK = "\u001e";

if (import.meta.main) {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const { part, ...torture } = JSON.parse(line);
    let answer: { readonly label?: string; readonly broken?: string };
    try {
      const { default: { run } } = await { ...ALL_PARTS, ...TRIAL }[part]!();
      answer = { label: await run(torture) };
    } catch (error) {
      answer = { broken: error instanceof Error ? error.stack ?? error.message : String(error) };
    }
    console.log(`${MARK}${JSON.stringify(answer)}`);
  }
  Deno.exit(0);
}
