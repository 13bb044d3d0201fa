/**
 * Gradient checkpointing of made-up models: blocks of several inputs and outputs, and tensors that are read by more
 * than one block, or by a block and the loss. The gradients are those without it: to the bit, but where three parts
 * of one are summed up in another order, since a block adds its own up first.
 */
import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import type { Tensor } from "../../lib/graph/ir/tensor.ts";
import { neededNodes } from "../../lib/graph/onnx/lower.ts";
import * as ops from "../../lib/graph/ops/mod.ts";
import { type Build, newBuild, type Segment } from "../../lib/models/build/build.ts";
import { layerNorm } from "../../lib/models/layers/normalization.ts";
import { normal as drawn, type ParameterSpec } from "../../lib/models/build/parameters.ts";
import { checkpointedGradients } from "../../lib/train/program/gradient_checkpointing.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { normal, relativeError, runGraph } from "../graph/running.ts";

const [ROWS, WIDTH] = [6, 4];

/** A parameter `[ROWS, WIDTH]`, in the place of embedded tokens. */
const states = (b: Build, name: string): Tensor => b.param(name, [ROWS, WIDTH], drawn(1));

/** A layer with an inner state and dropout. */
function layer(b: Build, x: Tensor, { name, site }: { name: string; site: string }): Tensor {
  const init = drawn(1);
  const inner = ops.tanh(b.linear(name, x, { out: 2 * WIDTH, layout: "out_in", init }));
  const kept = b.dropout(inner, 0.3, site);
  return b.linear(`${name}_out`, kept, { out: WIDTH, layout: "in_out", init });
}

/** A block that adds to its first input what a layer makes of the product of all. */
function reading(b: Build, name: string, inputs: readonly Tensor[]): Tensor {
  const [made] = b.at(name).block(inputs, (b, first, ...rest) => [
    ops.add(
      first!,
      layer(b, rest.reduce((a, c) => ops.mul(a, c), first!), { name: "mix", site: name }),
    ),
  ]);
  return made!;
}

/** The tensors of a model that its loss reads. */
const MODELS: Record<string, (b: Build) => readonly Tensor[]> = {
  "two inputs and two outputs a block"(b): readonly Tensor[] {
    let [x, y] = [states(b, "x"), states(b, "y")];
    for (const n of [0, 1, 2]) {
      [x, y] = b.at(`h.${n}`).block([x, y], (b, x, y) => [
        ops.add(x!, layer(b, y!, { name: "left", site: `left ${n}` })),
        ops.mul(y!, layer(b, x!, { name: "right", site: `right ${n}` })),
      ]) as [Tensor, Tensor];
    }
    return [x, y];
  },
  "outputs that nothing reads"(b): readonly Tensor[] {
    let x = states(b, "x");
    for (const n of [0, 1]) {
      [x] = b.at(`h.${n}`).block([x], (b, x) => {
        const made = layer(b, x!, { name: "mix", site: `mix ${n}` });
        return [ops.add(x!, made), ops.mul(made, 2)];
      }) as [Tensor, Tensor];
    }
    return [x];
  },
  "a tensor that every block reads"(b): readonly Tensor[] {
    const bias = ops.tanh(states(b, "bias"));
    let x = states(b, "x");
    for (const n of [0, 1, 2]) x = reading(b, `h.${n}`, [x, bias]);
    return [x];
  },
  "a tensor that the first block and the loss read"(b): readonly Tensor[] {
    const start = ops.tanh(states(b, "x"));
    return [start, reading(b, "h.1", [reading(b, "h.0", [start])])];
  },
  "a parameter that blocks and the loss read"(b): readonly Tensor[] {
    const table = states(b, "table");
    let x = states(b, "x");
    for (const n of [0, 1]) x = reading(b, `h.${n}`, [x, table]);
    return [ops.mul(x, table)];
  },
  "states that are made between blocks"(b): readonly Tensor[] {
    let x = states(b, "x");
    for (const n of [0, 1, 2]) x = layerNorm(b, `norm.${n}`, reading(b, `h.${n}`, [x]), 1e-5);
    return [x];
  },
  "a block that reads the inputs of those before it"(b): readonly Tensor[] {
    const first = ops.tanh(states(b, "x"));
    const second = reading(b, "h.0", [first]);
    const third = reading(b, "h.1", [second]);
    return [reading(b, "h.2", [third, second, first])];
  },
  "a decoder whose blocks all read what an encoder ends with"(b): readonly Tensor[] {
    let x = states(b, "x");
    for (const n of [0, 1]) x = reading(b, `encoder.${n}`, [x]);
    const encoded = layerNorm(b, "norm", x, 1e-5);
    let y = states(b, "y");
    for (const n of [0, 1, 2]) y = reading(b, `decoder.${n}`, [y, encoded]);
    return [y];
  },
  "two towers that meet in the loss"(b): readonly Tensor[] {
    const x = states(b, "x");
    return [reading(b, "left", [x]), reading(b, "right", [x])];
  },
};

