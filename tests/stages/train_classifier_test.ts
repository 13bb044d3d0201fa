/** The train stage on tokens with a class a row: a classifier from scratch, or on top of a model's folder. */
import assert from "node:assert/strict";
import { loadCheckpoint } from "../../lib/checkpoint/load.ts";
import { saveCheckpoint } from "../../lib/checkpoint/save.ts";
import {
  readSafetensors,
  type TensorData,
  writeSafetensors,
} from "../../lib/data/formats/safetensors.ts";
import { readTokens } from "../../lib/data/tokens/tokens.ts";
import { openModel } from "../../lib/models/open.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { float32 } from "../../lib/runtime/session/session.ts";
import { evaluateRows } from "../../lib/train/loop/evaluate.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { BEST, classifier, DATA, DISTILBERT, withConfig } from "./classifiers.ts";
import { baseRun, CONFIG, equal, run, values, VOCABULARY, writeLabelled } from "./train_run.ts";

type Tensors = Map<string, TensorData>;
const tensorsOf = async (path: string): Promise<Tensors> => (await readSafetensors(path)).tensors;
const dataOf = (tensors: Tensors, name: string): Float32Array =>
  tensors.get(name)!.data as Float32Array;

const CLASSES = {
  id2label: { "0": "ham", "1": "spam" },
  label2id: { ham: 0, spam: 1 },
  num_labels: 2,
  architectures: ["GPT2ForSequenceClassification"],
};

Deno.test("train makes a classifier from scratch of tokens with classes, and it learns them", async () => {
  const { dir, config, state, log, summary } = await classifier();
  for (const [name, value] of Object.entries(CLASSES)) assert.deepEqual(config[name], value, name);
  assert.deepEqual([config.vocab_size, config.pad_token_id], [VOCABULARY, 0]);
  const tensors = await tensorsOf(`${dir}/model.safetensors`);
  assert.deepEqual(tensors.get("score.weight")?.shape, [2, 8]);
  assert.ok(!tensors.has("lm_head.weight"));
  const evaluations = state.log_history.filter((entry) => "eval_loss" in entry);
  assert.deepEqual(evaluations.map(({ step }) => step), [6, 12, 18, 24, 30, 36]);
  for (const { eval_accuracy: accuracy, eval_rows: rows, ...others } of evaluations) {
    assert.equal(rows, 8);
    assert.ok(accuracy! >= 0 && accuracy! <= 1 && Number.isInteger(8 * accuracy!));
    assert.ok(!("eval_perplexity" in others));
  }
  const last = evaluations.at(-1)!;
  assert.equal(last.eval_accuracy, 1, `${evaluations.map((entry) => entry.eval_accuracy)}`);
  assert.ok(last.eval_loss! < 0.3);
  assert.deepEqual(
    summary.flatMap((entry) => entry.type === "figure" ? [entry.label] : []),
    ["training loss", "validation accuracy"],
  );
  assert.ok(!log.some((line) => /new, to be trained/.test(line)), "all of it is new");
});

Deno.test("train puts a new head on a language model's folder, and says so", async () => {
  const base = await baseRun();
  const given = { config: undefined, freeze: ["wte", "wpe", "h.0", "ln_f"] };
  const { dir, config, log } = await run(given, { data: DATA, model: base.dir });
  assert.ok(log.includes("new, to be trained: score.weight"), log.join("\n"));
  for (const [name, value] of Object.entries(CLASSES)) assert.deepEqual(config[name], value, name);
  const [before, after] = [
    await tensorsOf(`${base.dir}/model.safetensors`),
    await tensorsOf(`${dir}/model.safetensors`),
  ];
  assert.deepEqual(
    [...after.keys()].filter((name) => !before.has(name)),
    ["score.weight"],
  );
  for (const [name, { data }] of before) assert.deepEqual(dataOf(after, name), data, name);
});

Deno.test("train takes the base of a DistilBertForMaskedLM, and leaves its head for words", async () => {
  const model = openModel({ ...DISTILBERT, vocab_size: VOCABULARY });
  const base = model.parameters.filter(({ name }) => name.startsWith("distilbert."));
  const tensors = [
    ...base,
    { name: "vocab_transform.weight", shape: [8, 8] },
    { name: "vocab_projector.bias", shape: [VOCABULARY] },
  ].map(({ name, shape }, index) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    return [name, { shape, data: data.map((_, i) => Math.sin(i + index)) }] as const;
  });
  const dir = await temporaryDirectory();
  const config = { ...model.config, architectures: ["DistilBertForMaskedLM"] };
  await saveCheckpoint(dir, { config, tensors });
  const freeze = ["embeddings", "transformer"];
  const tuned = await run({ config: undefined, freeze }, { data: DATA, model: dir });
  const after = await tensorsOf(`${tuned.dir}/model.safetensors`);
  for (const [name, { data }] of tensors.slice(0, base.length)) {
    assert.deepEqual(dataOf(after, name), data, name);
  }
  const heads = ["pre_classifier.weight", "pre_classifier.bias", "classifier.weight"];
  assert.ok(
    tuned.log.includes(`new, to be trained: ${heads.join(", ")}, classifier.bias`),
    tuned.log.join("\n"),
  );
  assert.deepEqual(tuned.config.architectures, ["DistilBertForSequenceClassification"]);
  assert.equal(after.size, model.parameters.length);
});

