/**
 * Which versions a run ran with, for its record.
 *
 * @module
 */

/** Temper, Deno, V8, and every package of the import map. */
export async function versionsOf(root: string): Promise<Record<string, string>> {
  const config = JSON.parse(await Deno.readTextFile(`${root}/deno.json`)) as {
    readonly version?: string;
    readonly imports?: Readonly<Record<string, string>>;
  };
  const versions: Record<string, string> = {
    temper: config.version ?? "unknown",
    deno: Deno.version.deno,
    v8: Deno.version.v8,
  };
  for (const target of Object.values(config.imports ?? {})) {
    const [, name, version] = /^npm:(@?[^@]+)@([^/]+)/.exec(target) ?? [];
    if (name !== undefined && version !== undefined) versions[name] = version;
  }
  return versions;
}
