/**
 * Damages a file: a bit, its end, all of it, one field of a record; with its times kept where asked.
 *
 * @module
 */

/** What is done to a file. */
export type Damage = "bit" | "cut" | "empty" | "delete" | "longer" | "field";

export const DAMAGES: readonly Damage[] = ["bit", "cut", "empty", "delete", "longer", "field"];

/** How it is done. */
export interface DamageHow {
  readonly damage: Damage;
  /** Set the times back to what they were. */
  readonly keepTimes: boolean;
  readonly random: () => number;
  /** Digests that stand in the store, for a record that points to another one. */
  readonly digests: readonly string[];
}

/** Damages a file; says what was done, or undefined where nothing could be. */
export async function damageFile(path: string, how: DamageHow): Promise<string | undefined> {
  const { damage, keepTimes, random } = how;
  const before = await Deno.lstat(path);
  const bytes = await Deno.readFile(path);
  // People who change such a file make it writable first; root needs not.
  await Deno.chmod(path, 0o644);
  let did: string | undefined;
  switch (damage) {
    case "delete":
      await Deno.remove(path);
      return "deleted";
    case "bit": {
      if (bytes.length === 0) break;
      const at = Math.floor(random() * bytes.length);
      bytes[at] = bytes[at]! ^ (1 << Math.floor(random() * 8));
      // In place, so that all names of the file show it.
      using file = await Deno.open(path, { write: true });
      await file.write(bytes);
      did = `a bit of byte ${at} flipped`;
      break;
    }
    case "cut":
    case "empty": {
      if (bytes.length === 0) break;
      await Deno.truncate(path, damage === "empty" ? 0 : Math.floor(random() * bytes.length));
      did = damage === "empty" ? "emptied" : "cut off";
      break;
    }
    case "longer":
      await Deno.writeTextFile(path, " ", { append: true });
      did = "made longer";
      break;
    case "field": {
      const changed = changeField(new TextDecoder().decode(bytes), how);
      if (changed === undefined) break;
      await Deno.writeTextFile(path, changed.text);
      did = `${changed.field} changed`;
      break;
    }
  }
  await Deno.chmod(path, before.mode! & 0o777);
  if (did !== undefined && keepTimes) await Deno.utime(path, before.atime!, before.mtime!);
  return did === undefined ? undefined : `${did}${keepTimes ? ", its time kept" : ""}`;
}

type Place = {
  readonly holder: Record<string, unknown>;
  readonly key: string;
  readonly path: string;
};

/** A JSON text with one value changed to another that could stand there; undefined where it is none. */
function changeField(
  text: string,
  { random, digests }: DamageHow,
): { readonly text: string; readonly field: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const places: Place[] = [];
  collect(value, "", places);
  const place = places[Math.floor(random() * places.length)];
  if (place === undefined) return undefined;
  const { holder, key, path } = place;
  holder[key] = other(holder[key], digests);
  const indent = text.startsWith("{\n") ? 2 : undefined;
  return { text: JSON.stringify(value, undefined, indent) + (indent ? "\n" : ""), field: path };
}

/** Every place of a value that holds no object. */
function collect(value: unknown, path: string, places: Place[]): void {
  if (typeof value !== "object" || value === null) return;
  const holder = value as Record<string, unknown>;
  for (const [key, member] of Object.entries(holder)) {
    const name = path === "" ? key : `${path}.${key}`;
    if (typeof member === "object" && member !== null) collect(member, name, places);
    else places.push({ holder, key, path: name });
  }
}

function other(value: unknown, digests: readonly string[]): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (value === null) return "cpu";
  const text = String(value);
  return /^[0-9a-f]{64}$/.test(text) ? digests.find((each) => each !== text) ?? text : `${text}x`;
}
