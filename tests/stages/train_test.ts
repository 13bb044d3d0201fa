import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { schedule, SCHEDULES } from "../../lib/optim/schedules.ts";
import { baseRun, CONFIG, equal, run, values, VOCABULARY, writeData } from "./train_run.ts";

Deno.test("train writes a model folder with its history", async () => {
  const { dir, state, config, log, progress, summary } = await baseRun();
  const files = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
  assert.deepEqual(files, [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "trainer_state.json",
  ]);
  assert.equal(config.vocab_size, VOCABULARY);
  assert.deepEqual(config.architectures, ["GPT2LMHeadModel"]);
  assert.equal(config.eos_token_id, 0);
  assert.equal(state.global_step, 3);
  assert.equal(state.max_steps, 3);
  assert.ok(state.num_input_tokens_seen > 0);
  const [first] = state.log_history;
  assert.deepEqual(Object.keys(first!), ["loss", "grad_norm", "learning_rate", "epoch", "step"]);
  assert.deepEqual(values(state, "step"), [1, 2, 3, 3]);
  assert.deepEqual(values(state, "epoch").map((epoch) => epoch.toFixed(3)), [
    "0.333",
    "0.667",
    "1.000",
    "1.000",
  ]);
  assert.match(log.join("\n"), /step 2 of 3: loss \d.*grad_norm.*tokens\/s/);
  assert.deepEqual(progress.at(-1), [3, 3, "steps"]);
  assert.equal(summary[0]?.type, "figure");
});

Deno.test("train gives the same bytes for the same seed, with one thread and with two", async () => {
  const dropout = { config: { ...CONFIG, resid_pdrop: 0.2, attn_pdrop: 0.2 } };
  const [a, b, c] = [
    await run(dropout),
    await run(dropout, { threads: 1 }),
    await run(dropout, { seed: 43 }),
  ];
  assert.ok(equal(a.bytes, b.bytes));
  assert.deepEqual(a.state, b.state);
  assert.ok(!equal(a.bytes, c.bytes), "the pipeline's seed counts");
  const own = await run({ ...dropout, seed: 43 });
  assert.ok(equal(own.bytes, c.bytes), "the option seed stands in for it");
});

/** Options that change the weights: value -> unlike the default run. */
const CHANGES: Record<string, unknown>[] = [
  { learning_rate: 0.02 },
  { weight_decay: 0.5 },
  { adam_beta1: 0.5 },
  { adam_beta2: 0.9 },
  { adam_epsilon: 0.1 },
  { max_grad_norm: 0.01, adam_epsilon: 0.1 },
  { lr_scheduler_type: "constant" },
  { per_device_train_batch_size: 6 },
  { config: { ...CONFIG, embd_pdrop: 0.5 } },
  { config: { ...CONFIG, resid_pdrop: 0.5 } },
  { config: { ...CONFIG, attn_pdrop: 0.5 } },
  { config: { ...CONFIG, initializer_range: 0.1 } },
  { config: { ...CONFIG, layer_norm_epsilon: 0.1 } },
  { config: { ...CONFIG, activation_function: "relu" } },
];
for (const change of CHANGES) {
  Deno.test(`train heeds ${JSON.stringify(change).replaceAll('"', "")}`, async () => {
    const compared = "max_grad_norm" in change ? run({ adam_epsilon: 0.1 }) : baseRun();
    assert.ok(!equal((await run(change)).bytes, (await compared).bytes));
  });
}

Deno.test("train decays matrices and nothing else", async () => {
  // One step from zero biases and unit scales: their updates are the same with and without decay.
  const one = { max_steps: 1 };
  const weights = async (decay: number): Promise<Map<string, ArrayLike<unknown>>> => {
    const { dir } = await run({ ...one, weight_decay: decay });
    const { tensors } = await readSafetensors(`${dir}/model.safetensors`);
    return new Map([...tensors].map(([name, { data }]) => [name, data]));
  };
  const [without, decayed] = [await weights(0), await weights(0.5)];
  for (const [name, data] of without) {
    const matrix = /wte|wpe|(c_attn|c_proj|c_fc)\.weight/.test(name);
    assert.equal(String(data) === String(decayed.get(name)), !matrix, name);
  }
});

