import assert from "node:assert/strict";
import { adafactor } from "../../lib/optim/adafactor.ts";
import { type Optimizer, optimizerGraph, scalarFeeds } from "../../lib/optim/optimizer.ts";
import { sgd } from "../../lib/optim/sgd.ts";
import { openEngine } from "../../lib/runtime/engine.ts";
import { float32 } from "../../lib/runtime/session.ts";

/** First weights, then for each step the gradient and the weights after it. */
type Trace = readonly [readonly number[], readonly (readonly [number[], number[]])[]];

/** Takes the steps of a trace, in place, and compares the weights after each. */
async function follow(
  optimizer: Optimizer,
  [first, steps]: Trace,
  { shape, learningRate, scale }: { shape: number[]; learningRate: number; scale: number },
): Promise<void> {
  const engine = await openEngine("cpu", { threads: 1 });
  const session = await engine.createSession(optimizerGraph(optimizer, shape).toOnnx());
  const parameter = float32(Float32Array.from(first), shape);
  const slots = Object.entries(optimizer.slots(shape)).map(([name, dims]) =>
    [name, float32(new Float32Array(dims.reduce((a, b) => a * b, 1)), dims)] as const
  );
  for (const [i, [gradient, expected]] of steps.entries()) {
    await session.run({
      parameter,
      gradient: float32(Float32Array.from(gradient, (g) => g / scale), shape),
      ...Object.fromEntries(slots),
      ...scalarFeeds(optimizer, { step: i + 1, learningRate, scale, decayed: true }),
    }, {
      new_parameter: parameter,
      ...Object.fromEntries(slots.map(([name, slot]) => [`new_${name}`, slot])),
    });
    expected.forEach((value, at) => {
      const got = parameter.data[at]!;
      assert.ok(Math.abs(got - value) < 5e-6, `step ${i + 1} [${at}]: ${got}, not ${value}`);
    });
  }
  await engine.dispose();
}

/** torch.optim.SGD(lr=0.1, ...) of PyTorch 2.13. */
const SGD: [Record<string, number | boolean>, ...Trace][] = [
  [{}, [0.803276, 0.174833, 0.088978], [
    [[-1.841154, 0.138547, -4.104777], [0.987391, 0.160979, 0.499456]],
    [[0.337495, 1.011116, -1.435179], [0.953642, 0.059867, 0.642974]],
    [[0.977432, 0.52205, 1.237917], [0.855899, 0.007662, 0.519182]],
  ]],
  [{ "momentum": 0.9 }, [-0.864636, 0.298961, 0.419219], [
    [[-0.239563, 2.779233, 2.447032], [-0.840679, 0.021038, 0.174515]],
    [[0.495189, -0.164317, -0.677962], [-0.868638, -0.212662, 0.022079]],
    [[-1.059107, 0.747697, 0.238917], [-0.787889, -0.497761, -0.139006]],
  ]],
  [{ "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1 }, [-0.39215, 0.151915, -1.183733], [[[
    1.603082,
    -4.353068,
    -1.888122,
  ], [-0.548537, 0.585703, -0.983084]], [[0.154415, -0.24799, 0.453501], [
    -0.680616,
    0.945992,
    -0.847428,
  ]], [[0.012091, 1.342036, 1.462004], [-0.782361, 1.133659, -0.835311]]]],
  [{ "momentum": 0.7, "nesterov": true, "weight_decay": 0.2 }, [0.436161, 1.017014, -2.192527], [[[
    0.636992,
    -2.818491,
    -0.970735,
  ], [0.313043, 1.461578, -1.952956]], [[-1.054711, 0.823773, -0.52705], [
    0.446213,
    1.399983,
    -1.727904,
  ]], [[0.810726, -0.804593, -1.050064], [0.316991, 1.524173, -1.397343]]]],
];
for (const [settings, ...trace] of SGD) {
  Deno.test(`SGD takes torch's steps with ${JSON.stringify(settings)}`, async () => {
    const optimizer = sgd({
      weightDecay: Number(settings.weight_decay ?? 0),
      momentum: Number(settings.momentum ?? 0),
      dampening: Number(settings.dampening ?? 0),
      nesterov: settings.nesterov === true,
    });
    for (const scale of [1, 0.25]) {
      await follow(optimizer, trace, { shape: [3], learningRate: 0.1, scale });
    }
  });
}

