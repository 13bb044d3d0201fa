/**
 * Holds a trace of the reference against what an engine computes.
 *
 * @module
 */
import { InternalError, UserError } from "../base/errors.ts";
import { loadCheckpoint } from "../checkpoint/load.ts";
import type { Engine } from "../runtime/session/session.ts";
import { compare } from "./compare.ts";
import { checkGeneration, checkProbabilities } from "./generation.ts";
import { joined, type Part, type Quantity, TOLERANCES } from "./quantity.ts";
import { type Replay, replayAll, type Weights } from "./replay.ts";
import { shaken, SHAKES, spreadOf, tensorsOf } from "./rounding.ts";
import { type Subject, subjectOf } from "./subject.ts";
import { readTrace, type Trace, traceFloats, type TraceStep } from "./trace.ts";

/** What came of a trace. */
export type TraceResult =
  | { readonly folder: string; readonly skipped: string }
  | { readonly folder: string; readonly error: string }
  | {
    readonly folder: string;
    readonly holds: boolean;
    readonly quantities: readonly Quantity[];
    /** What this version has no rule for, by the trace's names. */
    readonly passedOver: readonly string[];
  };

/**
 * Checks one trace.
 *
 * @param folder Its folder.
 * @param options `engine`: where to compute; `gauge`: where rounding is measured by many more replays,
 * `engine` itself unless it is slow.
 * @throws {UserError} where the trace is damaged or doesn't fit its model.
 */
export async function checkTrace(
  folder: string,
  { engine, gauge }: { readonly engine: Engine; readonly gauge: Engine },
): Promise<TraceResult> {
  const trace = await readTrace(folder);
  const subject = located(folder, () => subjectOf(trace));
  if ("unsupported" in subject) return { folder, skipped: subject.unsupported };
  const { model } = subject;
  const { tensors } = await loadCheckpoint(`${folder}/model`, {
    model,
  });
  const expected = expectations(trace, subject);
  const weights = new Map([...tensors].map(([name, { data }]) => [name, data]));
  const options = { subject, optimizer: trace.optimizer, steps: trace.steps.length };
  const replays = (on: Engine, starts: readonly Weights[]): Promise<Replay[]> =>
    replayAll(on, { ...options, starts });
  const shakes = Array.from({ length: SHAKES }, (_, seed) => shaken(weights, seed));
  const [still, ...moved] = await replays(gauge, [weights, ...shakes]);
  const [got] = gauge === engine ? [still] : await replays(engine, [weights]);
  if (still === undefined || got === undefined) throw new InternalError("a replay gave nothing");
  const written = model.decoding === undefined ? [] : [
    checkProbabilities(trace, {
      logits: got.logits,
      still: still.logits,
      moved: moved.map(({ logits }) => logits),
      vocabSize: model.vocabSize,
    }),
    await checkGeneration(trace, { model, tensors, engine }),
  ];
  const quantities = [
    ...compareAll(got, { expected, still, moved }),
    ...written.flatMap((result) => result.quantities),
  ];
  return {
    folder,
    quantities,
    holds: quantities.every(({ holds }) => holds),
    passedOver: written.flatMap((result) => result.passedOver),
  };
}

/** Names the trace in an error that knows its model alone, such as a field of config.json. */
function located<Result>(folder: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof UserError) || error.message.includes(folder)) throw error;
    throw new UserError({ ...error.parts, what: `${folder}: ${error.parts.what}`, cause: error });
  }
}

/** The trace's numbers, in the form of a replay. */
function expectations(trace: Trace, { model, graph }: Subject): Replay {
  const named = (part: string): Map<string, Float32Array> =>
    new Map(model.parameters.map(({ name, shape }) => [
      name,
      traceFloats(trace, { name: `${part}.${name}`, shape }),
    ]));
  const { shape } = graph.outputs.get("logits")!;
  return {
    logits: traceFloats(trace, { name: "logits", shape }),
    loss: trace.loss,
    gradients: named("grad"),
    steps: trace.steps,
    after: named("after"),
  };
}

function compareAll(
  got: Replay,
  { expected, still, moved }: {
    readonly expected: Replay;
    readonly still: Replay;
    readonly moved: readonly Replay[];
  },
): Quantity[] {
  const ours = tensorsOf(got);
  const theirs = tensorsOf(expected);
  const spread = spreadOf(still, moved);
  const tensors = (
    name: Quantity["name"],
    { prefix, tolerance }: { readonly prefix: string; readonly tolerance: number },
  ): Quantity => {
    const found: Part[] = [...theirs.keys()].filter((key) => key.startsWith(prefix)).map((key) => ({
      at: key.slice(prefix.length),
      ...compare(ours.get(key)!, {
        expected: theirs.get(key)!,
        spread: spread.get(key)!,
        tolerance,
      }),
    }));
    return joined(name, { parts: found, tolerance });
  };
  const numbers = (
    name: Quantity["name"],
    { of, tolerance }: {
      readonly of: (replay: Replay) => readonly number[];
      readonly tolerance: number;
    },
  ): Quantity => {
    const values = of(got);
    const others = moved.map(of);
    const found = compare(values, {
      expected: of(expected),
      spread: of(still).map((value, i) =>
        Math.max(...others.map((other) => Math.abs(other[i]! - value)))
      ),
      tolerance,
    });
    return { ...found, name, tolerance, worst: name === "loss" ? "" : `step ${found.index + 1}` };
  };
  const step = (field: keyof TraceStep) => ({ steps }: Replay): number[] =>
    steps.map((entry) => entry[field]);
  const { pass, steps } = TOLERANCES;
  const logits = compare(got.logits, {
    expected: expected.logits,
    spread: spread.get("logits")!,
    tolerance: pass,
  });
  return [
    { ...logits, name: "logits", tolerance: pass, worst: `[${logits.index}]` },
    numbers("loss", { of: ({ loss }) => [loss], tolerance: pass }),
    tensors("gradients", { prefix: "grad.", tolerance: pass }),
    numbers("step_losses", { of: step("loss"), tolerance: steps }),
    numbers("grad_norms", { of: step("gradNorm"), tolerance: steps }),
    numbers("learning_rates", { of: step("learningRate"), tolerance: steps }),
    tensors("weights_after", { prefix: "after.", tolerance: steps }),
  ];
}
