/**
 * Writes a lowered graph as an ONNX ModelProto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto; the
 * field numbers below are that file's). The operator sets are pinned, so a newer engine reads old graphs.
 * Left out: external data; a model of weights over 2 GiB feeds them as inputs instead.
 *
 * @module
 */

import { UserError } from "../../base/errors.ts";
import { MessageWriter } from "./protobuf.ts";
import type { Attribute, ConstantData, DataType, TensorType } from "../ir/tensor.ts";

/** The `ai.onnx` operator set that lowering speaks. */
const OPSET = 21;

/** The domain of ONNX Runtime's own operators. */
export const CONTRIB_DOMAIN = "com.microsoft";

const IR_VERSION = 10;
/** Element types by the numbers of TensorProto.DataType. */
export const ELEMENT_TYPE: Readonly<Record<DataType, number>> = {
  float32: 1,
  float16: 10,
  int32: 6,
  int64: 7,
  bool: 9,
};
const LARGEST_MODEL = 2 ** 31 - 1;

/** An attribute of an ONNX node. Whole numbers are written as integers unless wrapped in `{ float }`. */
export type OnnxAttribute = Attribute | { readonly float: number };

/** One ONNX operator call; names connect the nodes. */
export interface OnnxNode {
  readonly op: string;
  readonly domain?: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A typed name: an input, an output or, with data, an initializer. */
export interface OnnxValue extends TensorType {
  readonly name: string;
}

/** A graph in ONNX's terms. */
export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly (OnnxValue & { readonly data: ConstantData })[];
  readonly nodes: readonly OnnxNode[];
}

/**
 * The bytes of the model.
 *
 * @throws UserError where the constants exceed what one ONNX file can hold (2 GiB).
 */
export function encodeModel(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const size = graph.initializers.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (size > LARGEST_MODEL) {
    throw new UserError({
      what: `the model "${graph.name}" holds ${(size / 2 ** 30).toFixed(1)} GiB of constants`,
      requirement: "an ONNX file holds at most 2 GiB",
      remedy: "feed the parameters as inputs",
    });
  }
  const model = new MessageWriter();
  model.integer(1, IR_VERSION);
  model.string(2, "temper");
  model.message(7, (message) => writeGraph(message, graph));
  for (const [domain, version] of [["", OPSET], [CONTRIB_DOMAIN, 1]] as const) {
    model.message(8, (opset) => {
      opset.string(1, domain);
      opset.integer(2, version);
    });
  }
  return model.finish();
}

function writeGraph(message: MessageWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) message.message(1, (nested) => writeNode(nested, node));
  message.string(2, graph.name);
  for (const tensor of graph.initializers) {
    message.message(5, (nested) => {
      for (const size of tensor.shape) nested.integer(1, size);
      nested.integer(2, ELEMENT_TYPE[tensor.type]);
      nested.string(8, tensor.name);
      const { data } = tensor;
      nested.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    });
  }
  for (const input of graph.inputs) message.message(11, (nested) => writeValue(nested, input));
  for (const output of graph.outputs) message.message(12, (nested) => writeValue(nested, output));
}

function writeNode(message: MessageWriter, node: OnnxNode): void {
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(3, node.name);
  message.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    message.message(5, (nested) => writeAttribute(nested, name, value));
  }
  if (node.domain !== undefined) message.string(7, node.domain);
}

function writeAttribute(message: MessageWriter, name: string, value: OnnxAttribute): void {
  message.string(1, name);
  if (typeof value === "object" && "float" in value) {
    message.float(2, value.float);
    message.integer(20, 1);
  } else if (typeof value === "string") {
    message.string(4, value);
    message.integer(20, 3);
  } else if (typeof value === "object") {
    for (const item of value) message.integer(8, item);
    message.integer(20, 7);
  } else {
    message.integer(3, Number(value));
    message.integer(20, 2);
  }
}

function writeValue(message: MessageWriter, value: OnnxValue): void {
  message.string(1, value.name);
  message.message(2, (type) => {
    type.message(1, (tensor) => {
      tensor.integer(1, ELEMENT_TYPE[value.type]);
      tensor.message(2, (shape) => {
        for (const size of value.shape) {
          shape.message(1, (dimension) => dimension.integer(1, size));
        }
      });
    });
  });
}