Deno.test("train goes on from a classifier with its head, where the classes are the same", async () => {
  const first = await classifier();
  const given = { config: undefined, eval_on_start: true, max_steps: 1 };
  const second = await run(given, { data: DATA, model: first.dir });
  assert.ok(!second.log.some((line) => /new, to be trained/.test(line)));
  const [start] = values(second.state, "eval_loss");
  assert.ok(Math.abs(start! - values(first.state, "eval_loss").at(-1)!) < 1e-6);
  // transformers names classes so where nobody did.
  const id2label = { "0": "LABEL_0", "1": "LABEL_1" };
  const unnamed = await withConfig(first.dir, { id2label, label2id: undefined });
  const third = await run(given, { data: DATA, model: unnamed });
  assert.deepEqual(third.losses, second.losses);
  assert.deepEqual(third.config.id2label, CLASSES.id2label);
});

Deno.test("train keeps the classifier of the highest accuracy where it is asked to", async () => {
  const { state, log } = await run({
    ...BEST,
    learning_rate: 0.004,
    metric_for_best_model: "accuracy",
  }, { data: DATA });
  const accuracies = values(state, "eval_accuracy");
  const best = Math.max(...accuracies);
  assert.ok(accuracies[0]! < best, `${accuracies}`);
  assert.equal(state.best_metric, best);
  assert.equal(state.best_global_step, 6 * (accuracies.indexOf(best) + 1));
  assert.ok(
    log.some((line) => line.includes(`step ${state.best_global_step}, with accuracy ${best}`)),
  );
});

Deno.test("train evaluates a classifier the same whatever the batch size, and splits or not", async () => {
  const given = { eval_strategy: "steps", eval_steps: 1 };
  const a = await run({ ...given, per_device_eval_batch_size: 3 }, { data: DATA });
  const b = await run({ ...given, per_device_eval_batch_size: 8 }, { data: DATA });
  assert.deepEqual(values(a.state, "eval_accuracy"), values(b.state, "eval_accuracy"));
  const y = values(b.state, "eval_loss");
  values(a.state, "eval_loss").forEach((loss, i) => assert.ok(Math.abs(loss - y[i]!) < 1e-6));
  const unsplit = await run({}, { data: await writeLabelled(["ham", "spam"], ["data"]) });
  assert.ok(equal(unsplit.bytes, (await run({}, { data: DATA })).bytes));
});

Deno.test("train gives an accumulated batch of a classifier the gradients of a large one", async () => {
  const large = await run({ per_device_train_batch_size: 24, max_steps: 2 }, { data: DATA });
  const small = await run({
    per_device_train_batch_size: 8,
    gradient_accumulation_steps: 3,
    max_steps: 2,
  }, { data: DATA });
  large.losses.forEach((loss, step) => assert.ok(Math.abs(loss - small.losses[step]!) < 1e-5));
  const [a, b] = [values(large.state, "grad_norm"), values(small.state, "grad_norm")];
  assert.ok(Math.abs(a[0]! - b[0]!) < 1e-5, `${a} ${b}`);
});

Deno.test("label_smoothing_factor and gradient_checkpointing go with classifiers", async () => {
  const config = { ...CONFIG, n_layer: 2, resid_pdrop: 0.2 };
  const plain = await run({ config }, { data: DATA });
  const smoothed = await run({ config, label_smoothing_factor: 0.2 }, { data: DATA });
  assert.notDeepEqual(smoothed.losses, plain.losses);
  const again = await run({ config, gradient_checkpointing: true }, { data: DATA });
  assert.ok(equal(again.bytes, plain.bytes));
});

const DROPOUTS = ["dropout", "attention_dropout", "seq_classif_dropout"];

Deno.test("a DistilBERT with dropout has the same bytes for the same seed, and heeds each rate", async () => {
  const config = { ...DISTILBERT, n_layers: 2 };
  const [a, b, c] = [
    await run({ config }, { data: DATA }),
    await run({ config }, { data: DATA, threads: 1 }),
    await run({ config }, { data: DATA, seed: 43 }),
  ];
  assert.ok(equal(a.bytes, b.bytes));
  assert.deepEqual(a.losses, b.losses);
  assert.ok(!equal(a.bytes, c.bytes));
  for (const name of DROPOUTS) {
    const changed = await run({ config: { ...config, [name]: 0.5 } }, { data: DATA });
    assert.ok(!equal(changed.bytes, a.bytes), name);
    assert.equal(changed.config[name], 0.5);
  }
});

Deno.test("gradient_checkpointing changes no mask of a DistilBERT's dropout", async () => {
  const config = { ...DISTILBERT, n_layers: 3, dropout: 0.3 };
  const plain = await run({ config }, { data: DATA });
  const again = await run({ config, gradient_checkpointing: true }, { data: DATA });
  // Not to the bit, as `gradient_checkpointing.ts` says.
  for (const name of ["loss", "grad_norm"]) {
    const [x, y] = [values(plain.state, name), values(again.state, name)];
    x.forEach((value, i) => assert.ok(Math.abs(value - y[i]!) < 1e-5 * value, `${name} ${x} ${y}`));
  }
});

