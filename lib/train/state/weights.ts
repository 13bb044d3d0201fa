/**
 * The weights of a model in arenas: those that are trained, and those that are frozen, which need neither
 * gradients nor moments.
 *
 * @module
 */
import type { ParameterSpec } from "../../models/build/parameters.ts";
import type { HostTensor } from "../../runtime/session/session.ts";
import { type Arena, type ArenaLayout, arenaLayout, makeArena, viewOf } from "./arena.ts";

/** Weights and where they lie. */
export interface Weights {
  /** Of the trained ones. */
  readonly layout: ArenaLayout;
  /** The trained ones. */
  readonly parameters: Arena;
  /** Absent where all are trained. */
  readonly frozen?: Arena;
  /** The array of any of them. */
  view(name: string): HostTensor<"float32">;
}

/**
 * Makes arenas of zeros.
 *
 * @param parameters All parameters of the model.
 * @param groupOf When each is trained; those that it lacks are frozen.
 */
export function makeWeights(
  parameters: readonly ParameterSpec[],
  groupOf: ReadonlyMap<string, number>,
): Weights {
  const trained = parameters.flatMap((parameter) => {
    const group = groupOf.get(parameter.name);
    return group === undefined ? [] : [{ ...parameter, group }];
  });
  const layout = arenaLayout(trained);
  const arena = makeArena(layout);
  const rest = parameters.filter(({ name }) => !groupOf.has(name));
  if (rest.length === 0) {
    return { layout, parameters: arena, view: (name) => viewOf(arena, name) };
  }
  const frozen = makeArena(arenaLayout(rest));
  return {
    layout,
    parameters: arena,
    frozen,
    view: (name) => viewOf(groupOf.has(name) ? arena : frozen, name),
  };
}
