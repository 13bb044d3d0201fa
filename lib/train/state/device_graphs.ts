/**
 * The graphs that a training state on a device runs beside the program: sums of gradients, their norm, the
 * update of the parameters. Every operation is a launch, which takes the host longer than the GPU needs for
 * a bias; so the small tensors are put end to end and go through an elementwise operation as one. That
 * changes no bit of their elements. Large tensors are left alone: copying them would cost more.
 *
 * @module
 */
import { Graph } from "../../graph/ir/graph.ts";
import * as ops from "../../graph/ops/mod.ts";
import { sizeOf, type Tensor } from "../../graph/ir/tensor.ts";
import { sumOfSquares } from "../../optim/clip.ts";
import { type OptimizedTensor, type Optimizer, scalarInputs } from "../../optim/optimizer.ts";

/** What is known of a tensor before it is allocated. */
export interface Shaped {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Elements of a small tensor, and of all that are put end to end, at most: their results are memory, too. */
const SMALL = 2 ** 16;
const PACK = 2 ** 20;

/** Parts that a tensor is split into in one launch: WebGPU guarantees 8 buffers, one of which is the tensor. */
const FAN = 7;

/** `result = sum + addend` for each tensor. */
export function sumGraph(places: readonly Shaped[]): Graph {
  const graph = new Graph("sum");
  const all = (role: string): Tensor[] => inputs(graph, role, places);
  const results = elementwise([all("sum"), all("addend")], ([sum, addend]) => [
    ops.add(sum!, addend!),
  ]);
  for (const [i, { name }] of places.entries()) graph.output(`result/${name}`, results[i]![0]!);
  return graph;
}

/** What a step reports, `figures`, `[2]`: its loss, as it was given, and the sum of the squares of all gradients. */
export function figuresGraph(places: readonly Shaped[]): Graph {
  const graph = new Graph("figures");
  const loss = graph.input("loss", { type: "float32", shape: [] });
  const gradients = inputs(graph, "gradient", places);
  const small = gradients.filter(isSmall);
  const large = gradients.filter((gradient) => !isSmall(gradient));
  const squares = sumOfSquares(small.length === 0 ? large : [joined(small), ...large]);
  const cells = [loss, squares].map((scalar) => ops.reshape(scalar, [1]));
  graph.output("figures", ops.concat(cells, { axis: 0 }));
  return graph;
}

/** An update of every parameter; those without weight decay have their own value of one scalar. */
export function updateGraph(
  optimizer: Optimizer,
  places: readonly (Shaped & { readonly decay: boolean })[],
): Graph {
  const graph = new Graph(optimizer.name);
  const scalars = scalarInputs(graph, optimizer);
  const constants = Object.entries(optimizer.undecayed).map(([name, value]) =>
    [name, graph.constant(Float32Array.of(value), { type: "float32", shape: [] })] as const
  );
  for (const { decay, chosen, slots } of alike(optimizer, places)) {
    const own = decay ? scalars : { ...scalars, ...Object.fromEntries(constants) };
    const operands = [
      inputs(graph, "parameter", chosen),
      inputs(graph, "gradient", chosen),
      ...slots.map((slot) =>
        inputs(
          graph,
          `slot/${slot}`,
          chosen.map(({ name, shape }) => ({ name, shape: optimizer.slots(shape)[slot]! })),
        )
      ),
    ];
    const results = elementwise(operands, ([parameter, gradient, ...kept]) => {
      const tensor: OptimizedTensor = {
        parameter: parameter!,
        slots: Object.fromEntries(slots.map((slot, at) => [slot, kept[at]!])),
      };
      const updated = optimizer.update(tensor, { gradient: gradient!, scalars: own });
      return [updated.parameter, ...slots.map((slot) => updated.slots[slot]!)];
    });
    for (const [i, { name }] of chosen.entries()) {
      const [parameter, ...kept] = results[i]!;
      graph.output(`new_parameter/${name}`, parameter!);
      slots.forEach((slot, at) => graph.output(`new_slot/${slot}/${name}`, kept[at]!));
    }
  }
  return graph;
}

/** Places whose updates are one computation, with the names of their slots. */
function alike<P extends Shaped & { readonly decay: boolean }>(
  optimizer: Optimizer,
  places: readonly P[],
): { readonly decay: boolean; readonly chosen: readonly P[]; readonly slots: readonly string[] }[] {
  const sets = optimizer.elementwise
    ? [true, false].map((decay) => places.filter((place) => place.decay === decay))
    : places.map((place) => [place]);
  return sets.flatMap((chosen) => {
    const [first] = chosen;
    if (first === undefined) return [];
    return [{ decay: first.decay, chosen, slots: Object.keys(optimizer.slots(first.shape)) }];
  });
}

function inputs(graph: Graph, role: string, places: readonly Shaped[]): Tensor[] {
  return places.map(({ name, shape }) =>
    graph.input(`${role}/${name}`, { type: "float32", shape })
  );
}

function isSmall({ shape }: Tensor): boolean {
  return sizeOf(shape) <= SMALL;
}

/**
 * Applies an elementwise computation to tensors, to all small ones at once.
 *
 * @param operands For each operand of the computation its tensors; those of one place have the same shape.
 * @param compute From one tensor of each operand to the results, all of one shape.
 * @returns For each place its results.
 */
function elementwise(
  operands: readonly (readonly Tensor[])[],
  compute: (operands: readonly Tensor[]) => readonly Tensor[],
): (readonly Tensor[])[] {
  const places = operands[0] ?? [];
  const results: (readonly Tensor[])[] = places.map(() => []);
  for (const pack of packs(places)) {
    if (pack.length === 1) {
      const [i = 0] = pack;
      results[i] = compute(operands.map((tensors) => tensors[i]!));
      continue;
    }
    const of = (tensors: readonly Tensor[]): Tensor[] => pack.map((i) => tensors[i]!);
    const shapes = of(places).map(({ shape }) => shape);
    const parts = compute(operands.map((tensors) => joined(of(tensors))))
      .map((result) => separated(result, shapes));
    for (const [at, i] of pack.entries()) results[i] = parts.map((part) => part[at]!);
  }
  return results;
}

/** Places of tensors that go together: of each large one alone, of small ones as many as there may be. */
function packs(tensors: readonly Tensor[]): number[][] {
  const large: number[][] = [];
  const small: number[][] = [];
  let size = Infinity;
  for (const [i, tensor] of tensors.entries()) {
    if (!isSmall(tensor)) {
      large.push([i]);
      continue;
    }
    const own = sizeOf(tensor.shape);
    if (size + own > PACK) {
      small.push([]);
      size = 0;
    }
    small.at(-1)!.push(i);
    size += own;
  }
  return [...large, ...small];
}

/** All elements of tensors as one list. */
function joined(tensors: readonly Tensor[]): Tensor {
  return ops.concat(tensors.map((tensor) => ops.reshape(tensor, [-1])), { axis: 0 });
}

/** The inverse of {@linkcode joined}. */
function separated(list: Tensor, shapes: readonly (readonly number[])[]): Tensor[] {
  if (shapes.length === 1) return [ops.reshape(list, shapes[0]!)];
  // No more parts than can be cut off in one launch, each of them cut in turn.
  let count = 1;
  while (count * FAN < shapes.length) count *= FAN;
  const parts = bundles(shapes, count);
  const sizes = parts.map((part) => part.reduce((sum, shape) => sum + sizeOf(shape), 0));
  const lists = ops.split(list, { axis: 0, sizes });
  return parts.flatMap((part, i) => separated(lists[i]!, part));
}

function bundles<T>(list: readonly T[], size: number): T[][] {
  return Array.from(
    { length: Math.ceil(list.length / size) },
    (_, i) => list.slice(i * size, (i + 1) * size),
  );
}
