/**
 * Opens the training state that fits an engine.
 *
 * @module
 */
import type { Engine } from "../../runtime/session/session.ts";
import type { Arena, ArenaLayout } from "./arena.ts";
import { openDeviceState } from "./device_state.ts";
import { openHostState } from "./host_state.ts";
import type { OptimizerSettings, TrainingState } from "./state.ts";

/** First weights and how to train them. */
export interface StateOptions {
  readonly layout: ArenaLayout;
  /** The first weights. Engines that compute on the host update them, others take a copy. */
  readonly parameters: Arena;
  /** Parameters that are not trained. */
  readonly frozen?: Arena;
  readonly settings: OptimizerSettings;
}

/** Opens a state: on the device where the engine has memory there, else in host arrays. */
export function openState(engine: Engine, options: StateOptions): TrainingState {
  return engine.memory === undefined
    ? openHostState(engine, options)
    : openDeviceState(engine, { ...options, memory: engine.memory });
}