/** transformers.Adafactor(lr=0.05, scale_parameter=False, relative_step=False, weight_decay): shape, decay. */
const ADAFACTOR: [number[], number, ...Trace][] = [
  [[4], 0, [-0.109654, 0.352967, -0.444702, -0.950879], [[[
    -0.168579,
    -4.318666,
    -3.639859,
    3.28402,
  ], [-0.059654, 0.402967, -0.394702, -1.000879]], [[-0.495685, 0.757653, -0.679101, 0.838927], [
    0.003664,
    0.389793,
    -0.380728,
    -1.019648,
  ]], [[0.611308, 0.676446, 0.412406, 0.026113], [-0.058117, 0.374705, -0.391714, -1.020411]]]],
  [[3, 4], 0.1, [
    -0.028181,
    1.462752,
    3.788898,
    0.268181,
    0.401913,
    -0.614845,
    0.379185,
    0.49485,
    -1.967315,
    -2.026338,
    0.565012,
    -0.117318,
  ], [[[
    -2.771577,
    -2.213527,
    0.496989,
    0.035388,
    0.399128,
    -1.41241,
    -3.982594,
    -5.11848,
    0.360757,
    -0.140405,
    -1.110842,
    3.033082,
  ], [
    0.075808,
    1.544489,
    3.757329,
    0.266211,
    0.391847,
    -0.581162,
    0.431786,
    0.541398,
    -1.972361,
    -2.009987,
    0.593256,
    -0.176107,
  ]], [[
    1.358761,
    -0.596089,
    -1.231173,
    -0.018046,
    -0.531827,
    -0.547625,
    -1.066686,
    1.518779,
    -0.019929,
    -1.087167,
    0.098038,
    0.636773,
  ], [
    0.00838,
    1.568371,
    3.782267,
    0.265349,
    0.405622,
    -0.560848,
    0.452339,
    0.515016,
    -1.961336,
    -1.931713,
    0.586168,
    -0.194823,
  ]], [[
    -0.402805,
    0.462344,
    -1.875843,
    -0.614201,
    0.199475,
    -0.787731,
    0.53714,
    -0.434797,
    -0.251095,
    0.151398,
    -1.015937,
    0.17422,
  ], [
    0.031298,
    1.533618,
    3.830049,
    0.282606,
    0.39568,
    -0.52613,
    0.436785,
    0.521598,
    -1.932845,
    -1.933558,
    0.63039,
    -0.20073,
  ]]]],
  [[2, 2, 3], 0, [
    -2.133112,
    0.925377,
    0.271989,
    -1.366683,
    1.092473,
    0.616097,
    0.883947,
    0.964541,
    0.335205,
    -1.111431,
    -2.428152,
    0.008789,
  ], [[[
    0.015378,
    -5.016719,
    2.609652,
    -6.764462,
    -1.485955,
    -1.610062,
    -0.646604,
    -3.371035,
    -1.522976,
    0.210007,
    0.257464,
    1.911481,
  ], [
    -2.133289,
    1.000133,
    0.205635,
    -1.304676,
    1.110083,
    0.648655,
    0.935901,
    1.019008,
    0.369245,
    -1.14409,
    -2.436203,
    -0.073901,
  ]], [[
    0.252356,
    0.458616,
    -0.137092,
    -1.086015,
    -0.321655,
    -1.533012,
    -0.120907,
    -1.449787,
    -0.157226,
    0.700864,
    0.289882,
    1.058173,
  ], [
    -2.137914,
    0.989153,
    0.21051,
    -1.289468,
    1.115967,
    0.690309,
    0.945986,
    1.053129,
    0.374362,
    -1.242053,
    -2.447636,
    -0.131618,
  ]], [[
    -0.093834,
    1.404477,
    -0.255985,
    -0.814607,
    -1.947076,
    -0.374577,
    -0.808394,
    0.022517,
    0.256158,
    -0.221418,
    -0.31751,
    -1.492891,
  ], [
    -2.135671,
    0.950896,
    0.222366,
    -1.274802,
    1.155901,
    0.703371,
    1.012271,
    1.052392,
    0.364871,
    -1.217589,
    -2.433637,
    -0.057082,
  ]]]],
];
for (const [shape, weightDecay, ...trace] of ADAFACTOR) {
  Deno.test(`Adafactor takes transformers' steps for [${shape}], decay ${weightDecay}`, async () => {
    for (const scale of [1, 0.25]) {
      await follow(adafactor({ weightDecay }), trace, { shape, learningRate: 0.05, scale });
    }
  });
}

Deno.test("optimizers leave out the decay of tensors that have none", () => {
  for (
    const optimizer of [
      sgd({ weightDecay: 0.5, momentum: 0, dampening: 0, nesterov: false }),
      adafactor({ weightDecay: 0.5 }),
    ]
  ) {
    const feeds = (decayed: boolean): Record<string, number> =>
      Object.fromEntries(
        Object.entries(scalarFeeds(optimizer, { step: 1, learningRate: 0.1, scale: 1, decayed }))
          .map(([name, { data }]) => [name, data[0]!]),
      );
    const [all, none] = [feeds(true), feeds(false)];
    const differing = Object.keys(all).filter((name) => all[name] !== none[name]);
    assert.deepEqual(differing, Object.keys(optimizer.undecayed));
  }
});
