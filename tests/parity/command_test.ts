/**
 * `deno task parity` from outside: it passes on traces of the reference, on every engine, and fails on the same
 * traces where one number is wrong.
 */
import assert from "node:assert/strict";
import { readSafetensors } from "../../lib/data/formats/safetensors.ts";
import { randomNumbers } from "../fixtures/random_numbers.ts";
import { ROOT } from "../pipeline/loading.ts";
import { alter, parity, SHARED, spoiled, TINY } from "./traces.ts";
import { temporaryDirectory } from "../fixtures/temporary_directory.ts";
import { onDevice } from "../fixtures/webgpu.ts";

for (const device of ["cpu", "wasm", "webgpu"] as const) {
  Deno.test({
    ...onDevice(device, `parity holds on the tiny traces on ${device}`),
    fn: async () => {
      const { code, out } = await parity(TINY, "--device", device);
      assert.equal(code, 0, out);
      assert.match(out, /2 hold, 0 differ, 0 skipped/);
    },
  });
}

for (const device of ["cpu", "wasm"]) {
  Deno.test({
    name:
      `parity holds on the shared traces of GPT-2 on ${device}, and lists the others as skipped`,
    // Shared traces do not ship.
    ignore: SHARED === undefined,
    fn: async () => {
      const { code, out } = await parity(SHARED!, "--device", device);
      assert.equal(code, 0, out);
      assert.match(out, /gpt2-lm: holds/);
      assert.match(out, /gpt2-classify: holds/);
      assert.match(out, /bart: skipped, model_type "bart" is not supported/);
      assert.match(out, /\d+ hold, 0 differ, \d+ skipped/);
    },
  });
}

for (const trace of ["gpt2-lm", "gpt2-classify"]) {
  Deno.test(`parity fails where one gradient of ${trace} is altered by 1%, wherever it is`, async () => {
    const folder = `${SHARED ?? TINY}/${trace}`;
    const { tensors } = await readSafetensors(`${folder}/golden.safetensors`);
    const names = [...tensors.keys()].filter((name) => name.startsWith("grad."));
    const random = randomNumbers(trace.length);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    for (let round = 0; round < 10; round++) {
      const name = pick(names);
      const values = [...tensors.get(name)!.data as Float32Array].map(Math.abs);
      // Attention's keys have a bias that changes nothing: its true gradient is zero, and 1% of noise is noise.
      const keys = (i: number): boolean =>
        name.endsWith("c_attn.bias") && i >= values.length / 3 && i < 2 * values.length / 3;
      const places = values.map((_, i) => i).filter((i) => values[i]! > 0 && !keys(i))
        .sort((a, b) => values[a]! - values[b]!);
      // Every other round takes one of the small ones, past the few that cancel out to nothing.
      const small = places.slice(Math.ceil(places.length / 50), Math.ceil(places.length / 5) + 1);
      const index = pick(round % 2 === 0 ? places.slice(Math.ceil(places.length / 50)) : small);
      const factor = random() < 0.5 ? 1.01 : 0.99;
      const copy = await spoiled(folder, {
        tensors: (all) => alter(all, { name, index, factor }),
      });
      const { code, out } = await parity(copy);
      const at = `${name.slice("grad.".length)}[${index}]`;
      assert.equal(code, 1, `${at} = ${values[index]} went unseen\n${out}`);
      assert.ok(out.includes(`DIFFERS  at ${at}`), `${at}\n${out}`);
    }
  });

  Deno.test(`parity knows all but a few gradients of ${trace} to 1%`, async () => {
    const { out } = await parity(`${SHARED ?? TINY}/${trace}`, "--json");
    const [result] = JSON.parse(out).traces;
    const gradients = result.quantities.find(({ name }: { name: string }) => name === "gradients");
    const config = JSON.parse(
      await Deno.readTextFile(`${SHARED ?? TINY}/${trace}/model/config.json`),
    );
    const others = gradients.undetermined - config.n_layer * config.n_embd;
    assert.ok(others <= 0.01 * gradients.count, `${others} of ${gradients.count}`);
  });
}

