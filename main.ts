/**
 * `main.ts COMMAND …`: the only place that joins the command line, the built-in stages and the
 * engines. `deno task COMMAND` calls it.
 *
 * @module
 */
import { main } from "./lib/cli/mod.ts";
import type { CommandContext, Output } from "./lib/cli/context.ts";
import { STAGES } from "./stages/mod.ts";

function output(stream: typeof Deno.stdout | typeof Deno.stderr): Output {
  const encoder = new TextEncoder();
  return {
    write(text): void {
      const bytes = encoder.encode(text);
      try {
        for (let done = 0; done < bytes.length;) done += stream.writeSync(bytes.subarray(done));
      } catch (error) {
        // `| head` closed the pipe: what nobody reads need not be written, and the work goes on.
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    },
    isTerminal: stream.isTerminal(),
    size(): { columns: number; rows: number } {
      const usual = { columns: 80, rows: 24 };
      try {
        const { columns, rows } = Deno.consoleSize();
        // Some pseudo-terminals have no size and say 0.
        return { columns: columns || usual.columns, rows: rows || usual.rows };
      } catch {
        return usual;
      }
    },
  };
}

if (import.meta.main) {
  // `deno task` changes into the project's folder and says in INIT_CWD where it was called.
  const calledFrom = Deno.env.get("INIT_CWD");
  if (calledFrom !== undefined && calledFrom !== Deno.cwd()) Deno.chdir(calledFrom);
  const context: CommandContext = {
    commands: {
      parity: {
        does: "hold an engine's numbers against traces of transformers and PyTorch",
        load: () => import("./lib/parity/command.ts"),
      },
    },
    stages: STAGES,
    engines: {
      choose: async (asked) => (await import("./lib/runtime/device.ts")).chooseDevice(asked),
      needs: async (device) =>
        (await import("./lib/runtime/permissions.ts")).enginePermissions(device),
      threadModules: [
        import.meta.resolve("./lib/runtime/wasm/wasm_thread.ts"),
        import.meta.resolve("./lib/tokenizers/parallel/encoder_worker.ts"),
      ],
    },
    out: output(Deno.stdout),
    err: output(Deno.stderr),
    cwd: Deno.cwd(),
    root: import.meta.dirname!,
    env: (name) => Deno.env.get(name),
  };
  Deno.exit(await main(Deno.args, context));
}
