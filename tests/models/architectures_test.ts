/** What every architecture owes to the rooms above it, whatever it computes. */
import assert from "node:assert/strict";
import { z } from "zod";
import { Graph } from "../../lib/graph/ir/graph.ts";
import type { Task } from "../../lib/models/architecture.ts";
import { type Build, newBuild } from "../../lib/models/build/build.ts";
import { openModel } from "../../lib/models/open.ts";
import { ARCHITECTURES } from "../../lib/models/registry.ts";

/** A build that notes the sites of dropouts, those of attention weights among them. */
function noting(b: Build, sites: string[]): Build {
  return {
    graph: b.graph,
    at: (name) => noting(b.at(name), sites),
    param: (...given) => b.param(...given),
    linear: (...given) => b.linear(...given),
    dropout(x, rate, site): ReturnType<Build["dropout"]> {
      if (rate > 0) sites.push(site);
      return b.dropout(x, rate, site);
    },
    block: (inputs, body) =>
      b.block(inputs, (inner, ...given) => body(noting(inner, sites), ...given)),
    attention(queries, options): ReturnType<Build["attention"]> {
      if ((options.dropout ?? 0) > 0) sites.push(`${options.slot}/weights`);
      return b.attention(queries, options);
    },
    asked: (hidden) => b.asked(hidden),
  };
}

for (const { modelType, title, config, heads } of ARCHITECTURES) {
  for (const task of Object.keys(heads) as Task[]) {
    Deno.test(`${title} for ${task} has a name of its own for each parameter and dropout`, () => {
      const model = openModel({ model_type: modelType }, { task });
      const { parameters, names: { prefix, heads: tops, tied } } = model;
      const known = new Set(parameters.map(({ name }) => name));
      assert.equal(known.size, parameters.length);
      for (const name of known) {
        assert.equal(name.startsWith(prefix), !tops.includes(name), `${name}: a head or not`);
      }
      for (const original of Object.values(tied)) assert.ok(known.has(original), original);
      assert.deepEqual(model.config.architectures, [heads[task]]);

      const graph = new Graph();
      const sites: string[] = [];
      const b = newBuild(graph, {
        parameter: ({ name, shape }) => graph.input(name, { type: "float32", shape }),
      });
      const inputs = model.fields.map((field) =>
        [field, graph.input(field, { type: "int32", shape: [1, 2] })] as const
      );
      model.forward(noting(b, sites), Object.fromEntries(inputs));
      assert.ok(sites.length > model.slots.length, "embeddings or layers are dropped, too");
      assert.deepEqual([...new Set(sites)], sites);
    });
  }

  Deno.test(`${title} documents each field of its config`, () => {
    for (const [name, field] of Object.entries(config.shape)) {
      assert.ok(field instanceof z.ZodDefault, `${name} has a default`);
      assert.ok((field.unwrap() as z.ZodType).description, name);
    }
  });
}