Deno.test("train clips by the norm over all gradients and logs it unclipped", async () => {
  const [free, clipped] = [await run({ max_grad_norm: 0 }), await run({ max_grad_norm: 1e-3 })];
  assert.equal(values(free.state, "grad_norm")[0], values(clipped.state, "grad_norm")[0]);
  assert.ok(values(free.state, "grad_norm")[0]! > 0.01);
});

Deno.test("train counts steps by epochs, batches and accumulation", async () => {
  const cases: [Record<string, unknown>, number][] = [
    [{ num_train_epochs: 2 }, 6],
    [{ num_train_epochs: 0.5 }, 2],
    [{ num_train_epochs: 1, per_device_train_batch_size: 5 }, 3],
    [{ num_train_epochs: 1, gradient_accumulation_steps: 2 }, 2],
    [{ max_steps: 2, num_train_epochs: 9 }, 2],
  ];
  for (const [given, steps] of cases) {
    const { state } = await run({ max_steps: -1, ...given });
    assert.equal(state.global_step, steps, JSON.stringify(given));
  }
});

Deno.test("train gives an accumulated batch the gradients of a large one", async () => {
  const large = await run({ per_device_train_batch_size: 12, max_steps: 2 });
  const small = await run({
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 3,
    max_steps: 2,
  });
  large.losses.forEach((loss, step) => assert.ok(Math.abs(loss - small.losses[step]!) < 1e-5));
  const [a, b] = [values(large.state, "grad_norm"), values(small.state, "grad_norm")];
  assert.ok(Math.abs(a[0]! - b[0]!) < 1e-5, `${a} ${b}`);
});

Deno.test("train warms up and falls as asked", async () => {
  const rates = async (given: Record<string, unknown>): Promise<number[]> =>
    values(
      (await run({ max_steps: 4, learning_rate: 1, ...given, max_grad_norm: 1e-9 })).state,
      "learning_rate",
    );
  assert.deepEqual(await rates({}), [1, 0.75, 0.5, 0.25]);
  assert.deepEqual(await rates({ warmup_steps: 2 }), [0, 0.5, 1, 0.5]);
  assert.deepEqual(await rates({ warmup_ratio: 0.5 }), [0, 0.5, 1, 0.5]);
  assert.deepEqual(await rates({ warmup_steps: 0.3 }), [0, 0.5, 1, 0.5]);
  for (const name of SCHEDULES) {
    const expected = schedule(name, { warmupSteps: name === "constant" ? 0 : 1, maxSteps: 4 });
    const given = { lr_scheduler_type: name, warmup_steps: name === "constant" ? 0 : 1 };
    assert.deepEqual(await rates(given), [0, 1, 2, 3].map(expected), name);
  }
});

Deno.test("train logs as often as asked, and the last step always", async () => {
  const steps = async (given: Record<string, unknown>): Promise<number[]> =>
    (await run({ max_steps: 5, ...given })).state.log_history
      .filter((entry) => "loss" in entry).map((entry) => entry.step);
  assert.deepEqual(await steps({ logging_steps: 2 }), [2, 4, 5]);
  assert.deepEqual(await steps({ logging_steps: 3, logging_first_step: true }), [1, 3, 5]);
  assert.deepEqual(await steps({ logging_steps: 0.3 }), [2, 4, 5]);
});

Deno.test("train logs the mean loss since the entry before", async () => {
  const [each, all] = [
    (await run({ max_steps: 4 })).losses,
    await run({ max_steps: 4, logging_steps: 4 }),
  ];
  const mean = each.reduce((sum, loss) => sum + loss, 0) / 4;
  assert.ok(Math.abs(all.losses[0]! - mean) < 1e-12);
  assert.ok(Math.abs(values(all.state, "train_loss")[0]! - mean) < 1e-12);
});

