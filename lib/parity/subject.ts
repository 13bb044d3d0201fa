/**
 * The model of a trace and its batch, as a training graph: logits, loss and every gradient. B batch, T tokens.
 *
 * @module
 */
import { nearest, UserError } from "../base/errors.ts";
import { gradients } from "../graph/autodiff/autodiff.ts";
import { Graph } from "../graph/ir/graph.ts";
import * as ops from "../graph/ops/mod.ts";
import { ARCHITECTURES } from "../models/registry.ts";
import { type OpenModel, openModel, parameterInputs } from "../models/open.ts";
import { type HostTensor, int32 } from "../runtime/session/session.ts";
import { objectiveOf } from "../train/objectives/registry.ts";
import { gradientOutput, LOSS_OUTPUT } from "../train/program/program.ts";
import { type Trace, traceIntegers } from "./trace.ts";

/** Name of the logits among the graph's outputs. */
export const LOGITS_OUTPUT = "logits";

/** A model and its batch. */
export interface Subject {
  readonly model: OpenModel;
  readonly graph: Graph;
  /** What the graph is fed with beside the parameters: `input_ids`, `attention_mask`, `targets`. */
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** B and T. */
  readonly shape: readonly [number, number];
}

/** Why a trace cannot be run: its architecture is not there yet. */
export interface Unsupported {
  readonly unsupported: string;
}

/**
 * Builds the graph of a trace.
 *
 * @returns The subject, or why this architecture is passed over.
 * @throws {UserError} where the trace does not fit its own model.
 */
export function subjectOf(trace: Trace): Subject | Unsupported {
  const opened = open(trace);
  if ("unsupported" in opened) return opened;
  const { model } = opened;
  const causal = model.task === "causal_lm";
  const ids = traceIntegers(trace, "in.input_ids");
  const mask = traceIntegers(trace, "in.attention_mask");
  const labels = traceIntegers(trace, "in.labels");
  const [batch = 0, length = 0] = ids.shape;
  checkGradients(trace, model);
  const shape = [batch, length] as const;
  requireFit(trace, {
    name: "in.input_ids",
    fine: ids.shape.length === 2 && batch > 0 && length > 0,
    requirement: "[B, T]",
  });
  requireFit(trace, {
    name: "in.attention_mask",
    fine: String(mask.shape) === String(shape),
    requirement: `[${shape}]`,
  });
  const expected = causal ? [batch, length] : [batch];
  requireFit(trace, {
    name: "in.labels",
    fine: String(labels.shape) === String(expected),
    requirement: `[${expected}]`,
  });
  requireFit(trace, {
    name: "in.input_ids",
    fine: ids.data.every((id) => id >= 0 && id < model.vocabSize),
    requirement: `ids from 0 to ${model.vocabSize - 1}`,
  });
  requireFit(trace, {
    name: "in.attention_mask",
    fine: mask.data.every((value) => value === 0 || value === 1),
    requirement: "0 or 1",
  });

  const graph = new Graph("parity");
  const params = parameterInputs(graph, model.parameters);
  const inputIds = graph.input("input_ids", { type: "int32", shape });
  const attentionMask = graph.input("attention_mask", { type: "int32", shape });
  const targets = graph.input("targets", { type: "int32", shape: expected });
  const inputs = { input_ids: inputIds, attention_mask: attentionMask };
  const logits = model.build(graph, inputs, { params });
  const classes = logits.shape.at(-1) ?? 1;
  requireFit(trace, {
    name: "in.labels",
    fine: labels.data.every((label) => label === -100 || (label >= 0 && label < classes)),
    requirement: `labels from 0 to ${classes - 1}, or -100`,
  });
  const wanted = causal ? shifted(labels.data, shape) : labels.data;
  const predicted = wanted.reduce((sum, label) => label < 0 ? sum : sum + 1, 0);
  const loss = objectiveOf(model.task).loss(logits, { targets, labels: targets }, {
    denominator: ops.scalar(graph, predicted),
  });
  graph.output(LOGITS_OUTPUT, logits);
  graph.output(LOSS_OUTPUT, loss);
  const names = [...params.keys()];
  gradients(loss, [...params.values()]).forEach((gradient, i) =>
    graph.output(gradientOutput(names[i]!), gradient)
  );
  return {
    model,
    graph,
    shape,
    inputs: {
      input_ids: int32(ids.data, shape),
      attention_mask: int32(mask.data, shape),
      targets: int32(wanted, expected),
    },
  };
}

/** The model by the class that config.json names. */
function open({ config }: Trace): { readonly model: OpenModel } | Unsupported {
  const { model_type: type, architectures } = config;
  const architecture = ARCHITECTURES.find(({ modelType }) => modelType === type);
  if (architecture === undefined) {
    return { unsupported: `model_type ${JSON.stringify(type)} is not supported` };
  }
  const [name] = Array.isArray(architectures) ? architectures : [];
  if (!Object.values(architecture.heads).some((head) => head === name)) {
    return { unsupported: `the architecture ${JSON.stringify(name)} is not supported` };
  }
  return { model: openModel(config) };
}

/** The label of each place is the token that follows; -100 where none does. */
function shifted(
  labels: Int32Array<ArrayBuffer>,
  [batch, length]: readonly [number, number],
): Int32Array<ArrayBuffer> {
  const targets = new Int32Array(batch * length).fill(-100);
  for (let row = 0; row < batch; row++) {
    targets.set(labels.subarray(row * length + 1, (row + 1) * length), row * length);
  }
  return targets;
}

/** A gradient of the reference that nothing is compared with would be passed over without a word. */
function checkGradients({ folder, tensors }: Trace, { parameters }: OpenModel): void {
  const known = parameters.map(({ name }) => name);
  for (const tensor of tensors.keys()) {
    const name = /^(?:grad|after)\.(.*)$/.exec(tensor)?.[1];
    if (name === undefined || known.includes(name)) continue;
    throw new UserError({
      what: `${folder}/golden.safetensors has "${tensor}", and the model no such parameter`,
      nearest: nearest(name, known),
      remedy: "check that model/config.json belongs to the trace",
    });
  }
}

function requireFit(
  { folder }: Trace,
  { name, fine, requirement }: {
    readonly name: string;
    readonly fine: boolean;
    readonly requirement: string;
  },
): void {
  if (fine) return;
  throw new UserError({
    what: `"${name}" in ${folder}/golden.safetensors does not fit the model`,
    requirement: `it must be ${requirement}`,
  });
}
