/**
 * How many threads each computing stage gets.
 *
 * A stage shares the cores with as many computing stages as could ever run beside it: the largest
 * set of stages of which none depends on another and that contains it (Dilworth, by bipartite
 * matching). The whole pipeline counts, cached stages too, so that a stage computes with the same
 * number of threads whether it runs alone after a crash or in a fresh run.
 *
 * @module
 */

/** What the budget needs to know of a stage. */
export interface BudgetNode {
  readonly id: string;
  /** Whether it keeps cores busy. */
  readonly compute: boolean;
  /** Ids of the stages it reads. */
  readonly reads: readonly string[];
}

/**
 * Threads for each computing stage; others are absent.
 *
 * The budgets of stages that run together never add up to more than `cores`, as long as there are
 * no more of them than cores (the {@linkcode Pool} holds that bound in any case).
 *
 * @param nodes The pipeline in topological order.
 * @param bounds `cores` of the machine, `jobs` at once.
 * @returns Stage id -> threads, each at least 1.
 */
export function threadBudgets(
  nodes: readonly BudgetNode[],
  bounds: { readonly cores: number; readonly jobs: number },
): Map<string, number> {
  const above = new Map<string, Set<string>>();
  for (const node of nodes) {
    const set = new Set<string>();
    for (const id of node.reads) {
      set.add(id);
      for (const further of above.get(id) ?? []) set.add(further);
    }
    above.set(node.id, set);
  }
  const compute = nodes.filter((node) => node.compute).map((node) => node.id);
  const before = (a: string, b: string): boolean => above.get(b)!.has(a);
  const budgets = new Map<string, number>();
  for (const id of compute) {
    const beside = compute.filter((other) =>
      other !== id && !before(id, other) && !before(other, id)
    );
    const sharing = Math.min(1 + largestAntichain(beside, before), bounds.jobs);
    budgets.set(id, Math.max(1, Math.floor(bounds.cores / sharing)));
  }
  return budgets;
}

/** Size of the largest set of which no member comes before another: elements minus a maximum matching. */
function largestAntichain(
  ids: readonly string[],
  before: (a: string, b: string) => boolean,
): number {
  const matchOf = new Map<string, string>();
  const augment = (a: string, seen: Set<string>): boolean => {
    for (const b of ids) {
      if (seen.has(b) || !before(a, b)) continue;
      seen.add(b);
      const taken = matchOf.get(b);
      if (taken === undefined || augment(taken, seen)) {
        matchOf.set(b, a);
        return true;
      }
    }
    return false;
  };
  let matched = 0;
  for (const a of ids) if (augment(a, new Set())) matched++;
  return ids.length - matched;
}
