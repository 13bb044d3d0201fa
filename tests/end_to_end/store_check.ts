/**
 * Looks into a store from outside, by its documented layout alone, and names what a reader could
 * trip over: an artifact that is not whole, a record without its artifact.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { SMALL_STAGES } from "./temper.ts";

interface Manifest {
  readonly kind: string;
  readonly files: readonly {
    readonly path: string;
    readonly size: number;
    readonly digest: string;
  }[];
}

/**
 * Everything wrong with what the folder `runs` shows; empty where all is whole. What lies in `tmp`,
 * `scratch` and `locks` is work in progress and shows nothing. `stages`: ids of the pipeline's.
 */
export async function brokenIn(
  runs: string,
  stages: readonly string[] = SMALL_STAGES,
): Promise<string[]> {
  const store = join(runs, "store");
  const problems: string[] = [];

  for (const folder of await names(join(store, "blobs"))) {
    for (const name of await names(join(store, "blobs", folder))) {
      const digest = sha256(await Deno.readFile(join(store, "blobs", folder, name)));
      if (digest !== name) problems.push(`blob ${name} has the bytes of ${digest}`);
    }
  }

  const manifests = new Map<string, Manifest>();
  for (const name of await names(join(store, "artifacts"))) {
    const text = await Deno.readFile(join(store, "artifacts", name));
    if (`${sha256(text)}.json` !== name) {
      problems.push(`artifact ${name} is not what its name says`);
      continue;
    }
    const manifest = JSON.parse(new TextDecoder().decode(text)) as Manifest;
    manifests.set(sha256(text), manifest);
    for (const { path, size, digest } of manifest.files) {
      const blob = join(store, "blobs", digest.slice(0, 2), digest);
      const bytes = await Deno.readFile(blob).catch(() => undefined);
      if (bytes === undefined) problems.push(`artifact ${name} lacks ${path}`);
      else if (bytes.length !== size || sha256(bytes) !== digest) {
        problems.push(`artifact ${name} has other bytes in ${path}`);
      }
    }
  }

  for (const name of await names(join(store, "actions"))) {
    const text = await Deno.readTextFile(join(store, "actions", name));
    let action: { key?: string; artifact?: string };
    try {
      action = JSON.parse(text);
    } catch {
      problems.push(`action ${name} is cut off`);
      continue;
    }
    if (`${action.key}.json` !== name) problems.push(`action ${name} has the key ${action.key}`);
    if (!manifests.has(action.artifact ?? "")) problems.push(`action ${name} has no artifact`);
  }

  const whole = new Set([...manifests.values()].map(listing));
  for (const run of await names(runs)) {
    if (run === "store" || run === "latest") continue;
    for (const stage of await names(join(runs, run, "artifacts"))) {
      if (!stages.includes(stage)) continue;
      const found = await listingOf(join(runs, run, "artifacts", stage));
      if (!whole.has(found)) problems.push(`${run}/artifacts/${stage} holds a part: ${found}`);
    }
  }
  return problems;
}

function listing({ files }: Manifest): string {
  return files.map(({ path, digest }) => `${path} ${digest}`).sort().join("\n");
}

async function listingOf(folder: string): Promise<string> {
  return (await linesOf(folder)).sort().join("\n");
}

/** A line for each file below a folder, as `listing` has them. */
async function linesOf(folder: string, below = ""): Promise<string[]> {
  const lines: string[] = [];
  for (const name of await names(join(folder, below))) {
    const path = `${below}${name}`;
    if ((await Deno.stat(join(folder, path))).isDirectory) {
      lines.push(...await linesOf(folder, `${path}/`));
    } else lines.push(`${path} ${sha256(await Deno.readFile(join(folder, path)))}`);
  }
  return lines;
}

/** Names in a folder; none where there is no folder. */
async function names(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
