/**
 * Reading and writing rows by number.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import type { Named } from "./elementwise.ts";
import type { Tensor } from "../ir/tensor.ts";

/**
 * Rows of a table.
 *
 * @param table `[V, ...]`.
 * @param ids int32, any shape; each must lie in 0..V-1 (the engine fails otherwise).
 * @returns `[...ids, ...]`.
 */
export function gather(table: Tensor, ids: Tensor, options: Named = {}): Tensor {
  const [output] = table.graph.add("Gather", [table, ids], options);
  if (output === undefined) throw new InternalError("Gather has one output");
  return output;
}

/**
 * A table with rows added to some of its rows; a row number may occur often. Repeatable: the order of
 * summation does not depend on threads.
 *
 * @param table `[V, D]`, unchanged.
 * @param options.ids int32 `[N]`.
 * @param options.rows `[N, D]`.
 * @returns `[V, D]`.
 */
export function scatterAdd(
  table: Tensor,
  options: Named & { readonly ids: Tensor; readonly rows: Tensor },
): Tensor {
  const { ids, rows, ...named } = options;
  const [output] = table.graph.add("ScatterAdd", [table, ids, rows], named);
  if (output === undefined) throw new InternalError("ScatterAdd has one output");
  return output;
}
