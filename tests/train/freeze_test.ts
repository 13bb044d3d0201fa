import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { UserError } from "../../lib/base/errors.ts";
import { openModel } from "../../lib/models/open.ts";
import { trainedParameters, type Unfreezing } from "../../lib/train/arguments/freeze.ts";
import train from "../../stages/train.ts";
import { BASE, baseRun, run } from "../stages/train_run.ts";

const NAMES = openModel({ model_type: "gpt2", n_layer: 12 }).parameters.map(({ name }) => name);
const MODEL = { names: NAMES, prefix: "transformer." };

/** The parameters that patterns freeze, without the prefix. */
function frozen(...freeze: string[]): string[] {
  const { groupOf } = trainedParameters(MODEL, { freeze, unfreeze: [], epochs: 1 });
  return NAMES.filter((name) => !groupOf.has(name)).map((name) => name.slice(12));
}

const blocks = (...layers: number[]): string[] =>
  NAMES.map((name) => name.slice(12)).filter((name) =>
    layers.some((layer) => name.startsWith(`h.${layer}.`))
  );

const PATTERNS: [string[], string[]][] = [
  [[], []],
  [["wte"], ["wte.weight"]],
  [["wte.weight", "transformer.wpe"], ["wte.weight", "wpe.weight"]],
  [["h.1"], blocks(1)],
  [["h.0-2"], blocks(0, 1, 2)],
  [["h.10-11", "h.10"], blocks(10, 11)],
  [
    ["h.2-3.attn.c_proj"],
    [2, 3].flatMap((n) => [`h.${n}.attn.c_proj.weight`, `h.${n}.attn.c_proj.bias`]),
  ],
  [["h.*.ln_1.weight"], Array.from({ length: 12 }, (_, n) => `h.${n}.ln_1.weight`)],
  [["*.bias"], NAMES.map((name) => name.slice(12)).filter((name) => name.endsWith(".bias"))],
];
for (const [patterns, expected] of PATTERNS) {
  Deno.test(`freeze takes [${patterns}] for ${expected.length} parameters`, () => {
    assert.deepEqual(frozen(...patterns).sort(), [...expected].sort());
  });
}

const WRONG: [string, string[], Unfreezing[], RegExp][] = [
  [
    "a module that is not there",
    ["wte", "wpee"],
    [],
    /freeze\[1\] is "wpee".*did you mean "wpe"\?/,
  ],
  ["a part of a name", ["h.1.att"], [], /freeze\[0\] is "h\.1\.att".*did you mean "h\.1\.attn"\?/],
  ["a range beyond the blocks", ["h.10-12"], [], /freeze\[0\] is "h\.10-12".*in "h\.12"/],
  ["a range backwards", ["h.3-1"], [], /3-1 is no range.*lower number to the higher/],
  ["a name as an expression", ["h.[01]"], [], /freeze\[0\] is "h\.\[01\]"/],
  ["all parameters", ["*"], [], /leaves no parameter to train/],
  [
    "all parameters until an epoch",
    ["*"],
    [{ epoch: 1, modules: ["wte"] }],
    /leaves no parameter to train from the start/,
  ],
  [
    "an epoch after the end",
    ["h.0"],
    [{ epoch: 3, modules: ["h.0"] }],
    /unfreeze\[0\]\.epoch is 3.*it has 3 epochs, counted from 0/,
  ],
  [
    "to unfreeze what is not frozen",
    ["h.0"],
    [{ epoch: 1, modules: ["h.0.attn", "h.1"] }],
    /unfreeze\[0\]\.modules\[1\] is "h\.1", and nothing of that is still frozen/,
  ],
  [
    "to unfreeze twice",
    ["h.0"],
    [{ epoch: 2, modules: ["h.0.attn"] }, { epoch: 1, modules: ["h.0"] }],
    /unfreeze\[0\]\.modules\[0\] is "h\.0\.attn", and nothing of that is still frozen/,
  ],
];
for (const [title, freeze, unfreeze, message] of WRONG) {
  Deno.test(`freeze refuses ${title}`, () => {
    assert.throws(
      () => trainedParameters(MODEL, { freeze, unfreeze, epochs: 3 }),
      (error: Error) =>
        error instanceof UserError && message.test(error.message) ||
        assert.fail(error.message),
    );
  });
}

Deno.test("unfreeze orders groups by epoch", () => {
  const { groupOf, epochs } = trainedParameters(MODEL, {
    freeze: ["wte", "h.0-2"],
    unfreeze: [{ epoch: 2, modules: ["h.*"] }, { epoch: 1, modules: ["h.1-2"] }],
    epochs: 3,
  });
  assert.deepEqual(epochs, [1, 2]);
  const groups = ["wpe.weight", "wte.weight", "h.1.ln_1.bias", "h.0.ln_1.bias"];
  assert.deepEqual(groups.map((name) => groupOf.get(`transformer.${name}`)), [0, undefined, 1, 2]);
});

