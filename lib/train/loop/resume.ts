/**
 * Going on after a kill: checkpoints of a whole training run, written between two steps and read back by
 * the next run of the same work, which ends with the same bytes as if nothing had happened.
 *
 * A checkpoint holds the parameters that are trained, what the optimizer keeps for them, `trainer_state`,
 * the loop's own sums and position, and what callbacks remember. The order of rows and dropout need no
 * state: they are functions of the seed and the position. What checkpoints cost is bounded: those that
 * nobody asked for come so rarely that they take 2 % of the time at most.
 *
 * @module
 */
import { isJsonObject, type JsonObject } from "../../base/json.ts";
import { sha256Hex } from "../../base/hash.ts";
import {
  checkpointNumbers,
  type FoundCheckpoint,
  openCheckpoint,
  removeCheckpoint,
  writeCheckpoint,
} from "../state/checkpoint_folders.ts";
import type { TrainerCallback } from "./callbacks.ts";
import { packNumbers, unpackNumbers } from "../state/pack_numbers.ts";
import type { PersistentArray } from "../state/persistent.ts";
import type { TrainingState } from "../state/state.ts";
import type { TrainerState } from "./trainer_state.ts";

/** What the loop itself knows between two steps. Plain JSON. */
export interface LoopPosition {
  /** Sum of the losses of all steps. */
  readonly lossSum: number;
  /** How many steps had one: predicted anything. */
  readonly lossSteps: number;
  /** Batches done: the place in dropout's stream of seeds. */
  readonly batches: number;
  /** Updates that the optimizer made. */
  readonly updates: number;
  /** The step after which was last evaluated; -1 before the first. */
  readonly evaluatedAt: number;
  /** Whether training is to end here. */
  readonly stops: boolean;
  /** Sums since the last entry of the log. */
  readonly log: {
    readonly tokens: number;
    readonly loss: number;
    readonly steps: number;
    readonly lossSteps: number;
    readonly busy: number;
  };
}

/** Everything that a checkpoint is made from and read back into. */
export interface ResumableParts {
  readonly state: Pick<TrainingState, "begun" | "persistent" | "unfreeze">;
  readonly trainer: TrainerState;
  readonly callbacks: readonly TrainerCallback[];
}

/** The checkpoints of a run, as the loop uses them. */
export interface Checkpoints {
  /**
   * Puts the newest sound checkpoint back into the parts.
   *
   * @returns Where the loop goes on; undefined where it begins at the beginning, with the parts untouched.
   */
  restore(parts: ResumableParts): Promise<LoopPosition | undefined>;
  /**
   * Writes a checkpoint where one is due. That it cannot be written ends no training.
   *
   * @param parts As they are between two steps.
   * @param options `asked`: whether it is due by number of steps or epochs; else time decides. `stopping`:
   * whether the run is told to stop, and what is quick to write had better be written.
   */
  save(
    parts: ResumableParts & { readonly position: LoopPosition },
    options: { readonly asked: boolean; readonly stopping: boolean },
  ): Promise<void>;
}

