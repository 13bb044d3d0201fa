/**
 * The graph under construction: inputs, constants, nodes and outputs. The functions of `ops.ts` add nodes,
 * `autodiff` adds the backward pass, and `toOnnx` compiles what the outputs need.
 *
 * A node that already exists with the same operation, operands and attributes is returned instead of being
 * added again, so common subexpressions and equal constants are stored once. Nodes that no output needs are
 * left out of the compiled graph. What is left out here: shapes known only at run time, control flow.
 *
 * @module
 */

import { InternalError } from "../../base/errors.ts";
import { infer } from "./infer.ts";
import {
  type Attributes,
  type ConstantData,
  describe,
  type GraphNode,
  type Op,
  sizeOf,
  type Tensor,
  type TensorGraph,
  type TensorType,
} from "./tensor.ts";

/** Elements held by the graph itself: written into the compiled model as an initializer. */
export interface Constant {
  readonly tensor: Tensor;
  readonly data: ConstantData;
}

/** Constants up to this many elements are compared by value, so that equal ones are kept once. */
const SHARED_CONSTANT_SIZE = 1024;

/**
 * A static tensor program.
 *
 * @example
 * ```ts
 * import { Graph } from "./graph.ts";
 * import { mul } from "../ops/mod.ts";
 * const graph = new Graph("double");
 * const x = graph.input("x", { type: "float32", shape: [3] });
 * graph.output("y", mul(x, 2));
 * if (!graph.outputs.has("y")) throw new Error();
 * ```
 */
export class Graph implements TensorGraph {
  /** What the model is called in tools that open it. */
  readonly name: string;
  #inputs: Tensor[] = [];
  #constants: Constant[] = [];
  #nodes: GraphNode[] = [];
  #outputs = new Map<string, Tensor>();
  #names = new Set<string>();
  #copies = new Map<string, number>();
  #scopes: string[] = [];
  #data = new Map<Tensor, ConstantData>();
  #known = new Map<string, readonly Tensor[]>();
  #knownConstants = new Map<string, Tensor>();
  #nextId = 0;
  #autocasts = false;

  constructor(name = "graph") {
    this.name = name;
  }

  /** The inputs in the order of their declaration. */
  get inputs(): readonly Tensor[] {
    return this.#inputs;
  }

  /** The constants in the order of their creation. */
  get constants(): readonly Constant[] {
    return this.#constants;
  }

  /** All nodes, operands before their users; those that no output needs are among them. */
  get nodes(): readonly GraphNode[] {
    return this.#nodes;
  }

  /** The declared outputs by name. */
  get outputs(): ReadonlyMap<string, Tensor> {
    return this.#outputs;
  }