/** Loss of a model folder on the rows to evaluate on. */
async function evaluatedLoss(dir: string): Promise<number> {
  const { config, tensors } = await loadCheckpoint(dir);
  const feeds = Object.fromEntries(
    [...tensors].map(([name, { shape, data }]) => [name, float32(data, shape)]),
  );
  const engine = await openEngine("cpu", { threads: 1 });
  const { splits } = await readTokens(DATA);
  const placed = { model: openModel(config), engine, feeds };
  const { loss, counted } = await evaluateRows(placed, splits.validation!, { batchSize: 8 });
  await engine.dispose();
  return loss / counted;
}

/** A DistilBERT that is not trained on, as the base of adapters. */
async function untrained(): Promise<string> {
  return (await run({ config: DISTILBERT, max_steps: 1 }, { data: DATA })).dir;
}

const ADAPTED: [string, () => Promise<string>, string[], string[], boolean][] = [
  [
    "a GPT-2 with a new head",
    async () => (await baseRun()).dir,
    ["c_attn", "mlp.c_proj"],
    ["score"],
    true,
  ],
  [
    "a DistilBERT",
    untrained,
    ["q_lin", "v_lin", "ffn.lin1"],
    ["pre_classifier", "classifier"],
    false,
  ],
];
for (const [what, base, targets, heads, fanInFanOut] of ADAPTED) {
  Deno.test(`train with lora trains adapters and the whole head of ${what}, and merges them`, async () => {
    const model = await base();
    const lora = { r: 2, lora_alpha: 6, lora_dropout: 0.1, target_modules: targets };
    const given = { config: undefined, lora, learning_rate: 0.03, eval_strategy: "epoch" };
    const { dir, state, config } = await run(given, { data: DATA, model });
    const peft = JSON.parse(await Deno.readTextFile(`${dir}/adapter/adapter_config.json`));
    assert.deepEqual(
      [peft.modules_to_save, peft.task_type, peft.fan_in_fan_out, peft.r],
      [heads, "SEQ_CLS", fanInFanOut, 2],
    );
    assert.deepEqual(config.id2label, CLASSES.id2label);
    const adapter = await tensorsOf(`${dir}/adapter/adapter_model.safetensors`);
    const [before, after] = [
      await tensorsOf(`${model}/model.safetensors`),
      await tensorsOf(`${dir}/model.safetensors`),
    ];
    let adapted = 0;
    for (const [name, { shape, data }] of after) {
      const part = `base_model.model.${name.slice(0, name.lastIndexOf("."))}`;
      const a = name.endsWith(".weight") ? adapter.get(`${part}.lora_A.weight`) : undefined;
      if (heads.some((head) => name.startsWith(`${head}.`))) {
        assert.deepEqual(dataOf(adapter, `base_model.model.${name}`), data, name);
        if (before.has(name)) assert.notDeepEqual(data, dataOf(before, name), name);
        continue;
      }
      if (a === undefined) {
        assert.deepEqual(data, dataOf(before, name), name);
        continue;
      }
      adapted++;
      const b = dataOf(adapter, `${part}.lora_B.weight`);
      const [rows = 0, columns = 0] = shape;
      const [inputs, outputs] = fanInFanOut ? [rows, columns] : [columns, rows];
      assert.deepEqual(a.shape, [2, inputs]);
      dataOf(before, name).forEach((weight, index) => {
        const [row, column] = [Math.floor(index / columns), index % columns];
        const [i, o] = fanInFanOut ? [row, column] : [column, row];
        let sum = 0;
        for (let k = 0; k < 2; k++) sum += Number(a.data[k * inputs + i]) * b[o * 2 + k]!;
        assert.ok(Math.abs(Number(data[index]) - (weight + 3 * sum)) < 1e-6, `${name}[${index}]`);
      });
      assert.equal(b.length, 2 * outputs);
      assert.notDeepEqual(data, dataOf(before, name), name);
    }
    assert.equal(adapted, targets.length);
    // What was evaluated has its adapters beside it, what was saved has them inside.
    const [evaluated = NaN] = values(state, "eval_loss");
    assert.ok(Math.abs(evaluated - await evaluatedLoss(dir)) < 1e-5);
  });
}

Deno.test("train tells which tensors of a model's folder it passes over", async () => {
  const { dir } = await baseRun();
  const copy = await withConfig(dir, {});
  const tensors = await tensorsOf(`${dir}/model.safetensors`);
  const more: TensorData = { dtype: "F32", shape: [1], data: new Float32Array(1) };
  await writeSafetensors(`${copy}/model.safetensors`, [...tensors, ["v_head.bias", more]]);
  const { log } = await run({ config: undefined }, { data: DATA, model: copy });
  assert.ok(log.includes("not used of the model's tensors: v_head.bias"), log.join("\n"));
});
