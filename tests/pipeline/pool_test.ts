import assert from "node:assert/strict";
import { Pool } from "../../lib/pipeline/run/pool.ts";
import { type BudgetNode, threadBudgets } from "../../lib/pipeline/run/pool_budget.ts";

/** Runs tasks with the given threads; returns the most that were at work at once. */
async function most(
  bounds: { jobs: number; cores: number },
  threads: readonly number[],
): Promise<{ tasks: number; threads: number }> {
  const pool = new Pool(bounds);
  const now = { tasks: 0, threads: 0 };
  const most = { tasks: 0, threads: 0 };
  await Promise.all(threads.map((need) =>
    pool.run(async () => {
      now.tasks++;
      now.threads += need;
      most.tasks = Math.max(most.tasks, now.tasks);
      most.threads = Math.max(most.threads, now.threads);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now.tasks--;
      now.threads -= need;
    }, { threads: need })
  ));
  return most;
}

Deno.test("Pool runs as many at once as there are jobs and cores", async () => {
  assert.deepEqual(await most({ jobs: 3, cores: 8 }, [0, 0, 0, 0, 0]), { tasks: 3, threads: 0 });
  assert.deepEqual(await most({ jobs: 9, cores: 4 }, [2, 2, 2, 0, 0]), { tasks: 4, threads: 4 });
  assert.deepEqual(await most({ jobs: 2, cores: 2 }, [2, 1, 1]), { tasks: 2, threads: 2 });
});

Deno.test("Pool lets a task with more threads than cores run alone", async () => {
  assert.equal((await most({ jobs: 4, cores: 2 }, [8, 8])).tasks, 1);
});

Deno.test("Pool gives the place of a failed task back", async () => {
  const pool = new Pool({ jobs: 1, cores: 1 });
  await assert.rejects(pool.run(() => Promise.reject(new Error("x")), { threads: 1 }), /x/);
  assert.equal(await pool.run(() => Promise.resolve(1), { threads: 1 }), 1);
});

/** `a<b` edges of a pipeline in topological order; names in capitals compute. */
function nodes(text: string): BudgetNode[] {
  return text.split(" ").map((word) => {
    const [id = "", reads = ""] = word.split("<");
    return { id, compute: id === id.toUpperCase(), reads: [...reads] };
  });
}

Deno.test("threadBudgets() divides the cores by what could run beside a stage", () => {
  const cases: [string, { cores: number; jobs: number }, Record<string, number>][] = [
    ["a B<a C<B D<B", { cores: 8, jobs: 8 }, { B: 8, C: 4, D: 4 }],
    ["a B<a C<B D<B", { cores: 8, jobs: 1 }, { B: 8, C: 8, D: 8 }],
    ["a B<a C<B", { cores: 2, jobs: 2 }, { B: 2, C: 2 }],
    // Two chains side by side: never more than two at once, though four stages compute.
    ["A B<A C D<C", { cores: 6, jobs: 8 }, { A: 3, B: 3, C: 3, D: 3 }],
    // F reads only one of three: beside it two can run.
    ["A B C F<A", { cores: 6, jobs: 8 }, { A: 2, B: 2, C: 2, F: 2 }],
    ["A B C D E", { cores: 2, jobs: 8 }, { A: 1, B: 1, C: 1, D: 1, E: 1 }],
    // Dependence through a stage that does not compute counts.
    ["A b<A C<b", { cores: 4, jobs: 4 }, { A: 4, C: 4 }],
  ];
  for (const [text, bounds, expected] of cases) {
    assert.deepEqual(Object.fromEntries(threadBudgets(nodes(text), bounds)), expected, text);
  }
});

Deno.test("threadBudgets() never oversubscribes: random graphs, every set that can run together", () => {
  let state = 12345;
  const random = (): number => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (let round = 0; round < 60; round++) {
    const count = 2 + Math.floor(random() * 7);
    const graph: BudgetNode[] = Array.from({ length: count }, (_, i) => ({
      id: String.fromCharCode(65 + i),
      compute: true,
      reads: Array.from({ length: i }, (_, j) => String.fromCharCode(65 + j))
        .filter(() => random() < 0.3),
    }));
    const cores = 8 + Math.floor(random() * 9);
    const budgets = threadBudgets(graph, { cores, jobs: count });
    const above = new Map<string, Set<string>>();
    for (const node of graph) {
      const set = new Set(node.reads.flatMap((id) => [id, ...above.get(id)!]));
      above.set(node.id, set);
    }
    for (let mask = 1; mask < 1 << count; mask++) {
      const set = graph.filter((_, i) => mask & (1 << i));
      if (set.some((a) => set.some((b) => above.get(a.id)!.has(b.id)))) continue;
      const used = set.reduce((sum, { id }) => sum + budgets.get(id)!, 0);
      assert.ok(used <= cores, `${set.map(({ id }) => id)} use ${used} of ${cores}`);
    }
  }
});
