/**
 * Finds what a case left on the machine: processes that were started for its folder, mounts below it.
 * `ps` and `cat` look, as Deno itself may read `/proc` with every permission alone.
 *
 * @module
 */

/** A process. */
export interface Left {
  readonly pid: number;
  readonly command: string;
}

/** Processes that have a folder in their arguments or, on Linux, in their environment. */
export async function leftProcesses(folder: string): Promise<Left[]> {
  return (await processes()).filter(({ command }) => command.includes(folder))
    .map(({ pid, command }) => ({ pid, command: command.slice(0, 400) }));
}

/** Mounts below a folder, as sentences; they are undone. */
export async function leftMounts(folder: string): Promise<string[]> {
  if (Deno.build.os !== "linux") return [];
  const left: string[] = [];
  for (const line of (await output("cat", ["/proc/mounts"])).split("\n")) {
    const path = line.split(" ")[1] ?? "";
    if (!path.startsWith(`${folder}/`)) continue;
    left.push(`mount ${path}`);
    await output("umount", ["--lazy", path]);
  }
  return left;
}

/** A process and all that it started, and what these started. */
export async function treeOf(pid: number): Promise<number[]> {
  const tree = [pid];
  const all = await processes();
  for (let i = 0; i < tree.length; i++) {
    for (const each of all) if (each.parent === tree[i]) tree.push(each.pid);
  }
  return tree;
}

async function processes(): Promise<(Left & { readonly parent: number })[]> {
  if (Deno.build.os === "windows") return [];
  // On Linux `e` shows the environment behind the arguments.
  const shown = Deno.build.os === "linux" ? "axeww" : "axww";
  const text = await output("ps", [shown, "-o", "pid=,ppid=,args="]);
  return text.split("\n").flatMap((line) => {
    const [, pid, parent, command = ""] = /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
}

async function output(command: string, args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command, { args: [...args], stderr: "null" }).output();
  return new TextDecoder().decode(stdout);
}
