/**
 * Which engine the stages of a run compute on.
 *
 * `auto` asks the machine for its GPUs, which takes a while, and a run in which nothing changed
 * should take none: so the answer is kept for a day.
 *
 * @module
 */
import { type Device, isDevice } from "../../base/device.ts";
import type { StoreIndex } from "../../store/mod.ts";
import type { EngineNeeds } from "../sandbox/grants.ts";

/** An engine and the sentence that says why it. */
export interface DeviceChoice {
  readonly device: Device;
  readonly why: string;
}

/** What the runner asks of `lib/runtime`, which it may not import: `main.ts` hands it in. */
export interface Engines {
  /**
   * Which engine `asked` means on this machine, and why.
   *
   * @throws {UserError} Where the engine that was asked for cannot be used here.
   */
  readonly choose: (asked: "auto" | Device) => Promise<DeviceChoice>;
  /** `file:` URLs of modules that threads run: nothing imports them by name. */
  readonly threadModules: readonly string[];
  /** What a process needs to load an engine. */
  readonly needs: (device: Device) => Promise<EngineNeeds>;
}

const NAMESPACE = "device";
const BELIEVED_FOR_MS = 24 * 3600 * 1000;

/** Chooses the engine, remembering what `auto` came to. */
export async function chooseEngine(
  asked: "auto" | Device,
  { engines, index }: { readonly engines: Engines; readonly index: StoreIndex },
): Promise<DeviceChoice> {
  if (asked !== "auto") return await engines.choose(asked);
  const key = cacheKey();
  const known = index.get(NAMESPACE, key);
  if (isRemembered(known) && Math.abs(Date.now() - known.time) < BELIEVED_FOR_MS) {
    return { device: known.device, why: known.why };
  }
  const choice = await engines.choose("auto");
  index.set(NAMESPACE, key, { ...choice, time: Date.now() });
  return choice;
}

/** Forgets what `auto` came to: after a failure the machine may no longer be what it was. */
export function forgetEngine(index: StoreIndex): void {
  index.set(NAMESPACE, cacheKey(), null);
}

function cacheKey(): string {
  return `auto on ${Deno.build.target} with Deno ${Deno.version.deno}`;
}

function isRemembered(value: unknown): value is DeviceChoice & { readonly time: number } {
  if (typeof value !== "object" || value === null) return false;
  const { device, why, time } = value as Readonly<Record<string, unknown>>;
  return isDevice(device) && typeof why === "string" && typeof time === "number";
}
