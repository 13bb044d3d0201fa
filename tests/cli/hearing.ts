/**
 * A command's surroundings that keep what it says.
 *
 * @module
 */
import type { CommandContext } from "../../lib/cli/context.ts";
import type { StageRegistry } from "../../lib/pipeline/types.ts";
import { ROOT } from "../pipeline/loading.ts";

/** What a command said. */
export interface Heard {
  out: string;
  err: string;
}

/** What a test may choose. */
export interface Surroundings {
  readonly stages?: StageRegistry;
  readonly cwd?: string;
  readonly root?: string;
  readonly columns?: number;
}

/** Surroundings without a terminal. */
export function hearing(
  { stages = {}, cwd = ROOT, root = ROOT, columns = 80 }: Surroundings,
): { io: CommandContext; heard: Heard } {
  const heard: Heard = { out: "", err: "" };
  const output = (name: keyof Heard): CommandContext["out"] => ({
    write: (text) => {
      heard[name] += text;
    },
    isTerminal: false,
    size: () => ({ columns, rows: 24 }),
  });
  const io: CommandContext = {
    stages,
    engines: {
      choose: () => Promise.resolve({ device: "cpu", why: "a test" }),
      needs: () => Promise.resolve({ read: [], ffi: [], environment: {} }),
      threadModules: [],
    },
    out: output("out"),
    err: output("err"),
    cwd,
    root,
    env: () => undefined,
  };
  return { io, heard };
}
