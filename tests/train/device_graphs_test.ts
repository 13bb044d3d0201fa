/**
 * The graphs of a training state on a device: what goes through them end to end comes out as if each tensor had
 * gone alone.
 */
import assert from "node:assert/strict";
import { randomStream } from "../../lib/base/random.ts";
import { sizeOf } from "../../lib/graph/ir/tensor.ts";
import { adamw } from "../../lib/optim/adamw.ts";
import { adafactor } from "../../lib/optim/adafactor.ts";
import { scalarFeeds } from "../../lib/optim/optimizer.ts";
import { figuresGraph, sumGraph, updateGraph } from "../../lib/train/state/device_graphs.ts";
import { runGraph } from "../graph/running.ts";
import { onDevice } from "../fixtures/webgpu.ts";

interface Place {
  readonly name: string;
  readonly shape: readonly number[];
  readonly decay: boolean;
}

/** Enough for parts of parts, and a large one. */
const PLACES: Place[] = [
  ...Array.from({ length: 60 }, (_, i) => [i + 1]),
  [3, 5],
  [],
  [70_001],
].map((shape, i) => ({ name: `p${i}`, shape, decay: i % 3 > 0 }));

/** More small ones than go end to end at once. */
const MANY: Place[] = Array.from(
  { length: 18 },
  (_, i) => ({ name: `many${i}`, shape: [256, 256], decay: true }),
);

function randomFeeds(
  places: readonly Place[],
  roles: readonly string[],
): Record<string, Float32Array<ArrayBuffer>> {
  const random = randomStream(11);
  return Object.fromEntries(
    roles.flatMap((role) =>
      places.map(({ name, shape }) =>
        [
          `${role}/${name}`,
          Float32Array.from({ length: sizeOf(shape) }, () => random.nextFloat()),
        ] as const
      )
    ),
  );
}

for (const device of ["cpu", "webgpu"] as const) {
  const places = device === "cpu" ? [...PLACES, ...MANY] : PLACES;
  const test = (name: string, fn: () => Promise<void>): void =>
    Deno.test({ ...onDevice(device, `${name} on ${device}`), fn });

  test("updateGraph() updates every tensor by its own elements", async () => {
    const optimizer = adamw({ weightDecay: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 });
    const step = { step: 3, learningRate: 0.01, scale: 0.5 };
    const feeds = randomFeeds(places, ["parameter", "gradient", "slot/m", "slot/v"]);
    const scalars = Object.entries(scalarFeeds(optimizer, { ...step, decayed: true }))
      .map(([name, { data }]) => [name, data] as const);
    const got = await runGraph(updateGraph(optimizer, places), {
      ...feeds,
      ...Object.fromEntries(scalars),
    }, { device });
    let worst = 0;
    for (const { name, decay } of places) {
      const [p, g, m, v] = ["parameter", "gradient", "slot/m", "slot/v"].map((role) =>
        feeds[`${role}/${name}`]!
      ) as [Float32Array, Float32Array, Float32Array, Float32Array];
      const parts = ["new_parameter", "new_slot/m", "new_slot/v"].map((role) =>
        got[`${role}/${name}`]!
      );
      assert.ok(parts.every(({ length }) => length === p.length), name);
      for (let i = 0; i < p.length; i++) {
        const clipped = 0.5 * g[i]!;
        const mean = 0.9 * m[i]! + 0.1 * clipped;
        const square = 0.99 * v[i]! + 0.01 * clipped ** 2;
        const root = Math.sqrt(square / (1 - 0.99 ** 3)) + 1e-3;
        const kept = p[i]! * (decay ? 1 - 0.01 * 0.1 : 1);
        const wants = [kept - 0.01 * mean / (1 - 0.9 ** 3) / root, mean, square];
        wants.forEach((want, at) => worst = Math.max(worst, Math.abs(parts[at]![i]! - want)));
      }
    }
    assert.ok(worst < 1e-5, `off by ${worst}`);
  });

  test("sumGraph() and figuresGraph() take every tensor once", async () => {
    const feeds = randomFeeds(places, ["sum", "addend"]);
    const sums = await runGraph(sumGraph(places), feeds, { device });
    let squares = 0;
    const gradients: Record<string, Float32Array<ArrayBuffer>> = {};
    for (const { name } of places) {
      const result = sums[`result/${name}`]!;
      const want = feeds[`sum/${name}`]!.map((value, i) => value + feeds[`addend/${name}`]![i]!);
      assert.deepEqual(result, want, name);
      for (const value of want) squares += value * value;
      gradients[`gradient/${name}`] = want;
    }
    const { figures } = await runGraph(figuresGraph(places), {
      ...gradients,
      loss: Float32Array.of(2.5),
    }, { device });
    assert.equal(figures![0], 2.5);
    assert.ok(Math.abs(figures![1]! / squares - 1) < 1e-5, `${figures![1]} for ${squares}`);
  });
}

Deno.test("updateGraph() leaves tensors apart whose optimizer looks at them as a whole", () => {
  // A matrix and a vector, of which this optimizer keeps different things.
  const places = PLACES.filter(({ name }) => ["p59", "p60"].includes(name));
  const graph = updateGraph(
    adafactor({ weightDecay: 0 }),
    places.map((p) => ({ ...p, decay: true })),
  );
  assert.ok(!graph.nodes.some(({ op }) => op === "Concat"));
  const slots = [...graph.outputs.keys()].filter((name) => name.startsWith("new_slot"));
  assert.deepEqual(slots.sort(), [
    "new_slot/column/p60",
    "new_slot/row/p60",
    "new_slot/square/p59",
  ]);
});