/** Models of which a tensor has several parts of its gradient from one block, and others from elsewhere. */
const SUMMED_OTHERWISE = new Set([
  "a tensor that the first block and the loss read",
  "a parameter that blocks and the loss read",
  "a block that reads the inputs of those before it",
  "two towers that meet in the loss",
]);

/** Gradients of all parameters that match, and whether anything was computed again. */
async function gradientsOf(
  model: (b: Build) => readonly Tensor[],
  { trained = /./, checkpointed }: { trained?: RegExp; checkpointed: boolean },
): Promise<{ found: Record<string, Float32Array>; again: Set<string> }> {
  const graph = new Graph();
  const params = new Map<string, Tensor>();
  const dropout = { seed: graph.input("seed", { type: "int32", shape: [] }) };
  const segments: Segment[] = [];
  const b = newBuild(graph, {
    parameter({ name, shape }: ParameterSpec): Tensor {
      const tensor = params.get(name) ?? graph.input(name, { type: "float32", shape });
      params.set(name, tensor);
      return tensor;
    },
    dropout,
    segments,
  });
  const parts = model(b).map((x) => ops.reduceSum(ops.mul(x, ops.add(x, 1))));
  const loss = parts.reduce((sum, part) => ops.add(sum, part));
  const wrt = [...params].filter(([name]) => trained.test(name));
  const tensors = wrt.map(([, tensor]) => tensor);
  const made = checkpointed
    ? checkpointedGradients(loss, { wrt: tensors, segments, dropout })
    : gradients(loss, tensors);
  made.forEach((gradient, i) => graph.output(`gradient/${wrt[i]![0]}`, gradient));
  const again = neededNodes(graph).flatMap(({ name }) =>
    /^again\/(.*?)\/mix/.exec(name)?.[1] ?? []
  );
  const random = randomNumbers(3);
  const feeds = [...params].map(([name, tensor]) => [name, normal(random, tensor)] as const);
  const seed = Int32Array.of(11);
  const found = await runGraph(graph, { ...Object.fromEntries(feeds), seed });
  return { found, again: new Set(again) };
}

for (const [what, model] of Object.entries(MODELS)) {
  const exact = !SUMMED_OTHERWISE.has(what);
  Deno.test(`checkpointedGradients() changes no ${exact ? "bit" : "gradient"} with ${what}`, async () => {
    const plain = await gradientsOf(model, { checkpointed: false });
    const checkpointed = await gradientsOf(model, { checkpointed: true });
    assert.deepEqual(Object.keys(checkpointed.found), Object.keys(plain.found));
    for (const [name, gradient] of Object.entries(plain.found)) {
      assert.ok(gradient.some((value) => value !== 0), `${name} has a gradient`);
      const found = checkpointed.found[name]!;
      if (exact) assert.deepEqual(found, gradient, name);
      else assert.ok(relativeError(found, gradient) < 5e-7, name);
    }
    assert.equal(plain.again.size, 0);
  });
}

Deno.test("checkpointedGradients() computes again what leads to a trained parameter alone", async () => {
  const model = MODELS["a decoder whose blocks all read what an encoder ends with"]!;
  const cases: [RegExp, string[]][] = [
    [/./, ["decoder/0", "decoder/1", "decoder/2", "encoder/0", "encoder/1"]],
    [/^norm/, ["decoder/0", "decoder/1", "decoder/2"]],
    [/^decoder\.2/, ["decoder/2"]],
    [/^decoder\.1/, ["decoder/1", "decoder/2"]],
    [/^encoder\.1/, ["decoder/0", "decoder/1", "decoder/2", "encoder/1"]],
  ];
  for (const [trained, expected] of cases) {
    const plain = await gradientsOf(model, { trained, checkpointed: false });
    const { found, again } = await gradientsOf(model, { trained, checkpointed: true });
    assert.deepEqual(found, plain.found);
    assert.deepEqual([...again].sort(), expected, String(trained));
  }
});