Deno.test("parity fails where any other number is altered by 1%, and names it", async () => {
  const step = (trace: Record<string, unknown>): Record<string, number> =>
    (trace.steps as Record<string, number>[])[3]!;
  const cases: [RegExp, Parameters<typeof spoiled>[1]][] = [
    [/ {2}logits .*DIFFERS {2}at \[77\]/, {
      tensors: (all) => alter(all, { name: "logits", index: 77, factor: 1.01 }),
    }],
    [/ {2}loss .*DIFFERS/, { trace: (trace) => trace.loss = Number(trace.loss) * 1.01 }],
    [/losses of the steps .*DIFFERS {2}at step 4/, {
      trace: (trace) => step(trace).loss! *= 1.01,
    }],
    [/gradient norms .*DIFFERS {2}at step 4/, { trace: (trace) => step(trace).grad_norm! *= 0.99 }],
    [/learning rates .*DIFFERS {2}at step 4/, { trace: (trace) => step(trace).lr! *= 1.01 }],
    [/weights after .*DIFFERS {2}at transformer\.wte\.weight\[70\]/, {
      tensors: (all) =>
        alter(all, { name: "after.transformer.wte.weight", index: 70, factor: 0.99 }),
    }],
  ];
  for (const [line, changes] of cases) {
    const copy = await spoiled(`${TINY}/gpt2-lm`, changes);
    const { code, out } = await parity(copy);
    assert.equal(code, 1, `${line}\n${out}`);
    assert.match(out, line);
    assert.equal(
      out.match(/DIFFERS$|DIFFERS {2}/gm)?.length,
      out.includes(": DIFFERS") ? 2 : 1,
      out,
    );
    assert.match(out, /0 hold, 1 differ, 0 skipped/);
  }
});

Deno.test("parity --json prints one document with every tensor's error", async () => {
  const { code, out } = await parity(TINY, "--json");
  assert.equal(code, 0);
  const { type, device, holds, traces } = JSON.parse(out);
  assert.deepEqual([type, device, holds], ["parity", "cpu", true]);
  assert.deepEqual(traces.map(({ folder, status }: Record<string, string>) => [folder, status]), [
    ["gpt2-classify", "holds"],
    ["gpt2-lm", "holds"],
  ]);
  const names = traces[0].quantities.map(({ name }: { name: string }) => name);
  assert.deepEqual(names, [
    "logits",
    "loss",
    "gradients",
    "step_losses",
    "grad_norms",
    "learning_rates",
    "weights_after",
  ]);
  for (const { error, tolerance, holds } of traces[0].quantities) {
    assert.ok(error <= tolerance && holds);
  }
  const { tensors } = traces[0].quantities[2];
  assert.equal(Object.keys(tensors).length, 17);
  assert.ok(tensors["score.weight"] < 1e-4);
});

Deno.test("parity exits with 2 where nothing could be run, having said what was skipped", async () => {
  const copy = await spoiled(`${TINY}/gpt2-lm`, { config: (config) => config.model_type = "rwkv" });
  await assert.rejects(parity(copy), (error: Error) => {
    assert.match(error.message, /none of the 1 traces/);
    return error.name === "UserError";
  });
  const { code, out } = await parity(copy, "--json");
  assert.equal(code, 2);
  assert.match(JSON.parse(out).traces[0].reason, /model_type "rwkv" is not supported/);
  const other = await spoiled(`${TINY}/gpt2-lm`, {
    config: (config) => config.architectures = ["GPT2DoubleHeadsModel"],
  });
  const { out: second } = await parity(other, "--json");
  assert.match(JSON.parse(second).traces[0].reason, /"GPT2DoubleHeadsModel" is not supported/);
  await assert.rejects(parity(await temporaryDirectory()), /there is no trace below/);
  await assert.rejects(parity("/there/is/none"), /cannot read the folder/);
});