async function weights(dir: string): Promise<Map<string, Float32Array>> {
  const { tensors } = await readSafetensors(`${dir}/model.safetensors`);
  return new Map([...tensors].map(([name, { data }]) => [name, data as Float32Array]));
}

const FROZEN = /\.(wte|attn|ln_1)\./;
const FREEZE = ["wte", "h.0.attn", "h.*.ln_1"];

Deno.test("train leaves frozen weights to the bit, decay or not, and trains the others as it would", async () => {
  const model = (await baseRun()).dir;
  const before = await weights(model);
  const settings = { config: undefined, weight_decay: 0.1, max_steps: 1, max_grad_norm: 0 };
  const whole = await run(settings, { model });
  const part = await run({ ...settings, freeze: FREEZE }, { model });
  const [all, some] = [await weights(whole.dir), await weights(part.dir)];
  assert.deepEqual(part.losses, whole.losses);
  for (const [name, values] of some) {
    assert.deepEqual(values, (FROZEN.test(name) ? before : all).get(name), name);
    if (!FROZEN.test(name)) assert.notDeepEqual(values, before.get(name), name);
  }
  const norm = (state: typeof whole.state): number => state.log_history[0]!.grad_norm!;
  assert.ok(norm(part.state) < norm(whole.state), "what is frozen has no gradient to clip");
});

Deno.test("train unfreezes at the epoch, with a first step of the optimizer", async () => {
  const model = (await baseRun()).dir;
  const before = await weights(model);
  const settings = {
    config: undefined,
    lr_scheduler_type: "constant",
    learning_rate: 1e-3,
    adam_epsilon: 1e-12,
    freeze: FREEZE,
    unfreeze: [{ epoch: 1, modules: ["h.0.attn"] }],
    num_train_epochs: 2,
  };
  // Three steps are an epoch.
  const until = await weights((await run({ ...settings, max_steps: 4 }, { model })).dir);
  const { dir, log } = await run({ ...settings, max_steps: 6 }, { model });
  const after = await weights(dir);
  for (const [name, values] of before) {
    if (!FROZEN.test(name)) continue;
    if (!name.includes(".attn.")) {
      assert.deepEqual(after.get(name), values, name);
      continue;
    }
    assert.notDeepEqual(after.get(name), until.get(name), name);
    // Adam's first step is as long as the learning rate, whatever the gradient; keys' biases have none.
    if (!name.endsWith(".weight")) continue;
    const steps = until.get(name)!.map((value, i) => Math.abs(value - values[i]!));
    const fitting = steps.filter((step) => Math.abs(step - 1e-3) < 2e-5).length;
    assert.ok(fitting > 0.95 * steps.length, `${name}: ${steps}`);
  }
  assert.match(log.join("\n"), /\d+ more parameters are trained from here on/);
  assert.match(log.join("\n"), /^[\d,]+ trained parameters/m);
});

for (const optim of ["sgd", "adafactor"]) {
  Deno.test(`train freezes and unfreezes with ${optim} too`, async () => {
    const model = (await baseRun()).dir;
    const before = await weights(model);
    const settings = {
      config: undefined,
      optim,
      learning_rate: 0.05,
      freeze: FREEZE,
      unfreeze: [{ epoch: 1, modules: ["h.0.attn"] }],
      num_train_epochs: 2,
    };
    const after = async (max_steps: number): Promise<Map<string, Float32Array>> =>
      await weights((await run({ ...settings, max_steps }, { model })).dir);
    // Three steps are an epoch.
    const [first, second] = [await after(4), await after(6)];
    for (const [name, values] of before) {
      const isFrozen = FROZEN.test(name) && !name.includes(".attn.");
      assert.equal(String(second.get(name)) === String(values), isFrozen, name);
      assert.equal(String(second.get(name)) === String(first.get(name)), isFrozen, name);
    }
  });
}

Deno.test("train refuses patterns that fit nothing, and unfreeze without freeze", async () => {
  await assert.rejects(run({ freeze: ["h.1"] }), /freeze\[0\] is "h\.1".*did you mean "h\.0"\?/);
  const parse = (given: Record<string, unknown>): unknown =>
    train.options.safeParse({ ...BASE, ...given }).error?.issues.map(({ path }) => path.join("."));
  assert.deepEqual(parse({ unfreeze: [{ epoch: 1, modules: ["h.0"] }] }), ["unfreeze"]);
  assert.deepEqual(
    parse({ freeze: ["h.0"], unfreeze: [{ epoch: 0, modules: ["h.0"] }] }),
    ["unfreeze.0.epoch"],
  );
});