  /**
   * Declares a value that every run is fed with.
   *
   * @param name The feed's name, kept exactly as given.
   * @param type Its element type and shape.
   * @throws InternalError where the name is taken.
   */
  input(name: string, type: TensorType): Tensor {
    if (this.#names.has(name)) throw new InternalError(`the graph already has a tensor "${name}"`);
    const tensor = this.#tensor(name, type);
    this.#inputs.push(tensor);
    return tensor;
  }

  /**
   * A value fixed at compile time, named in the current scope. Small equal constants are one tensor.
   *
   * @param data The elements, row by row.
   * @param type Element type and shape, and the name to use.
   * @throws InternalError where the number of elements is not that of the shape.
   */
  constant(data: ConstantData, type: TensorType & { readonly name?: string }): Tensor {
    if (data.length !== sizeOf(type.shape)) {
      throw new InternalError(
        `constant with ${data.length} elements cannot have the shape [${type.shape}]`,
      );
    }
    const key = data.length > SHARED_CONSTANT_SIZE
      ? undefined
      : `${type.type}|${type.shape}|${bytesKey(data)}`;
    const known = key === undefined ? undefined : this.#knownConstants.get(key);
    if (known !== undefined) return known;
    const tensor = this.#tensor(this.#unique(this.#scoped(type.name ?? "constant")), type);
    this.#constants.push({ tensor, data });
    this.#data.set(tensor, data);
    if (key !== undefined) this.#knownConstants.set(key, tensor);
    return tensor;
  }

  /**
   * A named value stored in the model, such as a weight for inference; its name is kept exactly as given.
   *
   * @throws InternalError where the name is taken or the number of elements is not that of the shape.
   */
  initializer(name: string, data: ConstantData, type: TensorType): Tensor {
    if (this.#names.has(name)) throw new InternalError(`the graph already has a tensor "${name}"`);
    if (data.length !== sizeOf(type.shape)) {
      throw new InternalError(`"${name}" has ${data.length} elements, not [${type.shape}]`);
    }
    const tensor = this.#tensor(name, type);
    this.#constants.push({ tensor, data });
    this.#data.set(tensor, data);
    return tensor;
  }

  /** The elements of a constant; undefined for any other tensor. */
  constantData(tensor: Tensor): ConstantData | undefined {
    return this.#data.get(tensor);
  }

  /** Declares a result of a run under `name`. One tensor may be returned under several names. */
  output(name: string, tensor: Tensor): void {
    this.#own(tensor, "output");
    if (this.#outputs.has(name)) {
      throw new InternalError(`the graph already has an output "${name}"`);
    }
    this.#outputs.set(name, tensor);
  }

  /** Runs `body` with `name/` put before the names of all that it adds. */
  scope<T>(name: string, body: () => T): T {
    this.#scopes.push(name);
    try {
      return body();
    } finally {
      this.#scopes.pop();
    }
  }

  /** Runs `body` with the matrix products that it adds in mixed precision; see `autocast.ts`. */
  autocast<T>(body: () => T): T {
    const before = this.#autocasts;
    this.#autocasts = true;
    try {
      return body();
    } finally {
      this.#autocasts = before;
    }
  }

  /** Whether products are being added in mixed precision. */
  get autocasts(): boolean {
    return this.#autocasts;
  }

  /**
   * Adds a node, or finds the equal one. Ops call this; models call ops.
   *
   * @param op The operation.
   * @param inputs Its operands, all of this graph.
   * @param options Attributes, and the name for the first output.
   * @returns Its outputs with their inferred types.
   * @throws InternalError where the operands do not fit the operation.
   */
  add(
    op: Op,
    inputs: readonly Tensor[],
    options: { readonly attributes?: Attributes; readonly name?: string } = {},
  ): readonly Tensor[] {
    for (const input of inputs) this.#own(input, op);
    const attributes = options.attributes ?? {};
    const key = nodeKey(op, inputs, attributes);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = this.#unique(this.#scoped(options.name ?? op));
    const types = infer({ op, name, inputs, attributes });
    const outputs: Tensor[] = [];
    const node: GraphNode = { op, name, inputs, outputs, attributes };
    types.forEach((type, index) =>
      outputs.push(this.#tensor(index === 0 ? name : this.#unique(`${name}:${index}`), type, node))
    );
    this.#nodes.push(node);
    this.#known.set(key, outputs);
    return outputs;
  }

  /** The first output of a node that is there already. */
  find(op: Op, inputs: readonly Tensor[], attributes: Attributes = {}): Tensor | undefined {
    return this.#known.get(nodeKey(op, inputs, attributes))?.[0];
  }

  #tensor(name: string, type: TensorType, node?: GraphNode): Tensor {
    this.#names.add(name);
    const shape = [...type.shape];
    const base = { graph: this, id: this.#nextId++, name, type: type.type, shape };
    return node === undefined ? base : { ...base, node };
  }

  #own(tensor: Tensor, user: string): void {
    if (tensor.graph !== this) {
      throw new InternalError(`${user}: ${describe(tensor)} belongs to another graph`);
    }
  }

  #scoped(name: string): string {
    return [...this.#scopes, name].join("/");
  }

  #unique(name: string): string {
    if (!this.#names.has(name)) return name;
    let count = this.#copies.get(name) ?? 2;
    while (this.#names.has(`${name}_${count}`)) count++;
    this.#copies.set(name, count + 1);
    return `${name}_${count}`;
  }
}

function nodeKey(op: Op, inputs: readonly Tensor[], attributes: Attributes): string {
  return `${op}|${inputs.map((input) => input.id)}|${JSON.stringify(attributes)}`;
}

function bytesKey(data: ConstantData): string {
  // Text of the bits, not of the values: 0 and -0 differ, and so do NaNs.
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).toString();
}
