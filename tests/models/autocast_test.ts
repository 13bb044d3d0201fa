import assert from "node:assert/strict";
import { gradients } from "../../lib/graph/autodiff/autodiff.ts";
import { Graph } from "../../lib/graph/ir/graph.ts";
import type { GraphNode } from "../../lib/graph/ir/tensor.ts";
import { openModel, parameterInputs } from "../../lib/models/open.ts";
import { objectiveOf } from "../../lib/train/objectives/registry.ts";

const CONFIG = {
  model_type: "gpt2",
  vocab_size: 50,
  n_positions: 256,
  n_embd: 8,
  n_layer: 1,
  n_head: 2,
};

const LORA = { r: 2, lora_alpha: 2, lora_dropout: 0.1, target_modules: "all-linear" } as const;

const typesOf = ({ inputs }: GraphNode): string => inputs.map(({ type }) => type).join(" ");

for (
  const [what, model] of [
    ["GPT-2", openModel(CONFIG)],
    ["LoRA", openModel(CONFIG, { lora: LORA })],
  ] as const
) {
  Deno.test(`in mixed precision every product of ${what} is of float16, and nothing else`, () => {
    const graph = new Graph();
    const params = parameterInputs(graph, model.parameters);
    const shape = [2, 256];
    const inputIds = graph.input("input_ids", { type: "int32", shape });
    const labels = graph.input("labels", { type: "int32", shape });
    const seed = graph.input("seed", { type: "int32", shape: [] });
    const logits = graph.autocast(() =>
      model.build(graph, { input_ids: inputIds }, { params, dropout: { seed } })
    );
    assert.equal(logits.type, "float32");
    const forward = graph.nodes.filter(({ op }) => op === "MatMul");
    // Four linear layers, scores and mixing of two blocks of queries, the head; two products an adapter.
    assert.equal(forward.length, 4 + 4 + 1 + (what === "LoRA" ? 8 : 0));
    const loss = objectiveOf(model.task).loss(logits, { targets: labels }, {
      denominator: graph.input("denominator", { type: "float32", shape: [] }),
    });
    for (const gradient of gradients(loss, [...params.values()])) {
      assert.equal(gradient.type, "float32");
    }
    for (const node of graph.nodes) {
      const { op, outputs: [output] } = node;
      // The means of layer normalization's gradient are sums, spelled as products with a column.
      const isMean = output?.shape.at(-1) === 1;
      if (op === "MatMul") {
        assert.equal(typesOf(node), isMean ? "float32 float32" : "float16 float16", node.name);
      } else if (["LayerNorm", "Softmax", "CrossEntropy", "ReduceSum", "Linear"].includes(op)) {
        assert.ok(!typesOf(node).includes("float16"), `${op} ${node.name}`);
      }
    }
    assert.ok(graph.constants.every(({ tensor }) => tensor.type !== "float16"));
  });
}
