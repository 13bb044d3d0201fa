/**
 * Runs a subject on an engine as training would: forward and backward, then the steps of AdamW through the very
 * state that `train` uses.
 *
 * @module
 */
import { toOnnx } from "../graph/onnx/compile.ts";
import { InternalError } from "../base/errors.ts";
import { adamw } from "../optim/adamw.ts";
import { schedule } from "../optim/schedules.ts";
import {
  type AnyTensor,
  type Engine,
  isHostTensor,
  type Session,
} from "../runtime/session/session.ts";
import { arenaLayout, makeArena, viewOf } from "../train/state/arena.ts";
import { openState } from "../train/state/open_state.ts";
import { gradientOutput, LOSS_OUTPUT } from "../train/program/program.ts";
import { LOGITS_OUTPUT, type Subject } from "./subject.ts";
import type { TraceOptimizer, TraceStep } from "./trace.ts";

/** Parameters by name. */
export type Weights = ReadonlyMap<string, Float32Array>;

/** What came out. */
export interface Replay {
  readonly logits: Float32Array;
  readonly loss: number;
  /** By parameter name. */
  readonly gradients: Weights;
  readonly steps: readonly TraceStep[];
  /** Parameters after the steps. */
  readonly after: Weights;
}

/**
 * Compiles a subject and replays it.
 *
 * @param engine Where to run it.
 * @param options `starts`: the first weights of each replay; `steps`: how many to take after the first pass.
 * @returns A replay for each of `starts`.
 */
export async function replayAll(
  engine: Engine,
  options: {
    readonly subject: Subject;
    readonly starts: readonly Weights[];
    readonly optimizer: TraceOptimizer;
    readonly steps: number;
  },
): Promise<Replay[]> {
  const { subject } = options;
  const session = await engine.createSession(toOnnx(subject.graph, { target: engine.name }), {
    deviceOutputs: subject.model.parameters.map(({ name }) => gradientOutput(name)),
  });
  try {
    const replays: Replay[] = [];
    for (const weights of options.starts) {
      replays.push(await replay(engine, { ...options, session, weights }));
    }
    return replays;
  } finally {
    await session.release();
  }
}

async function replay(
  engine: Engine,
  options: {
    readonly session: Session;
    readonly subject: Subject;
    readonly weights: Weights;
    readonly optimizer: TraceOptimizer;
    readonly steps: number;
  },
): Promise<Replay> {
  const { session, subject, weights, optimizer } = options;
  const { inputs, model: { parameters }, shape: [batchSize, length] } = subject;
  const layout = arenaLayout(parameters);
  const arena = makeArena(layout);
  for (const { name } of parameters) viewOf(arena, name).data.set(weights.get(name)!);
  const state = openState(engine, {
    layout,
    parameters: arena,
    settings: {
      optimizer: adamw(optimizer),
      maxGradNorm: optimizer.maxGradNorm,
      accumulation: 1,
    },
  });
  try {
    const outputs = await session.run({ ...state.feeds(), ...inputs });
    const take = (name: string): Promise<Float32Array> => floats(engine, outputs[name]);
    const logits = await take(LOGITS_OUTPUT);
    const loss = (await take(LOSS_OUTPUT))[0] ?? NaN;
    const gradients = new Map<string, Float32Array>();
    for (const { name } of parameters) gradients.set(name, await take(gradientOutput(name)));
    const factor = schedule("linear", {
      warmupSteps: optimizer.warmupSteps,
      maxSteps: optimizer.totalSteps,
    });
    const steps: TraceStep[] = [];
    for (let step = 0; step < options.steps; step++) {
      const learningRate = optimizer.learningRate * factor(step);
      await state.accumulate({ batchSize, length, session }, inputs);
      const { loss, norm: gradNorm } = await state.update({ step: step + 1, learningRate });
      steps.push({ loss, gradNorm, learningRate });
    }
    const after = new Map<string, Float32Array>();
    for (const [name, { data }] of await state.download()) after.set(name, data.slice());
    return { logits, loss, gradients, steps, after };
  } finally {
    await state.release();
  }
}

/** A copy of an output; device memory is freed. */
async function floats(engine: Engine, tensor: AnyTensor | undefined): Promise<Float32Array> {
  if (tensor === undefined) throw new InternalError("a run lacks an output");
  if (isHostTensor(tensor)) return Float32Array.from(tensor.data as Float32Array);
  if (engine.memory === undefined) throw new InternalError("a device tensor without a device");
  const { data } = await engine.memory.download(tensor);
  engine.memory.release(tensor);
  return Float32Array.from(data as Float32Array);
}