Deno.test("parity says where a trace is damaged", async () => {
  const cases: [RegExp, Parameters<typeof spoiled>[1]][] = [
    [/golden\.json lacks "loss"/, { trace: (trace) => delete trace.loss }],
    [/golden\.json lacks "steps"/, { trace: (trace) => trace.steps = [] }],
    [/golden\.json lacks "optimizer\.betas"/, {
      trace: (trace) => delete (trace.optimizer as Record<string, unknown>).betas,
    }],
    [/lacks "grad\.transformer\.ln_f\.bias"/, {
      tensors: (all) => all.delete("grad.transformer.ln_f.bias"),
    }],
    [/"logits" in .* is F32 \[3,8,16\]; the model of the trace asks for F32 \[3,8,17\]/, {
      tensors: (all) =>
        all.set("logits", { dtype: "F32", shape: [3, 8, 16], data: new Float32Array(384) }),
    }],
    [/has "grad\.transformer\.ln_f\.bia", and the model no such/, {
      tensors: (all) =>
        all.set("grad.transformer.ln_f.bia", all.get("grad.transformer.ln_f.bias")!),
    }],
    [/"in\.input_ids" .* ids from 0 to 16/, {
      tensors: (all) => (all.get("in.input_ids")!.data as BigInt64Array)[0] = 17n,
    }],
    [/"in\.labels" .* must be \[3,8\]/, {
      tensors: (all) =>
        all.set("in.labels", { dtype: "I64", shape: [3], data: new BigInt64Array(3) }),
    }],
    [/"in\.input_ids" .* has 4294967297 at 0/, {
      // One more than 32 bits: 1, were it cut off.
      tensors: (all) => (all.get("in.input_ids")!.data as BigInt64Array)[0] = 2n ** 32n + 1n,
    }],
    [/"in\.labels" .* must be labels from 0 to 16, or -100/, {
      tensors: (all) => (all.get("in.labels")!.data as BigInt64Array)[1] = 17n,
    }],
    [/"in\.labels" .* must be labels from 0 to 16, or -100/, {
      tensors: (all) => (all.get("in.labels")!.data as BigInt64Array)[1] = -5n,
    }],
    [/"in\.attention_mask" .* must be 0 or 1/, {
      tensors: (all) => (all.get("in.attention_mask")!.data as BigInt64Array)[0] = 2n,
    }],
    [/temper-parity-.*: the GPT-2 config has activation_function: "gelu_old"/, {
      config: (config) => config.activation_function = "gelu_old",
    }],
    [/temper-parity-.*: sequences of 8 tokens do not fit/, {
      config: (config) => config.n_positions = 7,
    }],
    [/do not fit its config\.json/, { config: (config) => config.vocab_size = 18 }],
  ];
  for (const [message, changes] of cases) {
    await assert.rejects(parity(await spoiled(`${TINY}/gpt2-lm`, changes)), (error: Error) => {
      assert.match(error.message, message);
      return error.name === "UserError";
    });
  }
});

Deno.test("parity runs the other traces beside a damaged one, and follows links", async () => {
  const folder = await temporaryDirectory();
  await Deno.symlink(`${TINY}/gpt2-lm`, `${folder}/good`);
  await Deno.symlink(folder, `${folder}/round`);
  await Deno.symlink(`${folder}/nothing`, `${folder}/lost`);
  assert.equal((await parity(folder)).code, 0);
  const bad = await spoiled(`${TINY}/gpt2-lm`, { trace: (trace) => delete trace.loss });
  await Deno.rename(bad, `${folder}/bad`);
  const { code, out } = await parity(folder);
  assert.equal(code, 2, out);
  assert.match(out, /good: holds/);
  assert.match(out, /bad: ERROR, .*golden\.json lacks "loss"/);
  assert.match(out, /1 hold, 0 differ, 0 skipped, 1 with errors/);
  const { traces, holds } = JSON.parse((await parity(folder, "--json")).out);
  assert.equal(holds, false);
  assert.deepEqual(traces.map(({ status }: { status: string }) => status), ["error", "holds"]);
  const wrong = await spoiled(`${TINY}/gpt2-lm`, {
    trace: (trace) => trace.loss = Number(trace.loss) * 1.01,
  });
  await Deno.rename(wrong, `${folder}/wrong`);
  assert.equal((await parity(folder)).code, 1);
  await Deno.remove(`${folder}/good`);
  await Deno.remove(`${folder}/wrong`, { recursive: true });
  await assert.rejects(parity(folder), { name: "UserError" });
});

Deno.test("deno task parity is a command, with the permissions that it needs", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", "parity", "fixtures/gpt2-lm", "--device", "cpu"],
    cwd: `${ROOT}/tests/parity`,
    env: { INIT_CWD: `${ROOT}/tests/parity` },
  }).output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, said);
  assert.match(said, /1 hold, 0 differ, 0 skipped/);
});