Deno.test("train tells its speed in the history only when asked", async () => {
  const { state } = await run({ include_tokens_per_second: true });
  assert.equal(values(state, "tokens_per_second").length, 3);
  assert.ok(values(state, "tokens_per_second").every((speed) => speed > 0));
  assert.deepEqual(values((await baseRun()).state, "tokens_per_second"), []);
});

Deno.test("train evaluates every so many steps, every epoch, and at the end", async () => {
  const steps = async (given: Record<string, unknown>): Promise<number[]> =>
    (await run({ max_steps: 5, ...given })).state.log_history
      .filter((entry) => "eval_loss" in entry).map((entry) => entry.step);
  assert.deepEqual(await steps({ eval_strategy: "steps", eval_steps: 2 }), [2, 4, 5]);
  assert.deepEqual(await steps({ eval_strategy: "steps", logging_steps: 3 }), [3, 5]);
  assert.deepEqual(await steps({ eval_strategy: "steps", eval_steps: 0.3 }), [2, 4, 5]);
  assert.deepEqual(await steps({ eval_strategy: "steps", logging_steps: 0.6 }), [3, 5]);
  assert.deepEqual(await steps({ eval_strategy: "epoch" }), [3, 5]);
  assert.deepEqual(await steps({}), []);
});

Deno.test("train evaluates the same whatever the batch size, and remembers the best", async () => {
  const given = { eval_strategy: "steps", eval_steps: 1, max_steps: 4 };
  const a = await run({ ...given, per_device_eval_batch_size: 2 });
  const b = await run({ ...given, per_device_eval_batch_size: 5 });
  const [x, y] = [values(a.state, "eval_loss"), values(b.state, "eval_loss")];
  x.forEach((loss, i) => assert.ok(Math.abs(loss - y[i]!) < 1e-6));
  assert.equal(a.state.best_metric, Math.min(...x));
  assert.equal(a.state.best_global_step, x.indexOf(Math.min(...x)) + 1);
  const last = a.state.log_history.findLast((entry) => "eval_loss" in entry)!;
  assert.equal(last.eval_perplexity, Math.exp(last.eval_loss!));
  const figure = a.summary.find((entry) =>
    entry.type === "figure" && /perplexity/.test(entry.label)
  );
  assert.equal(figure?.type === "figure" && figure.value, last.eval_perplexity);
});

Deno.test("train makes a model of the config, with what it leaves out from the tokenizer", async () => {
  const config = {
    ...CONFIG,
    n_layer: 2,
    n_head: 1,
    n_embd: 4,
    n_positions: 12,
    n_inner: 6,
    vocab_size: 30,
    bos_token_id: 1,
    eos_token_id: 2,
    pad_token_id: 3,
  };
  const made = await run({ config });
  for (const [name, value] of Object.entries(config)) assert.equal(made.config[name], value, name);
  const { tensors } = await readSafetensors(`${made.dir}/model.safetensors`);
  assert.deepEqual(tensors.get("transformer.wte.weight")?.shape, [30, 4]);
  assert.deepEqual(tensors.get("transformer.wpe.weight")?.shape, [12, 4]);
  assert.deepEqual(tensors.get("transformer.h.1.mlp.c_fc.weight")?.shape, [4, 6]);
  assert.equal(tensors.has("transformer.h.2.ln_1.weight"), false);
});

Deno.test("train goes on from a model, with overrides of its dropout", async () => {
  const first = await baseRun();
  const given = { config: undefined };
  const second = await run(given, { model: first.dir });
  assert.ok(second.losses[0]! < first.losses[0]!, "starts where the other ended");
  assert.equal(second.config.n_embd, 8);
  for (const name of ["embd_pdrop", "resid_pdrop", "attn_pdrop"]) {
    const changed = await run({ ...given, config_overrides: { [name]: 0.5 } }, {
      model: first.dir,
    });
    assert.equal(changed.config[name], 0.5);
    assert.ok(!equal(changed.bytes, second.bytes), name);
  }
});

Deno.test("train takes all rows where they were never split", async () => {
  const data = await writeData(1, ["data"]);
  assert.ok(equal((await run({}, { data })).bytes, (await baseRun()).bytes));
});