/** How checkpoints are kept. */
export interface CheckpointOptions {
  /** Their folder, which exists and belongs to this work alone. */
  readonly dir: string;
  /** JSON that is the same exactly for the same work; a checkpoint of other work is not used. */
  readonly identity: unknown;
  readonly log: (message: string) => void;
  /** How many are kept; default 2. */
  readonly keep?: number;
  /** Called with the step at which the run goes on. */
  readonly onResume?: (step: number) => void;
  /** Milliseconds that pass at least between two that nobody asked for; default 5,000. */
  readonly interval?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** One in so many milliseconds may go into checkpoints that nobody asked for: 2 %. */
const SHARE = 50;
/** Bytes that a disk takes in a millisecond: a guess for the first one, when none was timed. */
const GUESSED_SPEED = 400_000;
/** A run that is told to stop has a second. */
const QUICK = 400;

/** Keeps the checkpoints of a run in a folder. */
export function openCheckpoints(options: CheckpointOptions): Checkpoints {
  const { dir, log, interval = 5_000, now = () => performance.now() } = options;
  const identity = sha256Hex(JSON.stringify(options.identity));
  let since = now();
  /** Milliseconds that the last one took; of the first a guess. */
  let cost: number | undefined;

  return {
    async restore(parts): Promise<LoopPosition | undefined> {
      const found = await newest(dir, { identity, arrays: parts.state.persistent(), log });
      since = now();
      if (found === undefined) return undefined;
      const position = await putBack(found, parts);
      log(`resumed at step ${parts.trainer.global_step} of ${parts.trainer.max_steps}`);
      options.onResume?.(parts.trainer.global_step);
      return position;
    },
    async save({ position, ...parts }, { asked, stopping }): Promise<void> {
      // Called after every step, which may take a millisecond: what is not due has to cost nothing.
      const begun = now();
      cost ??= guessedCost(parts.state.persistent());
      const isDue = begun - since >= Math.max(interval, SHARE * cost);
      if (!asked && !isDue && !(stopping && cost < QUICK)) return;
      const arrays = parts.state.persistent();
      const { global_step: step } = parts.trainer;
      try {
        const { values, callbackArrays } = await valuesOf(parts, position);
        await writeCheckpoint(dir, {
          number: step,
          ...(options.keep === undefined ? {} : { keep: options.keep }),
          values: { identity, ...values },
          arrays: [...arrays, ...callbackArrays],
        });
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        log(`no checkpoint could be written at step ${step}: ${error.message}; training goes on`);
      }
      since = now();
      cost = since - begun;
    },
  };
}

function guessedCost(arrays: readonly PersistentArray[]): number {
  return 4 * arrays.reduce((sum, { elements }) => sum + elements, 0) / GUESSED_SPEED;
}

/** The newest checkpoint that is sound and of this work. The others before it are told of and removed. */
async function newest(
  dir: string,
  { identity, arrays, log }: {
    readonly identity: string;
    readonly arrays: readonly PersistentArray[];
    readonly log: (message: string) => void;
  },
): Promise<FoundCheckpoint | undefined> {
  for (const number of await checkpointNumbers(dir)) {
    const found = await openCheckpoint(dir, number);
    const damage = "damage" in found
      ? found.damage
      : found.values.identity !== identity
      ? "it is of other work"
      : misfit(found, arrays);
    if (damage === undefined) return found as FoundCheckpoint;
    log(`the checkpoint of step ${number} is not used: ${damage}`);
    await removeCheckpoint(dir, number);
  }
  return undefined;
}

/** What of a checkpoint's arrays does not fit the state. */
function misfit(
  found: FoundCheckpoint,
  arrays: readonly PersistentArray[],
): string | undefined {
  const held = new Map(found.arrays.map(({ name, elements }) => [name, elements]));
  const wrong = arrays.find(({ name, elements }) => held.get(name) !== elements);
  return wrong && `${wrong.name} should have ${wrong.elements} elements`;
}

/** Array names of a callback begin so; those of the state never do. */
const CALLBACK = "callback:";

async function valuesOf(
  { state, trainer, callbacks }: ResumableParts,
  position: LoopPosition,
): Promise<{ values: JsonObject; callbackArrays: PersistentArrayToWrite[] }> {
  const remembered: Record<string, unknown> = {};
  const callbackArrays: PersistentArrayToWrite[] = [];
  for (const callback of callbacks) {
    const { name } = callback;
    if (name === undefined || callback.stateOf === undefined) continue;
    const { values, arrays } = await callback.stateOf();
    remembered[name] = values;
    for (const [key, data] of arrays ?? []) {
      callbackArrays.push({
        name: `${CALLBACK}${name}/${key}`,
        elements: data.length,
        read: () => Promise.resolve(data),
      });
    }
  }
  const values = packNumbers({ trainer, position, begun: state.begun, callbacks: remembered });
  return { values: values as JsonObject, callbackArrays };
}

type PersistentArrayToWrite = Pick<PersistentArray, "name" | "elements" | "read">;

async function putBack(
  found: FoundCheckpoint,
  { state, trainer, callbacks }: ResumableParts,
): Promise<LoopPosition> {
  const { identity: _, ...packed } = found.values;
  // Its checksum says that this very code wrote it: the identity holds, the key of the folder, too.
  const values = unpackNumbers(packed) as {
    readonly trainer: TrainerState;
    readonly position: LoopPosition;
    readonly begun: readonly number[];
    readonly callbacks: JsonObject;
  };
  for (const updates of values.begun.slice(state.begun.length)) state.unfreeze({ updates });
  const arrays = new Map(state.persistent().map((array) => [array.name, array]));
  const callbackArrays = new Map<string, Float32Array<ArrayBuffer>>();
  await found.read((name, data) => {
    if (name.startsWith(CALLBACK)) callbackArrays.set(name.slice(CALLBACK.length), data);
    else arrays.get(name)?.write(data);
  });
  Object.assign(trainer, values.trainer);
  for (const callback of callbacks) {
    const { name } = callback;
    const remembered = name === undefined ? undefined : values.callbacks[name];
    if (name === undefined || !isJsonObject(remembered)) continue;
    const own = [...callbackArrays].filter(([key]) => key.startsWith(`${name}/`));
    await callback.restore?.({
      values: remembered,
      arrays: new Map(own.map(([key, data]) => [key.slice(name.length + 1), data])),
    });
  }
  return values.position;
}
