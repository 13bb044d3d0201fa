/**
 * Compiles a graph to ONNX operators for one engine: keeps what the outputs need, spells each operation in
 * operators that the engine runs well (`lowerings.ts`), and gives the outputs their declared names.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import type { Graph } from "../ir/graph.ts";
import type { Emitter } from "./emitter.ts";
import { LOWERINGS } from "./lowerings.ts";
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxValue } from "./onnx.ts";
import {
  type ConstantData,
  type DataType,
  elementsOf,
  type GraphNode,
  type Target,
  type Tensor,
} from "../ir/tensor.ts";

/**
 * The graph in ONNX's terms.
 *
 * @param graph The graph; it is not changed.
 * @param target The engine to compile for.
 */
export function lower(graph: Graph, target: Target): OnnxGraph {
  const nodes = neededNodes(graph);
  const names = new Map<Tensor, string>();
  const emitter = new ListEmitter(target, (tensor) => names.get(tensor) ?? tensor.name);
  const copies: [Tensor, string][] = [];
  for (const [name, tensor] of graph.outputs) {
    // An input or a second name of one tensor cannot be renamed; it is copied.
    if (tensor.node === undefined || names.has(tensor)) copies.push([tensor, name]);
    else names.set(tensor, name);
  }
  const taken = new Set(names.values());
  for (const tensor of [...graph.inputs, ...graph.constants.map((constant) => constant.tensor)]) {
    if (taken.has(tensor.name)) {
      throw new InternalError(`the output "${tensor.name}" has the name of an input or constant`);
    }
  }
  for (const node of nodes) emitter.lowerNode(node);
  for (const [tensor, name] of copies) {
    emitter.emit("Identity", [emitter.name(tensor)], { outputs: [name] });
  }
  const used = new Set(emitter.nodes.flatMap((node) => node.inputs));
  const constants = graph.constants.filter(({ tensor }) => used.has(tensor.name));
  return {
    name: graph.name,
    inputs: graph.inputs.map(valueOf),
    outputs: [...graph.outputs].map(([name, { type, shape }]) => ({ name, type, shape })),
    initializers: [
      ...constants.map(({ tensor, data }) => ({ ...valueOf(tensor), data })),
      ...emitter.initializers.values(),
    ],
    nodes: lastNodesReversed(emitter.nodes),
  };
}

/**
 * Moves the nodes whose results nothing uses (the gradients of parameters) to the end, the last one first.
 *
 * ONNX Runtime does not run nodes in the order of the file: it walks back from the last such node, then from
 * the one before, and runs each after what it needs. In the order of a backward pass, the last is the gradient
 * of the first layer: all others' would come after it, and what they need would be kept until then.
 */
function lastNodesReversed(nodes: readonly OnnxNode[]): OnnxNode[] {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const isLast = (node: OnnxNode): boolean => !node.outputs.some((name) => used.has(name));
  return [...nodes.filter((node) => !isLast(node)), ...nodes.filter(isLast).reverse()];
}

function valueOf({ name, type, shape }: Tensor): OnnxValue {
  return { name, type, shape };
}

/** The nodes that the outputs depend on, in order: those that are compiled. */
export function neededNodes(graph: Graph): GraphNode[] {
  const needed = new Set<GraphNode>();
  const stack = [...graph.outputs.values()].flatMap(({ node }) => node ?? []);
  while (stack.length > 0) {
    const node = stack.pop();
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    for (const tensor of node.inputs) if (tensor.node !== undefined) stack.push(tensor.node);
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/** Collects the nodes and initializers that lowerings emit. */
class ListEmitter implements Emitter {
  readonly target: Target;
  readonly nodes: OnnxNode[] = [];
  readonly initializers = new Map<string, OnnxValue & { data: ConstantData }>();
  #nameOf: (tensor: Tensor) => string;
  #current = "";
  #counts = new Map<string, number>();

  constructor(target: Target, nameOf: (tensor: Tensor) => string) {
    this.target = target;
    this.#nameOf = nameOf;
  }

  lowerNode(node: GraphNode): void {
    this.#current = node.name;
    LOWERINGS[node.op](this, node);
  }

  name(tensor: Tensor): string {
    return this.#nameOf(tensor);
  }

  emit(
    op: string,
    inputs: readonly string[],
    options: {
      readonly outputs?: readonly string[];
      readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
      readonly domain?: string;
    } = {},
  ): string {
    const base = this.#current === "" ? op : `${this.#current}/${op}`;
    const count = (this.#counts.get(base) ?? 0) + 1;
    this.#counts.set(base, count);
    // The dot keeps helper names apart from those that a graph can make.
    const name = count === 1 ? `${base}.` : `${base}.${count}`;
    const outputs = options.outputs ?? [name];
    this.nodes.push({ ...options, op, name, inputs, outputs });
    return outputs[0] ?? name;
  }

  constant(values: readonly number[], type: DataType, shape?: readonly number[]): string {
    const dims = shape ?? [values.length];
    const name = `.${type}[${dims}]${values.length > 8 ? hash(values) : values.join(",")}`;
    if (!this.initializers.has(name)) {
      this.initializers.set(name, { name, type, shape: dims, data: elementsOf(type, values) });
    }
    return name;
  }
}

/** Enough to tell the few long constants of one graph apart: the arithmetic sequences by length and ends. */
function hash(values: readonly number[]): string {
  const sum = values.reduce((total, value, index) => (total * 31 + value + index) % 2147483647, 7);
  return `${values.length}:${values[0]}:${values.at(-1)}:${sum}`;
}
